"""Pages of a review that is kept up to date: nights, the pool with its versions, events."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Request
from pydantic import ValidationError
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api import schedule as schedules
from api.deps import LeadDep, PersonDep, ReviewDep, StateDep
from api.pages.render import page
from api.schedule import Schedule, ScheduleError
from api.services import events as acting
from api.services import mornings, nights, pool_scores, pooling, telling, versions
from api.state import State
from store import admissions, events, members, pool, records, reviews, searches
from store import nights as stored
from store.errors import Conflict, NotFound
from store.people import PersonInfo
from store.reviews import ReviewInfo

router = APIRouter()
IdPath = Annotated[int, Path(ge=1, le=2**63 - 1)]
Words = Annotated[str, Form(max_length=2000)]
_PAGE = 50


def _said(text: str) -> str:
    return text.replace("\x00", "").strip()


def _back(review: ReviewInfo, where: str) -> Response:
    return RedirectResponse(f"/reviews/{review.slug}/{where}", status_code=303)


@router.get("/reviews/{slug}/nights")
def nights_page(request: Request, state: StateDep, review: ReviewDep) -> HTMLResponse:
    """The schedule, the nights so far, and when each source was last gone through."""
    return _nights(request, state, review)


def _nights(
    request: Request,
    state: State,
    review: ReviewInfo,
    *,
    problem: str | None = None,
    wanted: Schedule | None = None,
    status: int = 200,
) -> HTMLResponse:
    moment = dt.datetime.now(dt.UTC)
    with state.store.read() as session:
        info = reviews.by_id(session, review.id)
        history = stored.everything(session, review.id)
        checked = nights.checked(session, review.id)
        waiting = events.waiting(session, review.id)
    kept = nights.schedule_of(info)
    return page(
        request,
        "nights.html",
        status=status,
        review=review,
        schedule=wanted or kept,
        following=schedules.following(kept, moment),
        nights=history,
        checked=checked,
        today=nights.today(info),
        waiting=waiting,
        telling=telling.telling_of(info),
        sources=state.settings.sources,
        problem=problem,
    )


@router.post("/reviews/{slug}/nights/schedule")
def save_schedule(
    request: Request,
    state: StateDep,
    person: PersonDep,
    review: LeadDep,
    cron: Words,
    zone: Words,
    whole_days: Annotated[int, Form(ge=1, le=366)],
    source: Annotated[list[str], Form()] = [],  # noqa: B006 - FastAPI copies a form's default
    on: Annotated[str, Form(max_length=5)] = "",
) -> Response:
    """Set when the review is harvested by itself."""
    known = tuple(name for name in state.settings.sources if name in source)
    wanted = Schedule(
        on=bool(on),
        cron=_said(cron),
        zone=_said(zone),
        sources=() if len(known) == len(state.settings.sources) else known,
        whole_days=whole_days,
    )
    try:
        with state.store.write() as session:
            nights.set_schedule(session, state.settings, review.id, wanted, person_id=person.id)
    except ScheduleError as error:
        problem = f"{error} {error.remedy}"
        return _nights(request, state, review, problem=problem, wanted=wanted, status=422)
    return _back(review, "nights")


@router.post("/reviews/{slug}/nights/telling")
def save_telling(
    request: Request,
    state: StateDep,
    person: PersonDep,
    review: LeadDep,
    team: Words = "",
    leads: Words = "",
    webhook: Words = "",
    quiet: Annotated[str, Form(max_length=5)] = "",
) -> Response:
    """Set to whom the morning summary goes."""
    try:
        wanted = telling.Telling.model_validate(
            {
                "team": _addresses(team),
                "leads": _addresses(leads),
                "webhook": _said(webhook),
                "quiet": bool(quiet),
            }
        )
        with state.store.write() as session:
            telling.set_telling(session, state.settings, review.id, wanted, person_id=person.id)
    except ValidationError as error:
        bad = ", ".join(str(item["input"]) for item in error.errors())
        problem = f"No e-mail address: {bad}. Write them with commas between."
        return _nights(request, state, review, problem=problem, status=422)
    except telling.TellError as error:
        return _nights(request, state, review, problem=str(error), status=422)
    return _back(review, "nights")


def _addresses(text: str) -> list[str]:
    return [part.strip() for part in _said(text).replace(";", ",").split(",") if part.strip()]


@router.post("/reviews/{slug}/nights")
def begin_night(request: Request, state: StateDep, _person: PersonDep, review: LeadDep) -> Response:
    """Harvest now as a night would."""
    try:
        night = nights.begin_now(state.store, state.settings, review.id)
    except Conflict as error:
        return _nights(request, state, review, problem=f"{error}.", status=409)
    state.wake()
    return _back(review, f"nights/{night}")


@router.get("/reviews/{slug}/nights/{night_id}")
def night_page(
    request: Request, state: StateDep, person: PersonDep, review: ReviewDep, night_id: IdPath
) -> HTMLResponse:
    """The morning summary of a night; scores are for leads."""
    with state.store.read() as session:
        found = mornings.morning(
            session, review.id, night_id, lead=members.is_lead(session, review.id, person.id)
        )
    live = found.night.ended_at is None
    return page(request, "night.html", review=review, morning=found, live=live)


@router.get("/reviews/{slug}/pool")
def pool_page(
    request: Request, state: StateDep, person: PersonDep, review: ReviewDep
) -> HTMLResponse:
    """What waits and from where, what was admitted, and the versions with their counts."""
    return _pool(request, state, person, review)


def _pool(
    request: Request,
    state: State,
    person: PersonInfo,
    review: ReviewInfo,
    *,
    problem: str | None = None,
    status: int = 200,
) -> HTMLResponse:
    with state.store.read() as session:
        info = reviews.by_id(session, review.id)
        lead = members.is_lead(session, review.id, person.id)
        scores = pool_scores.kept(session, review.id) if lead else {}
        inside = pool.reports(session, review.id)
        order = sorted(inside, key=lambda report: (-scores.get(report, float("-inf")), report))
        shown = records.by_reports(session, review.id, order[:_PAGE])
        values = {
            "freeze": pool.freeze(session, review.id),
            "waiting": pool.by_search(session, review.id),
            "reports": [shown[report] for report in order[:_PAGE]],
            "number": len(inside),
            "scores": scores,
            "standing": versions.standing(session, review.id),
            "kind": admissions.open_kind(session, review.id)[0],
            "searches": searches.everything(session, review.id),
        }
    return page(
        request,
        "pool.html",
        status=status,
        review=review,
        rule=nights.rule_of(info),
        rules=list(schedules.RULES),
        routes=searches.ROUTES,
        today=nights.today(info),
        in_full=state.settings.pool.read_in_full,
        included_at=versions.INCLUDED_AT,
        problem=problem,
        **values,
    )


@router.post("/reviews/{slug}/pool/{action}")
def change_pool(
    request: Request,
    state: StateDep,
    person: PersonDep,
    review: LeadDep,
    action: Annotated[str, Path(pattern="^(freeze|admit|rule|assign|bring|complete)$")],
    day: Annotated[str, Form(max_length=10)] = "",
    rule: Annotated[str, Form(max_length=100)] = "",
    search: Annotated[int, Form(ge=1, le=2**63 - 1)] = 1,
    to: Annotated[str, Form(max_length=10)] = "",
    record: Annotated[int, Form(ge=1, le=2**63 - 1)] = 1,
    route: Annotated[str, Form(max_length=20)] = "",
    reason: Words = "",
    note: Words = "",
) -> Response:
    """Freeze, admit, set a rule, assign a search, bring a record, complete a version."""
    try:
        when = dt.date.fromisoformat(day) if day else None
        if action == "admit":
            pooling.admit(
                state.store,
                review.id,
                when or nights.today(review),
                in_full=state.settings.pool.read_in_full,
                person_id=person.id,
            )
        elif action == "complete":
            versions.complete(
                state.store,
                review.id,
                person_id=person.id,
                unread_reason=_said(reason),
                note=_said(note),
            )
        else:
            with state.store.write() as session:
                if action == "freeze":
                    pool.set_freeze(session, review.id, when, person_id=person.id)
                elif action == "rule":
                    nights.set_rule(session, review.id, _said(rule) or None, person_id=person.id)
                elif action == "assign":
                    pool.assign(
                        session, review.id, search, to, reason=_said(reason), person_id=person.id
                    )
                else:
                    pool.bring(
                        session,
                        review.id,
                        record,
                        route=route,
                        reason=_said(reason),
                        person_id=person.id,
                    )
    except (Conflict, NotFound) as error:
        return _pool(request, state, person, review, problem=f"{error}.", status=409)
    except ValueError as error:
        return _pool(request, state, person, review, problem=f"{error}.", status=422)
    state.wake()
    return _back(review, "pool")


@router.get("/reviews/{slug}/events")
def events_page(
    request: Request,
    state: StateDep,
    review: ReviewDep,
    kind: Annotated[str, Query(max_length=20)] = "",
    at: Annotated[int, Query(ge=0, le=10**9)] = 0,
) -> HTMLResponse:
    """What waits for a person, and all events, newest first."""
    return _events(request, state, review, kind=kind, at=at)


def _events(
    request: Request,
    state: State,
    review: ReviewInfo,
    *,
    kind: str = "",
    at: int = 0,
    problem: str | None = None,
    status: int = 200,
) -> HTMLResponse:
    with state.store.read() as session:
        counts = events.counts(session, review.id)
        kinds = (kind,) if kind in counts else ()
        listed = events.everything(session, review.id, kinds=kinds, limit=_PAGE, offset=at)
        waiting = events.waiting(session, review.id)
        checked = nights.checked(session, review.id)
    return page(
        request,
        "events.html",
        status=status,
        review=review,
        counts=counts,
        kind=kind if kinds else "",
        at=at,
        more=len(listed) == _PAGE,
        size=_PAGE,
        events=listed,
        waiting=waiting,
        checked=checked,
        problem=problem,
    )


@router.post("/reviews/{slug}/events/{event_id}/{action}")
def change_event(
    request: Request,
    state: StateDep,
    person: PersonDep,
    review: LeadDep,
    event_id: IdPath,
    action: Annotated[str, Path(pattern="^(kept|excluded|sensitivity|mistaken)$")],
    note: Words = "",
) -> Response:
    """Say what is done about an event, or mark it mistaken."""
    try:
        with state.store.write() as session:
            if action == "mistaken":
                events.mark_mistaken(
                    session, review.id, event_id, evidence=_said(note), person_id=person.id
                )
            else:
                acting.act(
                    session, review.id, event_id, action, note=_said(note), person_id=person.id
                )
    except Conflict as error:
        return _events(request, state, review, problem=f"{error}.", status=409)
    except ValueError as error:
        return _events(request, state, review, problem=f"{error}.", status=422)
    state.wake()
    return _back(review, "events")
