"""JSON of scheduled searches, the pool and events, for the API and commands."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from api.schemas.base import In, Out
from api.services.living.night_history import SourceStatus
from api.services.living.pooling import AdmissionRule
from api.types import Id, Moment, Text, Words
from store.reports.record_events import EventActionInfo
from store.searching.pool import PoolCounts

_LONGEST = 2000
Line = Annotated[Text, Field(max_length=_LONGEST)]
Reason = Annotated[Words, Field(max_length=_LONGEST)]


class ScheduleIn(In):
    """When a review's searches run automatically, and at which sources."""

    on: bool = False
    cron: Line = "0 2 * * *"
    zone: Line = "UTC"
    sources: tuple[Line, ...] = Field(default=(), max_length=20)
    whole_days: int = Field(default=28, ge=1, le=366)


class ScheduleOut(Out):
    """The schedule, and when it comes due next."""

    on: bool
    cron: str
    zone: str
    sources: list[str]
    whole_days: int
    next: dt.datetime | None


class NightOut(Out):
    """A night: one scheduled search of a review."""

    id: int
    due_at: dt.datetime
    missed: int
    problems: dict[str, str]
    started_at: dt.datetime
    ended_at: dt.datetime | None
    told_at: dt.datetime | None
    untold: list[str]


class NightsOut(Out):
    """Nights, newest first, and how up to date each source is."""

    nights: list[NightOut]
    checked: list[SourceStatus]


class NightLine(Out):
    """A night, as commands list it."""

    night: int = Field(validation_alias="id")
    due_at: Moment
    missed: int
    ended_at: Moment | None
    not_asked: dict[str, str] = Field(validation_alias="problems")
    not_told: list[str] = Field(validation_alias="untold")


class SourceLine(Out):
    """How up to date a source is, as commands list it."""

    source: str
    last: dt.date | None
    whole: dt.date | None
    failing_nights: int = Field(validation_alias="failing")
    why: str | None


class NightLines(Out):
    """Nights, newest first, and how up to date each source is, as commands list them."""

    nights: list[NightLine]
    checked: list[SourceLine]


class TellingIn(In):
    """Who gets the night summary."""

    team: tuple[Line, ...] = Field(default=(), max_length=50)
    leads: tuple[Line, ...] = Field(default=(), max_length=50)
    webhook: Line = ""
    quiet: bool = True


class TellingOut(Out):
    """Who gets the night summary."""

    team: list[str]
    leads: list[str]
    webhook: str
    quiet: bool


class FreezeIn(In):
    """The search freeze date; null removes it."""

    freeze_on: dt.date | None


class RuleIn(In):
    """A rule by which the pool is admitted; null if a lead admits it."""

    rule: Line | None = None


class AdmitIn(In):
    """The day up to which searches are admitted; null for today."""

    up_to: dt.date | None = None


class AssignIn(In):
    """Whether a search's records belong to the review or to the pool, and why."""

    to: Literal["review", "pool"]
    reason: Reason


class BringIn(In):
    """One urgent record, how it was found, and why it cannot wait."""

    record: Id
    route: Line
    reason: Reason


class BroughtOut(Out):
    """The report that is now in the review."""

    report: int


class AdmissionOut(Out):
    """Records that were let out of the pool together."""

    id: int
    name: str
    kind: str
    number: int
    up_to: str
    rule: str | None
    records: int
    reports: int
    read_in_full: bool
    person: str | None
    admitted_at: dt.datetime


def _words_of(rule: AdmissionRule | None) -> str | None:
    return rule.text if rule else None


RuleWords = Annotated[str | None, BeforeValidator(_words_of)]


class PoolOut(Out):
    """The pool: what waits, what an admission would be called, and earlier admissions."""

    freeze_on: str | None
    rule: RuleWords
    next: str
    waiting: list[PoolCounts]
    admissions: list[AdmissionOut]


class WaitingLine(Out):
    """What one search has in the pool, as commands list it."""

    search: int = Field(validation_alias="search_id")
    source: str | None
    entries: int
    new: int
    copies: int
    filtered: int
    rejected: int
    first: str | None
    last: str | None
    undated: bool


class AdmissionLine(Out):
    """An admission, as commands list it."""

    admission: int = Field(validation_alias="id")
    name: str
    kind: str
    number: int
    up_to: str
    rule: str | None
    records: int
    reports: int
    read_in_full: bool
    by: str | None = Field(validation_alias="person")
    admitted_at: Moment


class PoolLines(Out):
    """The pool, as commands list it."""

    freeze_on: str | None
    rule: RuleWords
    waiting: list[WaitingLine]
    next: str
    admissions: list[AdmissionLine]


class CompleteIn(In):
    """Why records are left unread, if some are, and a note on the version."""

    unread_reason: Line | None = None
    note: Line | None = None


class ActIn(In):
    """What is done about an event on an included report."""

    act: Literal["kept", "excluded", "sensitivity"]
    note: Reason


class EvidenceIn(In):
    """What shows that an event is a mistake."""

    evidence: Reason


class EventOut(Out):
    """Something that a source says happened to a record."""

    id: int
    kind: str
    record_id: int
    report_id: int
    title: str | None
    source: str
    detail: dict[str, Any]
    at: dt.datetime
    decision: str | None
    open: bool
    mistaken_at: dt.datetime | None
    mistaken_by: str | None
    evidence: str | None
    acts: list[EventActionInfo]
