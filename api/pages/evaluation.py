"""Recall from known studies: the evaluation, comparisons with other orders, the search check."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form
from starlette.responses import HTMLResponse, Response

from api.deps import LeadRequest, ReadRequest, ScreenRequest
from api.documents import plots
from api.pages.forms import to_review
from api.pages.render import review_page
from api.services.ranking import comparing
from api.services.reporting import search_check, stored_results
from api.services.reporting.stored_results import (
    DUPLICATES,
    EVALUATION,
    SCREENING,
    SEARCH_CHECK,
    Kind,
)
from store.core import jobs
from store.core.errors import NotFound
from store.reports import records

router = APIRouter()
# Known relevant records not read yet that are listed, from the last in the order.
_LATE = 20


@router.get("/reviews/{slug}/evaluation")
def evaluation_page(request: ReadRequest) -> HTMLResponse:
    """Recall from known relevant records, and what each figure may claim."""
    review_id = request.review.id
    figures = stored_results.get_figures(
        request.store, review_id, EVALUATION, request.state.jobs.work_out
    )
    screening = figures.value.screening if figures.value else None
    excluded_ids = screening.excluded if screening else ()
    late_ids = [late.report_id for late in screening.late[:_LATE]] if screening else []
    with request.store.read() as session:
        excluded = records.get_representatives(session, review_id, excluded_ids)
        late = records.get_representatives(session, review_id, late_ids)
        comparison = comparing.get_comparison(session, review_id)
        recent_jobs = jobs.list_recent_jobs(session, review_id)
    return review_page(
        request,
        "evaluation.html",
        figures=figures,
        result=figures.value,
        excluded=list(excluded.values()),
        late=late,
        comparison=comparison,
        note=comparing.NOTE,
        jobs=[job for job in recent_jobs if job.kind in (comparing.KIND, EVALUATION.name)],
    )


# The pages of figures that the worker works out, and which figures they show.
_FIGURES: Mapping[str, Kind[Any]] = {
    "evaluation": EVALUATION,
    "agreement": SCREENING,
    "screening-report": SCREENING,
    "duplicates": DUPLICATES,
    "evaluation/search": SEARCH_CHECK,
}


@router.post("/reviews/{slug}/figures")
def work_out(
    request: ScreenRequest,
    back: Annotated[
        Literal["evaluation", "agreement", "screening-report", "duplicates", "evaluation/search"],
        Form(),
    ],
) -> Response:
    """Have figures worked out again, and go back to their page."""
    stored_results.ask_for_figures(
        request.store, request.review.id, _FIGURES[back], request.state.jobs.work_out
    )
    return to_review(request.review, back)


@router.get("/reviews/{slug}/plots/recall.svg")
def recall_plot(request: ReadRequest) -> Response:
    """Known relevant records in screening order."""
    figures = stored_results.get_figures(
        request.store, request.review.id, EVALUATION, request.state.jobs.work_out
    )
    if figures.value is None:
        raise NotFound("these figures have not been worked out yet")
    with request.store.read() as session:
        comparison = comparing.get_comparison(session, request.review.id)
    plot = plots.recall(figures.value.screening, comparison)
    return Response(plot, media_type="image/svg+xml")


@router.post("/reviews/{slug}/evaluation/comparison")
def compare_orders(request: LeadRequest) -> Response:
    """Replay the review with its own pipeline and with ELAS u4, as a job of the worker."""
    job = comparing.ask_for_comparison(request.store, request.review.id)
    request.state.jobs.compare_orders(request.review.id, job)
    return to_review(request.review, "evaluation")


@router.get("/reviews/{slug}/evaluation/search")
def search_check_page(request: LeadRequest, missed: bool = False) -> HTMLResponse:
    """Recall of each source and of all together; with ``missed``, also what they missed."""
    review_id = request.review.id
    figures = stored_results.get_figures(
        request.store, review_id, SEARCH_CHECK, request.state.jobs.work_out
    )
    check = None
    with request.store.read() as session:
        if figures.value:
            check = search_check.check_search(session, review_id, figures.value)
        recent_jobs = jobs.list_recent_jobs(session, review_id)
    if check and missed:
        search_check.note_shown(request.store, review_id, check, person_id=request.person.id)
    return review_page(
        request,
        "search_check.html",
        figures=figures,
        check=check,
        missed=missed,
        jobs=recent_jobs,
        note=search_check.SAMPLE_NOTE,
        set_aside=search_check.FILTERED,
    )


@router.post("/reviews/{slug}/evaluation/search")
def look_up(request: LeadRequest) -> Response:
    """Ask the sources for what was missed, as a job of the worker."""
    job = search_check.ask_for_lookup(request.store, request.review.id)
    request.state.jobs.look_up(request.review.id, job)
    return to_review(request.review, "evaluation/search?missed=true")
