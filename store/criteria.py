"""A protocol's criteria: what of its text says which records are relevant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

# Who screens, how records are ranked and how reasons are worded say nothing of what is relevant.
PARTS: Final[dict[str, str]] = {
    "questions": "questions",
    "per_question": "whether includes name questions",
    "inclusion": "inclusion criteria",
    "exclusion": "exclusion criteria",
    "limits": "limits",
}
# What else of a protocol a reader of the deviations wants named.
_OTHER: Final[dict[str, str]] = {
    "reasons": "reasons for exclusion",
    "plans": "who screens",
    "relations": "related reports",
    "ranking": "ranking",
    "known_relevant": "known relevant records",
}


def _says(body: Mapping[str, Any], part: str) -> Any:
    """A part of a body; one that an older version did not have yet says nothing."""
    return body.get(part) or None


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Everything in which two versions of a protocol differ, in words."""
    everything = {**PARTS, **_OTHER}
    return [
        words for part, words in everything.items() if _says(before, part) != _says(after, part)
    ]


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Parts of the criteria in which two versions of a protocol differ, in words."""
    return [words for part, words in PARTS.items() if _says(before, part) != _says(after, part)]


def same_as(bodies: Mapping[int, Mapping[str, Any]], version: int) -> set[int]:
    """Versions whose criteria say what those of a version say, itself among them.

    Whoever goes back to an old wording goes back to what was decided under it.

    Args:
        bodies: by version.
        version: one of them.
    """
    return {each for each, body in bodies.items() if not changed(body, bodies[version])}
