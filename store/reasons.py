"""Reasons for exclusion: a review's own, in an order, of which one decision may give several."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from store.plans import TITLE_ABSTRACT

# What became of a record is no reason why it is not eligible; PRISMA 2020 counts each by itself.
BOXES: Final = {
    "duplicate": "whoever screens says on the card which record it is the same as",
    "not retrieved": "a text that could not be had is counted by itself, not as excluded",
}
_BOX = re.compile(r"(duplicate|not retrieved)s?( (record|report|study|studie|article)s?)?")


def refuse_boxes(body: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> None:
    """That a protocol's version has no new reason that is a box of its own.

    Args:
        body: of the new version.
        before: of the version before, whose reasons stay as they are; None for the first.

    Raises:
        ValueError: a new reason says that a record is a duplicate or was not retrieved.
    """
    known = set(texts(before or {}).values())
    for text in texts(body).values():
        found = _BOX.fullmatch(" ".join(re.findall(r"[a-z]+", text.lower())))
        if found and text not in known:
            raise ValueError(f"reasons: {text!r} is no reason for exclusion: {BOXES[found[1]]}")


def checked(
    body: Mapping[str, Any], decision: str, given: Sequence[str], *, stage: str = TITLE_ABSTRACT
) -> list[str]:
    """The reasons of a decision, each once, in the protocol's order.

    Args:
        body: of the protocol's version that it is made under.
        decision: what was decided.
        given: keys of reasons.
        stage: the stage that is screened.

    Raises:
        ValueError: a reason is none of the protocol's, or is given for no exclude, or one is
            required and none is given.
    """
    known = [each["key"] for each in body.get("reasons") or ()]
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ValueError(
            f"{unknown[0]!r} is none of the protocol's reasons: {', '.join(known) or 'it has none'}"
        )
    if given and decision != "exclude":
        raise ValueError("a reason is given for an exclude alone")
    if decision == "exclude" and not given and required(body, stage):
        raise ValueError("the protocol asks for a reason with each exclude; choose one")
    return [key for key in known if key in given]


def required(body: Mapping[str, Any], stage: str = TITLE_ABSTRACT) -> bool:
    """Whether an exclude needs a reason at a stage; never where the protocol has none."""
    asks = any(
        plan["stage"] == stage and plan.get("reason_required") for plan in body.get("plans") or ()
    )
    return bool(asks and body.get("reasons"))


def texts(body: Mapping[str, Any]) -> dict[str, str]:
    """What the reasons of a protocol's version say, by key, in their order."""
    return {each["key"]: each["text"] for each in body.get("reasons") or ()}


def reported(body: Mapping[str, Any], given: Sequence[str]) -> str | None:
    """The one that is reported: of those given, the first in the protocol's order."""
    return next((text for key, text in texts(body).items() if key in given), None)
