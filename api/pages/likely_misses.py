"""The page of likely misses: excluded records, one after the other, for a second person."""

from __future__ import annotations

import uuid
from typing import Annotated, Literal

from fastapi import APIRouter, Form
from pydantic import Field
from starlette.responses import HTMLResponse, Response

from api.deps import LeadRequest, ReviewRequest, ScreenRequest
from api.pages.forms import FormModel, Problem, submit, to_review
from api.pages.render import review_page
from api.services.reviews.protocols import get_protocol_body
from api.services.screening.likely_misses import KIND, ask_for_list, decide_again, suggest_length
from api.types import FormText, Id, Token
from store.core import jobs
from store.reports import record_counts, records
from store.screening import likely_misses
from store.screening.decisions import NewDecision
from store.screening.likely_misses import MissListRequest

router = APIRouter()


class MissDecisionForm(FormModel):
    """A second decision on a record of a list."""

    report: Id
    token: Token
    decision: Literal["include", "exclude", "maybe"]
    note: Annotated[FormText, Field(max_length=10_000)] = ""


def _page(request: ReviewRequest, problem: Problem | None = None) -> HTMLResponse:
    review_id = request.review.id
    with request.store.read() as session:
        lists = likely_misses.list_lists(session, review_id)
        report_id, left = likely_misses.find_next_for(session, review_id, request.person.id)
        shown = records.get_representatives(session, review_id, [report_id] if report_id else [])
        counts = record_counts.count_reports(session, review_id)
        running = jobs.list_recent_jobs(session, review_id)
        protocol = get_protocol_body(session, review_id)
    length = suggest_length(protocol, counts.reports)
    return review_page(
        request,
        "misses.html",
        status=problem.status if problem else 200,
        lists=lists,
        stored=shown.get(report_id or 0),
        left=left,
        counts=counts,
        likely=length.likely,
        random=length.random,
        token=str(uuid.uuid4()),
        jobs=[job for job in running if job.kind == KIND],
        problem=problem.text if problem else None,
    )


@router.get("/reviews/{slug}/likely-misses")
def misses_page(request: ScreenRequest) -> HTMLResponse:
    """The next record to check, and the results of the lists so far."""
    return _page(request)


@router.post("/reviews/{slug}/likely-misses")
def ask(
    request: LeadRequest,
    likely: Annotated[FormText, Form(max_length=10)] = "",
    random: Annotated[FormText, Form(max_length=10)] = "",
) -> Response:
    """Fix the length of a list, and have it made."""

    def ask_worker() -> Response:
        if not (likely.isdecimal() and random.isdecimal()):
            raise ValueError("write two numbers: possible misses, and excludes at random")
        new = MissListRequest(likely=int(likely), random=int(random))
        job = ask_for_list(request.store, request.review.id, new, person_id=request.person.id)
        request.state.jobs.find_misses(request.review.id, job.list_id, job.job_id)
        return to_review(request.review, "likely-misses")

    return submit(ask_worker, lambda problem: _page(request, problem))


@router.post("/reviews/{slug}/likely-misses/looks")
def look(request: ScreenRequest, form: Annotated[MissDecisionForm, Form()]) -> Response:
    """Decide again, and go on to the next record."""

    def save() -> Response:
        new = NewDecision(form.token, form.report, form.decision, note=form.note or None)
        decide_again(request.store, request.review.id, request.person.id, new)
        request.state.wake()
        return to_review(request.review, "likely-misses")

    return submit(save, lambda problem: _page(request, problem))
