"""Likely misses: excluded records that a second person checks."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import LeadRequest, ReadRequest, ScreenRequest
from api.schemas.jobs import AskedOut
from api.schemas.likely_misses import MissDecisionIn, MissListIn, NextMissOut
from api.schemas.records import RecordOut
from api.schemas.screening import StoredDecision
from api.services.screening.likely_misses import ask_for_list, decide_again
from store.reports import records
from store.screening.decisions import NewDecision
from store.screening.likely_misses import MissListInfo, MissListRequest, find_next_for, list_lists

router = APIRouter(tags=["screening"])


@router.get("/reviews/{slug}/likely-misses")
def list_rechecks(request: ReadRequest) -> list[MissListInfo]:
    """Lists of likely misses with how many were changed: no estimate of what remains."""
    with request.store.read() as session:
        return list_lists(session, request.review.id)


@router.post("/reviews/{slug}/likely-misses", status_code=202)
def ask_for_misses(request: LeadRequest, body: MissListIn) -> AskedOut:
    """Ask the worker for a list of likely misses, mixed with random excludes."""
    new = MissListRequest(likely=body.likely, random=body.random, seed=body.seed)
    job = ask_for_list(request.store, request.review.id, new, person_id=request.person.id)
    request.state.jobs.find_misses(request.review.id, job.list_id, job.job_id)
    return AskedOut(job=job.job_id)


@router.get("/reviews/{slug}/likely-misses/next")
def next_look(request: ScreenRequest) -> NextMissOut:
    """The next record for you to check; never one that you excluded yourself."""
    review_id = request.review.id
    with request.store.read() as session:
        report_id, left = find_next_for(session, review_id, request.person.id)
        shown = records.get_representatives(session, review_id, [report_id] if report_id else [])
    stored = shown.get(report_id or 0)
    return NextMissOut(record=RecordOut.of(stored) if stored else None, left=left)


@router.post("/reviews/{slug}/likely-misses/looks")
def look(request: ScreenRequest, body: MissDecisionIn) -> StoredDecision:
    """Decide again on a record of a list; the same token again changes nothing."""
    new = NewDecision(body.token, body.report, body.decision, note=body.note or None)
    recorded = decide_again(request.store, request.review.id, request.person.id, new)
    if recorded.stored:
        request.state.wake()
    return StoredDecision.model_validate(recorded)
