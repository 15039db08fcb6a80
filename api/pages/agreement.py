"""The page of agreement and pilot rounds."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Path
from starlette.responses import HTMLResponse, Response

from api.deps import LeadRequest, ReadRequest, ReviewRequest
from api.pages.forms import Problem, submit, to_review
from api.pages.render import review_page
from api.services.reporting import stored_results
from api.services.reporting.stored_results import SCREENING
from api.services.screening.agreement import (
    INTERVALS,
    InCommon,
    describe_verified,
    name_people,
)
from api.services.screening.pilots import close_round, start_round
from api.services.screening.switching import find_switch_state, switch_to_one_person
from api.types import FormText
from store.core import jobs
from store.core.errors import Conflict
from store.screening import independent_decisions, pilots
from store.screening.pilots import RoundRequest

router = APIRouter()


def _page(request: ReviewRequest, problem: Problem | None = None) -> HTMLResponse:
    review_id = request.review.id
    figures = stored_results.get_figures(
        request.store, review_id, SCREENING, request.state.jobs.work_out
    )
    found = figures.value
    with request.store.read() as session:
        agreed, switch, pilot_figures = None, None, {}
        if found is not None:
            agreed = name_people(found.agreement, independent_decisions.list_names(session))
            in_common = InCommon(agreed.records, agreed.in_common)
            switch = find_switch_state(session, review_id, in_common)
            pilot_figures = dict(found.pilots)
        rounds = [
            (pilot, pilot_figures.get(pilot.number))
            for pilot in pilots.list_rounds(session, review_id)
        ]
        recent_jobs = jobs.list_recent_jobs(session, review_id)
    return review_page(
        request,
        "agreement.html",
        status=problem.status if problem else 200,
        figures=figures,
        jobs=[job for job in recent_jobs if job.kind == SCREENING.name],
        agreed=agreed,
        verified=describe_verified(agreed.verified) if agreed else "",
        intervals=INTERVALS,
        switch=switch,
        rounds=rounds,
        running=any(pilot.closed_at is None for pilot, _ in rounds),
        problem=problem.text if problem else None,
    )


@router.get("/reviews/{slug}/agreement")
def agreement_page(request: ReadRequest) -> HTMLResponse:
    """How far people agree, per pair and over time; pilot rounds."""
    return _page(request)


@router.post("/reviews/{slug}/pilots/{action}")
def change_pilot(
    request: LeadRequest,
    action: Annotated[str, Path(pattern="^(begin|close)$")],
    size: Annotated[FormText, Form(max_length=10)] = "30",
    note: Annotated[FormText, Form(max_length=10_000)] = "",
) -> Response:
    """Start a pilot round, or close the open one."""

    def change() -> Response:
        store, review_id, person_id = request.store, request.review.id, request.person.id
        if action == "begin":
            start_round(store, review_id, RoundRequest(_count(size)), person_id=person_id)
        else:
            close_round(store, review_id, note=note, person_id=person_id)
        request.state.wake()
        return to_review(request.review, "agreement")

    return submit(change, lambda problem: _page(request, problem))


@router.post("/reviews/{slug}/agreement/switch")
def switch_plan(
    request: LeadRequest, reason: Annotated[FormText, Form(max_length=10_000)] = ""
) -> Response:
    """Switch from two people for every record to one."""

    def switch() -> Response:
        switch_to_one_person(
            request.store, request.review.id, reason=reason or None, person_id=request.person.id
        )
        request.state.wake()
        return to_review(request.review, "agreement")

    return submit(switch, lambda problem: _page(request, problem), catch=(ValueError, Conflict))


def _count(text: str) -> int:
    """A number of records.

    Raises:
        ValueError: the text is no number.
    """
    if not text.isdecimal():
        raise ValueError(f"write a number of records, not {text!r}")
    return int(text)
