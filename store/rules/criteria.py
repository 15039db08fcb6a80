"""A protocol's criteria: the parts of it that say which records are relevant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

# Who screens, how records are ranked and how reasons are worded do not change what is relevant.
_CRITERIA: Final[dict[str, str]] = {
    "questions": "questions",
    "per_question": "whether includes name questions",
    "inclusion": "inclusion criteria",
    "exclusion": "exclusion criteria",
    "limits": "limits",
}
# Other parts that a reader of protocol deviations wants named.
_OTHER_PARTS: Final[dict[str, str]] = {
    "reasons": "reasons for exclusion",
    "plans": "who screens",
    "relations": "related reports",
    "ranking": "ranking",
    "known_relevant": "known studies",
}


def _part(body: Mapping[str, Any], key: str) -> Any:
    """A part of a protocol's body; None if it is empty, or if an older version lacks it.

    A plan that says when two people become one is the same before and after, if they agreed as well
    as it asks.
    """
    part = body.get(key) or None
    if key == "plans" and part:
        return [_plan_before_switch(plan) for plan in part]
    return part


def _plan_before_switch(plan: Mapping[str, Any]) -> Mapping[str, Any]:
    calibration = plan.get("calibration") or {}
    if not (calibration.get("switch") or {}).get("reached"):
        return plan
    before = {**plan, "dual_share": 1.0}
    before["calibration"] = {**calibration, "switch": None}
    return before


def list_differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Name all parts in which two versions of a protocol differ."""
    parts = {**_CRITERIA, **_OTHER_PARTS}
    return [name for key, name in parts.items() if _part(before, key) != _part(after, key)]


def list_criteria_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Name the parts of the criteria in which two versions of a protocol differ."""
    return [name for key, name in _CRITERIA.items() if _part(before, key) != _part(after, key)]


def find_same_criteria(bodies: Mapping[int, Mapping[str, Any]], version: int) -> set[int]:
    """Find the versions with the same criteria as one version, that version included.

    If a protocol returns to an old wording, the decisions made under it are current again.

    Args:
        bodies: of the protocol, by version.
        version: one of them.
    """
    return {
        number
        for number, body in bodies.items()
        if not list_criteria_changes(body, bodies[version])
    }
