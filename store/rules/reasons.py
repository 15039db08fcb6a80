"""Reasons for exclusion: each review has its own ordered list; one decision may give several."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from store.rules.plans import TITLE_ABSTRACT

# These are not reasons why a record is ineligible; PRISMA 2020 counts each of them separately.
_RESERVED: Final = {
    "duplicate": "the screener says on the card which record it is the same as",
    "not retrieved": "a text that could not be obtained is counted separately, not as excluded",
}
_RESERVED_WORDING = re.compile(
    r"(duplicate|not retrieved)s?( (record|report|study|studie|article)s?)?"
)


def refuse_reserved_reasons(
    body: Mapping[str, Any], before: Mapping[str, Any] | None = None
) -> None:
    """Refuse a new reason that PRISMA counts separately.

    Args:
        body: of the new version.
        before: of the version before, whose reasons may stay; None for the first version.

    Raises:
        ValueError: a new reason says that a record is a duplicate or was not retrieved.
    """
    earlier = set(list_reasons(before or {}).values())
    for text in list_reasons(body).values():
        match = _RESERVED_WORDING.fullmatch(" ".join(re.findall(r"[a-z]+", text.lower())))
        if match and text not in earlier:
            raise ValueError(
                f"reasons: {text!r} is not a reason for exclusion: {_RESERVED[match[1]]}"
            )


def validate_reasons(
    body: Mapping[str, Any], decision: str, given: Sequence[str], *, stage: str = TITLE_ABSTRACT
) -> list[str]:
    """Check the reasons given with a decision.

    Args:
        body: of the protocol's version that the decision is made under.
        decision: include, exclude or maybe.
        given: keys of reasons.
        stage: the stage that is screened.

    Returns:
        The keys without repetitions, in the protocol's order.

    Raises:
        ValueError: a reason is not in the protocol, or does not come with an exclude; or an exclude
            lacks a required reason.
    """
    keys = list(list_reasons(body))
    unknown = sorted(set(given) - set(keys))
    if unknown:
        listed = ", ".join(keys) or "it has none"
        raise ValueError(f"{unknown[0]!r} is not one of the protocol's reasons: {listed}")
    if given and decision != "exclude":
        raise ValueError("only an exclude can have a reason")
    if decision == "exclude" and not given and requires_reason(body, stage):
        raise ValueError("the protocol asks for a reason for each exclude; choose one")
    return [key for key in keys if key in given]


def requires_reason(body: Mapping[str, Any], stage: str = TITLE_ABSTRACT) -> bool:
    """Whether an exclude needs a reason at a stage; never if the protocol has no reasons."""
    required = any(
        plan["stage"] == stage and plan.get("reason_required") for plan in body.get("plans") or ()
    )
    return bool(required and body.get("reasons"))


def list_reasons(body: Mapping[str, Any]) -> dict[str, str]:
    """The texts of a protocol's reasons, by key, in their order."""
    return {reason["key"]: reason["text"] for reason in body.get("reasons") or ()}


def find_only_reason(body: Mapping[str, Any], given: Iterable[str]) -> str | None:
    """The text of a reason if it is the only one that anybody gave; None if reasons differ.

    Nobody has chosen between reasons that differ, so none of them is more a record's reason than
    the others.
    """
    keys = set(given)
    return list_reasons(body).get(next(iter(keys))) if len(keys) == 1 else None
