"""JSON of conflicts and of notes on the criteria."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from api.schemas.base import In, Out
from api.schemas.records import RecordOut
from api.schemas.screening import DecisionOut, QuestionKey
from api.types import Id, Token, Why


class DifferingOut(Out):
    """A record on which people differ, with each person's own decision."""

    record: RecordOut
    decisions: list[DecisionOut]


class ConflictDecisionIn(In):
    """What settles a conflict: include or exclude, and why.

    ``joint_with`` makes it a consensus between you and that person; without it, you adjudicate
    as a third person.
    """

    token: Token
    report: Id
    decision: Literal["include", "exclude"]
    note: Why
    joint_with: Id | None = None
    # Keys of the questions that the report is included for; if empty, those that the people who
    # had included it gave.
    questions: Annotated[tuple[QuestionKey, ...], Field(max_length=50)] = ()


class CriteriaNoteIn(In):
    """A note on the criteria, perhaps about a record that needs no more decisions."""

    text: Why
    report: Id | None = None
