"""Nights, the pool, versions and events over the API."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from api import schedule as schedules
from api import schemas_living as schemas
from api.deps import LeadDep, PersonDep, ReviewDep, StateDep
from api.schedule import Schedule
from api.services import events as acting
from api.services import mornings, nights, pooling, telling, versions
from store import admissions, events, members, pool, reviews
from store import nights as stored
from store.session import ReadSession

router = APIRouter(tags=["living review"])

IdPath = Annotated[int, Path(ge=1, le=2**63 - 1)]


def _schedule(session: ReadSession, review_id: int) -> schemas.ScheduleOut:
    kept = nights.schedule_of(reviews.by_id(session, review_id))
    following = schedules.following(kept, dt.datetime.now(dt.UTC))
    return schemas.ScheduleOut(
        **kept.model_dump(exclude={"since", "sources"}), sources=list(kept.sources), next=following
    )


@router.get("/reviews/{slug}/schedule")
def get_schedule(state: StateDep, review: ReviewDep) -> schemas.ScheduleOut:
    """When the review is harvested by itself."""
    with state.store.read() as session:
        return _schedule(session, review.id)


@router.put("/reviews/{slug}/schedule")
def put_schedule(
    state: StateDep, person: PersonDep, review: LeadDep, body: schemas.ScheduleIn
) -> schemas.ScheduleOut:
    """Set when the review is harvested by itself."""
    with state.store.write() as session:
        wanted = Schedule.model_validate(body.model_dump())
        nights.set_schedule(session, state.settings, review.id, wanted, person_id=person.id)
        session.flush()
        return _schedule(session, review.id)


@router.get("/reviews/{slug}/nights")
def list_nights(state: StateDep, review: ReviewDep) -> schemas.NightsOut:
    """Nights, newest first, and when each source was last gone through."""
    with state.store.read() as session:
        return schemas.NightsOut(
            nights=[
                schemas.NightOut.model_validate(each)
                for each in stored.everything(session, review.id)
            ],
            checked=[
                schemas.CheckedOut.model_validate(each)
                for each in nights.checked(session, review.id)
            ],
        )


@router.post("/reviews/{slug}/nights", status_code=201)
def begin_night(state: StateDep, _person: PersonDep, review: LeadDep) -> schemas.NightOut:
    """Harvest now as a night would."""
    night = nights.begin_now(state.store, state.settings, review.id)
    state.wake()
    with state.store.read() as session:
        return schemas.NightOut.model_validate(stored.by_id(session, night, review.id))


@router.get("/reviews/{slug}/nights/{night_id}")
def get_night(
    state: StateDep, person: PersonDep, review: ReviewDep, night_id: IdPath
) -> dict[str, Any]:
    """The morning summary of a night; a lead's has scores."""
    with state.store.read() as session:
        return mornings.as_json(
            mornings.morning(
                session,
                review.id,
                night_id,
                lead=members.is_lead(session, review.id, person.id),
            )
        )


@router.get("/reviews/{slug}/telling")
def get_telling(_state: StateDep, review: LeadDep) -> schemas.TellingOut:
    """To whom the morning summary goes."""
    return schemas.TellingOut.model_validate(telling.telling_of(review))


@router.put("/reviews/{slug}/telling")
def put_telling(
    state: StateDep, person: PersonDep, review: LeadDep, body: schemas.TellingIn
) -> schemas.TellingOut:
    """Set to whom the morning summary goes."""
    wanted = telling.Telling.model_validate(body.model_dump())
    with state.store.write() as session:
        telling.set_telling(session, state.settings, review.id, wanted, person_id=person.id)
    return schemas.TellingOut.model_validate(wanted)


def _pool(session: ReadSession, review_id: int) -> schemas.PoolOut:
    rule = nights.rule_of(reviews.by_id(session, review_id))
    kind, _ = admissions.open_kind(session, review_id)
    return schemas.PoolOut(
        freeze_on=pool.freeze(session, review_id),
        rule=rule.words if rule else None,
        next=kind,
        waiting=[
            schemas.WaitingOut.model_validate(each) for each in pool.by_search(session, review_id)
        ],
        admissions=[
            schemas.AdmissionOut.model_validate(each)
            for each in admissions.everything(session, review_id)
        ],
    )


@router.get("/reviews/{slug}/pool")
def get_pool(state: StateDep, review: ReviewDep) -> schemas.PoolOut:
    """What waits in the pool, by search, and what was admitted."""
    with state.store.read() as session:
        return _pool(session, review.id)


@router.put("/reviews/{slug}/pool/freeze")
def put_freeze(
    state: StateDep, person: PersonDep, review: LeadDep, body: schemas.FreezeIn
) -> schemas.PoolOut:
    """Set the search freeze date: records of searches run after it wait in the pool."""
    with state.store.write() as session:
        pool.set_freeze(session, review.id, body.freeze_on, person_id=person.id)
        session.flush()
        found = _pool(session, review.id)
    state.wake()
    return found


@router.put("/reviews/{slug}/pool/rule")
def put_rule(
    state: StateDep, person: PersonDep, review: LeadDep, body: schemas.RuleIn
) -> schemas.PoolOut:
    """Admit the pool by a rule, in the schedule's time zone, or by hand."""
    with state.store.write() as session:
        nights.set_rule(session, review.id, body.rule, person_id=person.id)
        session.flush()
        return _pool(session, review.id)


@router.post("/reviews/{slug}/pool/admissions", status_code=201)
def admit_pool(
    state: StateDep, person: PersonDep, review: LeadDep, body: schemas.AdmitIn
) -> schemas.AdmissionOut:
    """Let the whole pool up to a day into the review."""
    made = pooling.admit(
        state.store,
        review.id,
        body.up_to or nights.today(review),
        in_full=state.settings.pool.read_in_full,
        person_id=person.id,
    )
    state.wake()
    return schemas.AdmissionOut.model_validate(made)


@router.post("/reviews/{slug}/pool/brought", status_code=201)
def bring_record(
    state: StateDep, person: PersonDep, review: LeadDep, body: schemas.BringIn
) -> schemas.BroughtOut:
    """Bring one urgent record out of the pool, by a route of its own."""
    with state.store.write() as session:
        report = pool.bring(
            session,
            review.id,
            body.record,
            route=body.route,
            reason=body.reason,
            person_id=person.id,
        )
    state.wake()
    return schemas.BroughtOut(report=report)


@router.post("/reviews/{slug}/searches/{search_id}/assignment")
def assign_search(
    state: StateDep,
    person: PersonDep,
    review: LeadDep,
    search_id: IdPath,
    body: schemas.AssignIn,
) -> schemas.PoolOut:
    """Say in writing where a search's records belong, whatever its date says."""
    with state.store.write() as session:
        pool.assign(session, review.id, search_id, body.to, reason=body.reason, person_id=person.id)
        session.flush()
        found = _pool(session, review.id)
    state.wake()
    return found


@router.get("/reviews/{slug}/versions")
def get_versions(state: StateDep, review: ReviewDep) -> dict[str, Any]:
    """Versions of the review, what came in between, and the counts of each."""
    with state.store.read() as session:
        return versions.as_json(versions.standing(session, review.id))


@router.post("/reviews/{slug}/versions", status_code=201)
def complete_version(
    state: StateDep, person: PersonDep, review: LeadDep, body: schemas.CompleteIn
) -> dict[str, Any]:
    """Complete the version under way; what comes later is an update."""
    versions.complete(
        state.store,
        review.id,
        person_id=person.id,
        unread_reason=body.unread_reason,
        note=body.note,
    )
    with state.store.read() as session:
        return versions.as_json(versions.standing(session, review.id))


@router.get("/reviews/{slug}/events")
def list_events(
    state: StateDep,
    review: ReviewDep,
    kind: Annotated[str | None, Query(max_length=20)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
) -> list[schemas.EventOut]:
    """Events on records, newest first."""
    with state.store.read() as session:
        found = events.everything(
            session, review.id, kinds=(kind,) if kind else (), limit=limit, offset=offset
        )
        return [schemas.EventOut.model_validate(each) for each in found]


@router.post("/reviews/{slug}/events/{event_id}/acts", status_code=201)
def act_on_event(
    state: StateDep, person: PersonDep, review: LeadDep, event_id: IdPath, body: schemas.ActIn
) -> schemas.EventOut:
    """Keep an included report with a note, exclude it, or leave it to a sensitivity analysis."""
    with state.store.write() as session:
        made = acting.act(
            session, review.id, event_id, body.act, note=body.note, person_id=person.id
        )
    state.wake()
    return schemas.EventOut.model_validate(made)


@router.post("/reviews/{slug}/events/{event_id}/mistaken")
def mark_event_mistaken(
    state: StateDep,
    person: PersonDep,
    review: LeadDep,
    event_id: IdPath,
    body: schemas.EvidenceIn,
) -> schemas.EventOut:
    """Mark an event mistaken, with evidence; it stays, and no longer stands."""
    with state.store.write() as session:
        events.mark_mistaken(
            session, review.id, event_id, evidence=body.evidence, person_id=person.id
        )
        session.flush()
        return schemas.EventOut.model_validate(events.by_id(session, review.id, event_id))
