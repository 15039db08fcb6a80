"""Shapes on the wire of nights, the pool, versions and events; see ``api.schemas``."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from api.schemas import In, Out

_NO_NUL = r"^[^\x00]*$"
Words = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=2000, pattern=_NO_NUL),
]
Line = Annotated[str, StringConstraints(max_length=2000, pattern=_NO_NUL)]


class ScheduleIn(In):
    """When and what a review harvests by itself."""

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
    """A scheduled harvest."""

    id: int
    due_at: dt.datetime
    missed: int
    problems: dict[str, str]
    started_at: dt.datetime
    ended_at: dt.datetime | None
    told_at: dt.datetime | None
    untold: list[str]


class CheckedOut(Out):
    """When a source was last gone through."""

    source: str
    last: dt.date | None
    whole: dt.date | None
    failing: int
    why: str | None


class NightsOut(Out):
    """Nights, newest first, and when each source was last gone through."""

    nights: list[NightOut]
    checked: list[CheckedOut]


class TellingIn(In):
    """To whom the morning summary goes."""

    team: tuple[Line, ...] = Field(default=(), max_length=50)
    leads: tuple[Line, ...] = Field(default=(), max_length=50)
    webhook: Line = ""
    quiet: bool = True


class TellingOut(Out):
    """To whom the morning summary goes."""

    team: list[str]
    leads: list[str]
    webhook: str
    quiet: bool


class FreezeIn(In):
    """The search freeze date; null takes it away."""

    freeze_on: dt.date | None


class RuleIn(In):
    """A rule by which the pool is admitted; null: by hand."""

    rule: Line | None = None


class AdmitIn(In):
    """The day up to which searches are admitted; null: today."""

    up_to: dt.date | None = None


class AssignIn(In):
    """Where a search's records belong, and why."""

    to: Literal["review", "pool"]
    reason: Words


class BringIn(In):
    """One urgent record, how it was found, and why it cannot wait."""

    record: int = Field(ge=1, le=2**63 - 1)
    route: Line
    reason: Words


class BroughtOut(Out):
    """The report that is in the review now."""

    report: int


class WaitingOut(Out):
    """What one search has in the pool."""

    search_id: int
    source: str | None
    entries: int
    new: int
    copies: int
    filtered: int
    rejected: int
    first: str | None
    last: str | None
    undated: bool


class AdmissionOut(Out):
    """What was let out of the pool at once."""

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


class PoolOut(Out):
    """The pool: what waits, what an admission would be called, what was admitted."""

    freeze_on: str | None
    rule: str | None
    next: str
    waiting: list[WaitingOut]
    admissions: list[AdmissionOut]


class CompleteIn(In):
    """Why records are left unread, where some are, and what is to be said of the version."""

    unread_reason: Line | None = None
    note: Line | None = None


class ActIn(In):
    """What is done about an event on an included report."""

    act: Literal["kept", "excluded", "sensitivity"]
    note: Words


class EvidenceIn(In):
    """What shows that an event is mistaken."""

    evidence: Words


class ActOut(Out):
    """What a person did about an event."""

    act: str
    note: str
    person: str | None
    at: dt.datetime


class EventOut(Out):
    """Something that a source said of a record."""

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
    acts: list[ActOut]
