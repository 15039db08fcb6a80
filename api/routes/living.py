"""Scheduled searches, the pool, versions and events over the API."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Query

from api.deps import LeadRequest, ReadRequest, ReviewRequest
from api.schedule import Schedule, find_next_due
from api.schemas.living import (
    ActIn,
    AdmissionOut,
    AdmitIn,
    AssignIn,
    BringIn,
    BroughtOut,
    CompleteIn,
    EventOut,
    EvidenceIn,
    FreezeIn,
    NightOut,
    NightsOut,
    PoolOut,
    RuleIn,
    ScheduleIn,
    ScheduleOut,
    TellingIn,
    TellingOut,
)
from api.schemas.night_summary import LeadNightSummaryOut, NightSummaryOut, night_summary_out
from api.schemas.versions import VersionsOut
from api.services.living import (
    event_actions,
    night_history,
    night_runs,
    night_summary,
    notifications,
    pooling,
    schedules,
    versions,
)
from api.types import IdPath
from store.reports import record_events
from store.reports.record_events import EventAction
from store.reviews import members
from store.searching.admissions import NewAdmission, UrgentRecord
from store.searching.pool_membership import SearchAssignment

router = APIRouter(tags=["living review"])


def _schedule(schedule: Schedule) -> ScheduleOut:
    following = find_next_due(schedule, dt.datetime.now(dt.UTC))
    return ScheduleOut(**schedule.model_dump(exclude={"since"}), next=following)


@router.get("/reviews/{slug}/schedule")
def get_schedule(request: ReadRequest) -> ScheduleOut:
    """When the review's searches run automatically."""
    return _schedule(schedules.get_schedule(request.review))


@router.put("/reviews/{slug}/schedule")
def put_schedule(request: LeadRequest, body: ScheduleIn) -> ScheduleOut:
    """Set when the review's searches run automatically."""
    schedule = schedules.set_schedule(
        request.store,
        request.state.settings,
        request.review.id,
        body.model_dump(),
        person_id=request.person.id,
    )
    return _schedule(schedule)


@router.get("/reviews/{slug}/nights")
def list_nights(request: ReadRequest) -> NightsOut:
    """Nights, newest first, and how up to date each source is."""
    with request.store.read() as session:
        return NightsOut.model_validate(night_history.get_history(session, request.review.id))


@router.post("/reviews/{slug}/nights", status_code=201)
def begin_night(request: LeadRequest) -> NightOut:
    """Search now, as a night would."""
    night = night_runs.start_night(request.store, request.state.settings, request.review.id)
    request.state.wake()
    return NightOut.model_validate(night)


@router.get("/reviews/{slug}/nights/{night_id}")
def get_night(request: ReadRequest, night_id: IdPath) -> LeadNightSummaryOut | NightSummaryOut:
    """The summary of a night; only leads get scores."""
    with request.store.read() as session:
        lead = members.is_lead(session, request.review.id, request.person.id)
        summary = night_summary.build_summary(session, request.review.id, night_id, lead=lead)
    return night_summary_out(summary)


@router.get("/reviews/{slug}/telling")
def get_telling(request: LeadRequest) -> TellingOut:
    """Who gets the night summary."""
    return TellingOut.model_validate(notifications.get_notification_settings(request.review))


@router.put("/reviews/{slug}/telling")
def put_telling(request: LeadRequest, body: TellingIn) -> TellingOut:
    """Set who gets the night summary."""
    recipients = notifications.set_notification_settings(
        request.store,
        request.state.settings,
        request.review.id,
        body.model_dump(),
        person_id=request.person.id,
    )
    return TellingOut.model_validate(recipients)


def _pool(request: ReviewRequest) -> PoolOut:
    with request.store.read() as session:
        return PoolOut.model_validate(pooling.get_status(session, request.review.id))


@router.get("/reviews/{slug}/pool")
def get_pool(request: ReadRequest) -> PoolOut:
    """What waits in the pool, by search, and what was admitted."""
    return _pool(request)


@router.put("/reviews/{slug}/pool/freeze")
def put_freeze(request: LeadRequest, body: FreezeIn) -> PoolOut:
    """Set the search freeze date: records of later searches wait in the pool."""
    pooling.set_freeze_date(
        request.store, request.review.id, body.freeze_on, person_id=request.person.id
    )
    request.state.wake()
    return _pool(request)


@router.put("/reviews/{slug}/pool/rule")
def put_rule(request: LeadRequest, body: RuleIn) -> PoolOut:
    """Admit the pool by a rule, in the schedule's time zone, or by hand."""
    pooling.set_admission_rule(
        request.store, request.review.id, body.rule, person_id=request.person.id
    )
    return _pool(request)


@router.post("/reviews/{slug}/pool/admissions", status_code=201)
def admit_pool(request: LeadRequest, body: AdmitIn) -> AdmissionOut:
    """Let the whole pool up to a day into the review."""
    admission = NewAdmission(
        up_to=body.up_to or schedules.get_today(request.review),
        person_id=request.person.id,
    )
    admitted = pooling.admit_pool(
        request.store,
        request.review.id,
        admission,
        most_in_full=request.state.settings.pool.read_in_full,
    )
    request.state.wake()
    return AdmissionOut.model_validate(admitted)


@router.post("/reviews/{slug}/pool/brought", status_code=201)
def bring_record(request: LeadRequest, body: BringIn) -> BroughtOut:
    """Let one urgent record out of the pool, by a route of its own."""
    record = UrgentRecord(body.record, body.route, body.reason)
    report = pooling.bring_in_record(
        request.store, request.review.id, record, person_id=request.person.id
    )
    request.state.wake()
    return BroughtOut(report=report)


@router.post("/reviews/{slug}/searches/{search_id}/assignment")
def assign_search(request: LeadRequest, search_id: IdPath, body: AssignIn) -> PoolOut:
    """Move a search to the review or to the pool, whatever its date says."""
    assignment = SearchAssignment(search_id, body.to, body.reason)
    pooling.assign_search(request.store, request.review.id, assignment, person_id=request.person.id)
    request.state.wake()
    return _pool(request)


def _versions(request: ReviewRequest) -> VersionsOut:
    with request.store.read() as session:
        return VersionsOut.model_validate(versions.get_status(session, request.review.id))


@router.get("/reviews/{slug}/versions")
def get_versions(request: ReadRequest) -> VersionsOut:
    """Versions of the review, what came in between them, and the counts of each."""
    return _versions(request)


@router.post("/reviews/{slug}/versions", status_code=201)
def complete_version(request: LeadRequest, body: CompleteIn) -> VersionsOut:
    """Complete the version under way; later records become an update."""
    versions.complete_version(
        request.store,
        request.review.id,
        person_id=request.person.id,
        unread_reason=body.unread_reason,
        note=body.note,
    )
    return _versions(request)


@router.get("/reviews/{slug}/events")
def list_events(
    request: ReadRequest,
    kind: Annotated[str | None, Query(max_length=20)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
) -> list[EventOut]:
    """Events on records, newest first."""
    kinds = (kind,) if kind else ()
    with request.store.read() as session:
        events = record_events.list_events(
            session, request.review.id, kinds=kinds, limit=limit, offset=offset
        )
    return [EventOut.model_validate(event) for event in events]


@router.post("/reviews/{slug}/events/{event_id}/acts", status_code=201)
def act_on_event(request: LeadRequest, event_id: IdPath, body: ActIn) -> EventOut:
    """Keep an included report with a note, exclude it, or leave it to a sensitivity analysis."""
    event = event_actions.act_on_event(
        request.store,
        request.review.id,
        event_id,
        EventAction(body.act, body.note),
        person_id=request.person.id,
    )
    request.state.wake()
    return EventOut.model_validate(event)


@router.post("/reviews/{slug}/events/{event_id}/mistaken")
def mark_event_mistaken(request: LeadRequest, event_id: IdPath, body: EvidenceIn) -> EventOut:
    """Mark an event as a mistake, with evidence; it stays listed and no longer counts."""
    event = event_actions.mark_event_mistaken(
        request.store,
        request.review.id,
        event_id,
        evidence=body.evidence,
        person_id=request.person.id,
    )
    return EventOut.model_validate(event)
