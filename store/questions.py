"""Sub-questions: where eligibility differs by question, an include says for which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def asked(body: Mapping[str, Any]) -> bool:
    """Whether an include says for which questions: there is more than one to choose from."""
    return bool(body.get("per_question")) and len(body.get("questions") or ()) > 1


def checked(
    body: Mapping[str, Any], decision: str, given: Sequence[str], *, required: bool = True
) -> list[str]:
    """The questions that a record is included for, each once, in the protocol's order.

    An exclude has none: excluded means that no question includes it.

    Args:
        body: of the protocol's version that it is decided under.
        decision: what was decided.
        given: keys of questions.
        required: whether an include must name one where the protocol asks for it.

    Raises:
        ValueError: a question is none of the protocol's, is named where none is asked for or with
            an exclude, or none is named with an include.
    """
    known = [each["key"] for each in body.get("questions") or ()]
    if given and not asked(body):
        raise ValueError("the protocol does not ask for which question a record is included")
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ValueError(f"{unknown[0]!r} is none of the protocol's questions: {', '.join(known)}")
    if given and decision == "exclude":
        raise ValueError("an exclude is for no question")
    if required and decision == "include" and not given and asked(body):
        raise ValueError("say for which question it is included; the protocol has several")
    return [key for key in known if key in given]


def texts(body: Mapping[str, Any]) -> dict[str, str]:
    """What may be chosen from, by key, in the protocol's order; empty where nothing is asked."""
    return {each["key"]: each["text"] for each in body["questions"]} if asked(body) else {}
