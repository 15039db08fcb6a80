"""Pages of a living review: scheduled searches, the pool with its versions, and events."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Form, Path, Query
from pydantic import BaseModel, Field, ValidationError
from starlette.responses import HTMLResponse, Response

from api.deps import LeadRequest, ReadRequest, ReviewRequest
from api.pages.forms import Problem, submit, to_review
from api.pages.render import page
from api.schedule import ADMISSION_RULES, Schedule, find_next_due
from api.services.living import (
    event_actions,
    night_history,
    night_runs,
    night_summary,
    notifications,
    pooling,
    schedules,
    setting_faults,
    versions,
)
from api.services.living.notifications import NotificationSettings, SendError
from api.services.ranking import pool_scores
from api.types import FormText, Id, IdPath, WholeNumber
from store.reports import record_events, records
from store.reports.record_events import EventAction
from store.reviews import members
from store.searching import pool, searches
from store.searching.admissions import NewAdmission, UrgentRecord
from store.searching.pool_membership import SearchAssignment

router = APIRouter()
_PAGE = 50
# A line or a few that people write in a form.
Line = Annotated[FormText, Field(max_length=2000)]
Checkbox = Annotated[str, Field(max_length=5)]


@router.get("/reviews/{slug}/nights")
def nights_page(request: ReadRequest) -> HTMLResponse:
    """The schedule, the nights so far, and how up to date each source is."""
    return _nights(request)


def _nights(
    request: ReviewRequest, problem: Problem | None = None, typed: Schedule | None = None
) -> HTMLResponse:
    """The page of scheduled searches.

    Args:
        request: of the review.
        problem: why a form was refused.
        typed: the schedule that was refused, to be shown again.
    """
    review = request.review
    with request.store.read() as session:
        history = night_history.get_history(session, review.id)
        waiting = record_events.list_events_to_act_on(session, review.id)
    schedule = schedules.get_schedule(review)
    return page(
        request.request,
        "nights.html",
        status=problem.status if problem else 200,
        review=review,
        schedule=typed or schedule,
        following=find_next_due(schedule, dt.datetime.now(dt.UTC)),
        nights=history.nights,
        checked=history.checked,
        today=schedules.get_today(review),
        waiting=waiting,
        notifications=notifications.get_notification_settings(review),
        sources=request.state.settings.sources,
        faults=setting_faults.list_faults(review),
        problem=problem.text if problem else None,
    )


class ScheduleForm(BaseModel):
    """The form of the schedule; no source chosen, or all, means every source."""

    cron: Line
    zone: Line
    whole_days: WholeNumber = Field(
        ge=1, le=366, title="Days after which to ask for everything again"
    )
    source: list[str] = []
    on: Checkbox = ""


@router.post("/reviews/{slug}/nights/schedule")
def save_schedule(request: LeadRequest, form: Annotated[ScheduleForm, Form()]) -> Response:
    """Set when the review's searches run automatically."""
    settings = request.state.settings
    ticked = tuple(name for name in settings.sources if name in form.source)
    schedule = Schedule(
        on=bool(form.on),
        cron=form.cron,
        zone=form.zone,
        sources=() if len(ticked) == len(settings.sources) else ticked,
        whole_days=form.whole_days,
    )

    def save() -> Response:
        schedules.set_schedule(
            request.store,
            settings,
            request.review.id,
            schedule.model_dump(),
            person_id=request.person.id,
        )
        return to_review(request.review, "nights")

    return submit(save, lambda problem: _nights(request, problem, typed=schedule))


class NotificationForm(BaseModel):
    """The form of who gets the night summary; addresses with commas or semicolons between."""

    team: Line = ""
    leads: Line = ""
    webhook: Line = ""
    quiet: Checkbox = ""

    def recipients(self) -> NotificationSettings:
        """The settings that the form describes.

        Raises:
            SendError: something in it is not an e-mail address.
        """
        try:
            return NotificationSettings(
                team=_addresses(self.team),
                leads=_addresses(self.leads),
                webhook=self.webhook,
                quiet=bool(self.quiet),
            )
        except ValidationError as error:
            wrong = ", ".join(str(item["input"]) for item in error.errors())
            raise SendError(
                f"This is not an e-mail address: {wrong}. Put commas between addresses."
            ) from error


def _addresses(text: str) -> tuple[str, ...]:
    parts = text.replace(";", ",").split(",")
    return tuple(part.strip() for part in parts if part.strip())


@router.post("/reviews/{slug}/nights/telling")
def save_notifications(request: LeadRequest, form: Annotated[NotificationForm, Form()]) -> Response:
    """Set who gets the night summary."""

    def save() -> Response:
        notifications.set_notification_settings(
            request.store,
            request.state.settings,
            request.review.id,
            form.recipients().model_dump(),
            person_id=request.person.id,
        )
        return to_review(request.review, "nights")

    return submit(save, lambda problem: _nights(request, problem))


@router.post("/reviews/{slug}/nights")
def begin_night(request: LeadRequest) -> Response:
    """Search now, as a night would."""

    def begin() -> Response:
        night = night_runs.start_night(request.store, request.state.settings, request.review.id)
        request.state.wake()
        return to_review(request.review, f"nights/{night.id}")

    return submit(begin, lambda problem: _nights(request, problem))


@router.get("/reviews/{slug}/nights/{night_id}")
def night_page(request: ReadRequest, night_id: IdPath) -> HTMLResponse:
    """The summary of a night; only leads see scores."""
    review = request.review
    with request.store.read() as session:
        lead = members.is_lead(session, review.id, request.person.id)
        summary = night_summary.build_summary(session, review.id, night_id, lead=lead)
    return page(
        request.request,
        "night.html",
        review=review,
        summary=summary,
        live=summary.night.ended_at is None,
    )


@router.get("/reviews/{slug}/pool")
def pool_page(request: ReadRequest) -> HTMLResponse:
    """What waits and where it came from, what was admitted, and the versions with their counts."""
    return _pool(request)


def _pool(request: ReviewRequest, problem: Problem | None = None) -> HTMLResponse:
    review = request.review
    with request.store.read() as session:
        status = pooling.get_status(session, review.id)
        lead = members.is_lead(session, review.id, request.person.id)
        scores = pool_scores.get_scores(session, review.id) if lead else {}
        reports = pool.list_reports(session, review.id)
        by_score = sorted(reports, key=lambda report: (-scores.get(report, float("-inf")), report))
        shown = records.get_representatives(session, review.id, by_score[:_PAGE])
        version_status = versions.get_status(session, review.id)
        all_searches = searches.list_searches(session, review.id)
    return page(
        request.request,
        "pool.html",
        status=problem.status if problem else 200,
        review=review,
        freeze=status.freeze_on,
        waiting=status.waiting,
        reports=[shown[report] for report in by_score[:_PAGE]],
        number=len(reports),
        scores=scores,
        versions=version_status,
        kind=status.next,
        searches=all_searches,
        numbers={search.id: number for number, search in enumerate(all_searches, 1)},
        rule=status.rule,
        rules=list(ADMISSION_RULES),
        routes=searches.ROUTES,
        today=schedules.get_today(review),
        in_full=request.state.settings.pool.read_in_full,
        included_at=versions.INCLUDED_AT,
        problem=problem.text if problem else None,
    )


class PoolForm(BaseModel):
    """The fields of all forms on the page; each form sends some of them."""

    day: Annotated[str, Field(max_length=10)] = ""
    rule: Annotated[FormText, Field(max_length=100)] = ""
    search: Id = 1
    to: Annotated[str, Field(max_length=10)] = ""
    record: Id = 1
    route: Annotated[str, Field(max_length=20)] = ""
    reason: Line = ""
    note: Line = ""

    def date(self) -> dt.date | None:
        """The day as a date; None if the field is empty."""
        return dt.date.fromisoformat(self.day) if self.day else None


@router.post("/reviews/{slug}/pool/{action}")
def change_pool(
    request: LeadRequest,
    action: Annotated[str, Path(pattern="^(freeze|admit|rule|assign|bring|complete)$")],
    form: Annotated[PoolForm, Form()],
) -> Response:
    """Freeze, admit, set a rule, move a search, let a record in, or complete a version."""

    def change() -> Response:
        _change_pool(request, action, form)
        request.state.wake()
        return to_review(request.review, "pool")

    return submit(change, lambda problem: _pool(request, problem))


def _change_pool(request: ReviewRequest, action: str, form: PoolForm) -> None:
    store, review_id, person_id = request.store, request.review.id, request.person.id
    match action:
        case "freeze":
            pooling.set_freeze_date(store, review_id, form.date(), person_id=person_id)
        case "admit":
            most_in_full = request.state.settings.pool.read_in_full
            day = form.date() or schedules.get_today(request.review)
            admission = NewAdmission(up_to=day, person_id=person_id)
            pooling.admit_pool(store, review_id, admission, most_in_full=most_in_full)
        case "rule":
            pooling.set_admission_rule(store, review_id, form.rule or None, person_id=person_id)
        case "assign":
            assignment = SearchAssignment(form.search, form.to, form.reason)
            pooling.assign_search(store, review_id, assignment, person_id=person_id)
        case "bring":
            record = UrgentRecord(form.record, form.route, form.reason)
            pooling.bring_in_record(store, review_id, record, person_id=person_id)
        case "complete":
            versions.complete_version(
                store,
                review_id,
                person_id=person_id,
                unread_reason=form.reason,
                note=form.note,
            )


@router.get("/reviews/{slug}/events")
def events_page(
    request: ReadRequest,
    kind: Annotated[str, Query(max_length=20)] = "",
    at: Annotated[WholeNumber, Query(ge=0, le=10**9)] = 0,
) -> HTMLResponse:
    """Events that need a decision, and all events, newest first."""
    return _events(request, kind=kind, at=at)


def _events(
    request: ReviewRequest, *, kind: str = "", at: int = 0, problem: Problem | None = None
) -> HTMLResponse:
    review_id = request.review.id
    with request.store.read() as session:
        counts = record_events.count_events(session, review_id)
        kinds = (kind,) if kind in counts else ()
        events = record_events.list_events(session, review_id, kinds=kinds, limit=_PAGE, offset=at)
        waiting = record_events.list_events_to_act_on(session, review_id)
        checked = night_history.list_source_status(session, review_id)
    return page(
        request.request,
        "events.html",
        status=problem.status if problem else 200,
        review=request.review,
        counts=counts,
        kind=kind if kinds else "",
        at=at,
        more=len(events) == _PAGE,
        size=_PAGE,
        events=events,
        waiting=waiting,
        checked=checked,
        problem=problem.text if problem else None,
    )


class EventForm(BaseModel):
    """The form of an event: a note, or the evidence of a mistake."""

    note: Line = ""


@router.post("/reviews/{slug}/events/{event_id}/{action}")
def change_event(
    request: LeadRequest,
    event_id: IdPath,
    action: Annotated[str, Path(pattern="^(kept|excluded|sensitivity|mistaken)$")],
    form: Annotated[EventForm, Form()],
) -> Response:
    """Act on an event, or mark it as a mistake."""
    store, review_id, person_id = request.store, request.review.id, request.person.id

    def change() -> Response:
        if action == "mistaken":
            event_actions.mark_event_mistaken(
                store, review_id, event_id, evidence=form.note, person_id=person_id
            )
        else:
            acted = EventAction(action, form.note)
            event_actions.act_on_event(store, review_id, event_id, acted, person_id=person_id)
        request.state.wake()
        return to_review(request.review, "events")

    return submit(change, lambda problem: _events(request, problem=problem))
