"""Shapes on the wire of a review's duplicates, pairs and studies; see ``api.schemas``."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import StringConstraints

from api.schemas import Id, In, Out, RecordOut


class RuleOut(Out):
    """Pairs that a rule merged, and on labelled sets with how many false among them."""

    name: str
    pairs: int
    labelled: int
    false: int


class SourceCountsOut(Out):
    """What one source brought, and what only it brought."""

    source: str
    records: int
    reports: int
    unique: int
    included: int
    unique_included: int


class CombinationOut(Out):
    """How many reports exactly these sources brought."""

    sources: list[str]
    reports: int


class DuplicatesOut(Out):
    """How deduplication stands in a review."""

    records: int
    reports: int
    duplicates: int
    related: int
    studies: int
    included_reports: int
    included_studies: int
    waiting: int
    questions: int
    rules: list[RuleOut]
    expected_false_pairs: float
    expected_false_pairs_95: float
    expected_copies_left: float
    words: str
    sources: list[SourceCountsOut]
    combinations: list[CombinationOut]


class PairOut(Out):
    """What was decided about two records, by a rule or by a person."""

    id: int
    a: int
    b: int
    label: str
    rule: str
    reason: str
    guard: str | None
    version: str
    person: str | None
    at: dt.datetime
    live: bool


class QuestionOut(Out):
    """A pair that a person must look at, with the reports and the decisions on them."""

    kind: str
    pair: PairOut
    reports: list[int]
    decisions: list[str | None]


Reason = Annotated[str, StringConstraints(max_length=10_000, pattern=r"^[^\x00]*$")]


class JudgementIn(In):
    """What a person says of two records; ``decision`` where both were decided differently."""

    a: Id
    b: Id
    label: Literal["same", "related", "different"]
    reason: Reason = ""
    decision: Literal["include", "exclude", "maybe"] | None = None


class StudyIn(In):
    """The name of a study that a report is of."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=300, pattern=r"^[^\x00]*$")]


class StudyOut(Out):
    """A named study that a report is of."""

    study_id: int
    name: str


class SplitIn(In):
    """Why a record is taken out of its report."""

    reason: Reason = ""


class ChangeOut(Out):
    """A report that consists of other records than before."""

    report_id: int
    joined: list[int]
    left: list[int]
    decision_before: int | None
    decision: int | None


class ChangedOut(Out):
    """Reports that changed."""

    reports: list[ChangeOut]


class CopiesOut(Out):
    """A report's records, what is shown of it, and which record each value is from."""

    report: int
    shown: RecordOut
    origins: dict[str, int]
    records: list[RecordOut]
    pairs: list[PairOut]
