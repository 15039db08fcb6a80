"""Sub-questions: if eligibility differs between questions, an include names its questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def requires_questions(body: Mapping[str, Any]) -> bool:
    """Whether an include must name questions: the protocol asks for it and has several."""
    return bool(body.get("per_question")) and len(body.get("questions") or ()) > 1


def validate_questions(
    body: Mapping[str, Any], decision: str, given: Sequence[str], *, required: bool = True
) -> list[str]:
    """Check the questions that a record is included for.

    An exclude names no question: it means that no question includes the record.

    Args:
        body: of the protocol's version that the decision is made under.
        decision: include, exclude or maybe.
        given: keys of questions.
        required: whether an include must name a question if the protocol asks for it.

    Returns:
        The keys without repetitions, in the protocol's order.

    Raises:
        ValueError: a question is not in the protocol; a question is named although the protocol
            does not ask for it, or with an exclude; or an include names no question.
    """
    keys = [question["key"] for question in body.get("questions") or ()]
    if given and not requires_questions(body):
        raise ValueError("the protocol does not ask which questions an include answers")
    unknown = sorted(set(given) - set(keys))
    if unknown:
        raise ValueError(
            f"{unknown[0]!r} is not one of the protocol's questions: {', '.join(keys)}"
        )
    if given and decision == "exclude":
        raise ValueError("an exclude cannot name a question")
    if required and decision == "include" and not given and requires_questions(body):
        raise ValueError("say which question it is included for; the protocol has several")
    return [key for key in keys if key in given]


def list_questions(body: Mapping[str, Any]) -> dict[str, str]:
    """Questions to choose from, by key, in the protocol's order; empty if none are asked for."""
    return (
        {question["key"]: question["text"] for question in body["questions"]}
        if requires_questions(body)
        else {}
    )
