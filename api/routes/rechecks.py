"""Likely misses: excluded records that somebody else looks at again."""

from __future__ import annotations

from fastapi import APIRouter

from api import schemas, schemas_team
from api.deps import LeadDep, PersonDep, ReviewDep, ScreenDep, StateDep
from api.routes import views
from api.services import misses
from store import decisions, jobs, rechecks, records
from store.decisions import NewDecision

router = APIRouter(tags=["screening"])


@router.get("/reviews/{slug}/likely-misses")
def list_rechecks(state: StateDep, review: ReviewDep) -> list[schemas_team.RecheckOut]:
    """Lists of likely misses with how many were changed: no estimate of what remains."""
    with state.store.read() as session:
        found = rechecks.everything(session, review.id)
        return [schemas_team.RecheckOut.model_validate(each) for each in found]


@router.post("/reviews/{slug}/likely-misses", status_code=202)
def ask_for_misses(
    state: StateDep, person: PersonDep, review: LeadDep, body: schemas_team.RecheckIn
) -> schemas.AskedOut:
    """Ask the worker for a list of so many likely misses, mixed with random excludes."""
    with state.store.write() as session:
        recheck = rechecks.ask(
            session,
            review.id,
            likely=body.likely,
            random=body.random,
            person_id=person.id,
            seed=body.seed,
        )
        job = jobs.begin(session, review.id, misses.KIND)
    state.jobs.find_misses(review.id, recheck, job)
    return schemas.AskedOut(job=job)


@router.get("/reviews/{slug}/likely-misses/next")
def next_look(state: StateDep, person: PersonDep, review: ScreenDep) -> schemas_team.LookOut:
    """The record that you look at next: none that you excluded yourself."""
    with state.store.read() as session:
        report, left = rechecks.next_for(session, review.id, person.id)
        found = records.by_reports(session, review.id, [report]) if report else {}
        record = views.record(found[report]) if report in found else None
    return schemas_team.LookOut(record=record, left=left)


@router.post("/reviews/{slug}/likely-misses/looks")
def look(
    state: StateDep, person: PersonDep, review: ScreenDep, body: schemas_team.LookIn
) -> schemas.StoredDecision:
    """Decide again on a record of a list; the same token again changes nothing."""
    new = NewDecision(body.token, body.report, body.decision, note=body.note or None)
    with state.store.write() as session:
        number, stored = rechecks.look(session, review.id, person.id, new)
        done = decisions.by_id(session, review.id, number)
    if stored:
        state.wake()
    return schemas.StoredDecision(decision=views.decision(done), stored=stored)
