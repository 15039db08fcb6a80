"""JSON of a review's duplicates, pairs and studies."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import AfterValidator, AliasPath, BeforeValidator, Field

from api.schemas.base import In, Out
from api.schemas.records import RecordOut
from api.services.duplicates.dedupe_report import RuleCount
from api.services.reporting.stored_results import WorkedOut
from api.types import Id, Text
from harvest.record import Rejected
from store.reports.overlap import SourceCounts


class CombinationOut(Out):
    """How many reports exactly these sources found."""

    sources: list[str]
    reports: int


class DuplicatesOut(Out):
    """Counts of a review's duplicates, with the errors to expect."""

    records: int
    reports: int
    duplicates: int
    related: int
    studies: int
    included_reports: int
    included_studies: int
    waiting: int
    questions: int
    rules: list[RuleCount]
    expected_false_pairs: float
    expected_false_pairs_95: float
    expected_copies_left: float
    words: str
    sources: list[SourceCounts]
    combinations: list[CombinationOut]
    worked_out: WorkedOut | None = None


class PairOut(Out):
    """What a rule or a person decided about two records."""

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
    """A pair that a person must look at, with its reports and the decisions on them."""

    kind: str
    pair: PairOut
    reports: list[int]
    decisions: list[str | None]


Reason = Annotated[Text, Field(max_length=10_000)]


class JudgementIn(In):
    """What a person says about two records; ``decision`` if they were decided differently."""

    a: Id
    b: Id
    label: Literal["same", "related", "different"]
    reason: Reason = ""
    decision: Literal["include", "exclude", "maybe"] | None = None


class StudyIn(In):
    """The name of a study that a report belongs to."""

    name: Annotated[Text, Field(min_length=1, max_length=300)]


class SplitIn(In):
    """Why a record is taken out of its report."""

    reason: Reason = ""


class ChangeOut(Out):
    """A report that now has other records than before."""

    report_id: int
    joined: list[int]
    left: list[int]
    decision_before: int | None
    decision: int | None


class ChangedOut(Out):
    """The reports that changed."""

    reports: list[ChangeOut]


class CopiesOut(Out):
    """A report's records, what is shown of it, and which record each value comes from."""

    report: int
    shown: RecordOut
    origins: dict[str, int]
    records: list[RecordOut]
    pairs: list[PairOut]


class ComparedPairOut(Out):
    """Two records of a file, and the rules' decision on them."""

    a: str
    b: str
    label: str = Field(validation_alias=AliasPath("decision", "label"))
    rule: str = Field(validation_alias=AliasPath("decision", "rule"))
    reason: str = Field(validation_alias=AliasPath("decision", "reason"))
    guard: str | None = Field(validation_alias=AliasPath("decision", "guard"))


class FileDuplicatesOut(Out):
    """What deduplicating a file found."""

    file: Annotated[str, BeforeValidator(str)]
    format: str = Field(validation_alias=AliasPath("content", "format"))
    records: int
    rejected: list[Rejected] = Field(validation_alias=AliasPath("content", "rejected"))
    reports: int
    duplicates: int
    groups: list[list[str]] = Field(validation_alias="merged")
    pairs_compared: int = Field(validation_alias=AliasPath("outcome", "compared"))
    pairs: list[ComparedPairOut] = Field(validation_alias=AliasPath("outcome", "pairs"))
    warnings: list[str] = Field(validation_alias=AliasPath("outcome", "warnings"))
    seconds: Annotated[float, AfterValidator(lambda seconds: round(seconds, 3))]
