"""Reasons for exclusion: a review's own, in an order, of which one decision may give several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from store.plans import TITLE_ABSTRACT


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
