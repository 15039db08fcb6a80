"""JSON of a night's summary and of its events, for the API, commands and webhooks."""

from __future__ import annotations

import datetime as dt
from typing import Any

from pydantic import AliasPath, Field, field_serializer

from api.schemas.base import Out
from api.services.living.night_summary import NightSummary
from api.types import Moment
from store.reports.record_events import EventMistake


class EventActionLine(Out):
    """What a person did about an event."""

    act: str
    note: str
    by: str | None = Field(validation_alias="person")
    at: Moment


class EventLine(Out):
    """An event on a record, as summaries and commands list it."""

    event: int = Field(validation_alias="id")
    kind: str
    record: int = Field(validation_alias="record_id")
    report: int = Field(validation_alias="report_id")
    title: str | None
    source: str
    at: Moment
    detail: dict[str, Any]
    decision: str | None
    open: bool
    mistaken: EventMistake | None = Field(validation_alias="mistake")
    acts: list[EventActionLine]


class NightRunLine(Out):
    """A run of a night at one source; its state is ``held`` if its records wait for a person."""

    run: int = Field(validation_alias="id")
    source: str
    mode: str
    since: str | None
    until: str | None
    state: str
    new: int
    changed: int
    same: int
    filtered: int
    rejected: int
    held: bool = Field(exclude=True)

    @field_serializer("state")
    def _state(self, state: str) -> str:
        return "held" if self.held else state


class FailedSourceLine(Out):
    """A source that failed in a night, and for how many nights in a row it has."""

    source: str
    last: dt.date | None
    nights: int = Field(validation_alias="failing")
    why: str | None


class NewReportLine(Out):
    """A report that a night found."""

    report: int = Field(validation_alias="report_id")
    title: str
    year: int | None
    sources: list[str]


class ScoredReportLine(NewReportLine):
    """A report that a night found, with the score that leads see."""

    score: float | None


class NightSummaryOut(Out):
    """What a night found, as the team sees it."""

    review: str = Field(validation_alias="slug")
    night: int = Field(validation_alias=AliasPath("night", "id"))
    due_at: Moment = Field(validation_alias=AliasPath("night", "due_at"))
    missed: int = Field(validation_alias=AliasPath("night", "missed"))
    ended_at: Moment | None = Field(validation_alias=AliasPath("night", "ended_at"))
    new: int
    pooled: bool
    waiting_in_pool: int = Field(validation_alias="waiting")
    runs: list[NightRunLine]
    not_asked: dict[str, str] = Field(validation_alias=AliasPath("night", "problems"))
    stale: list[FailedSourceLine] = Field(validation_alias="failed")
    reports: list[NewReportLine]
    events: list[EventLine]
    open_events: list[int] = Field(validation_alias="open_event_ids")


class LeadNightSummaryOut(NightSummaryOut):
    """What a night found, as leads see it: with scores."""

    reports: list[ScoredReportLine]  # type: ignore[assignment] # a list that nothing is added to


def night_summary_out(summary: NightSummary) -> NightSummaryOut:
    """A summary as JSON; scores are in it only if it is for leads."""
    schema = LeadNightSummaryOut if summary.lead else NightSummaryOut
    return schema.model_validate(summary)


def dump_night_summary(summary: NightSummary) -> dict[str, Any]:
    """A summary as a JSON object for webhooks and commands."""
    return night_summary_out(summary).model_dump(mode="json")
