"""Recall of a review from its known relevant records, and comparisons with other orders."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import JSONResponse

from api.deps import LeadRequest
from api.routes import figures
from api.schemas.evaluation import EvaluationOut
from api.schemas.jobs import AskedOut
from api.services.ranking import comparing
from api.services.ranking.comparing import OrderComparison
from api.services.reporting.stored_results import EVALUATION
from store.core.errors import NotFound

router = APIRouter(tags=["reviews"])


@router.get("/reviews/{slug}/evaluation", response_model=EvaluationOut, responses=figures.NOT_READY)
def get_evaluation(request: LeadRequest) -> EvaluationOut | JSONResponse:
    """Search recall and screening recall from known relevant records, and what each may claim."""
    found = figures.get_figures(request, EVALUATION)
    if found.value is None:
        return figures.not_ready(found)
    out = EvaluationOut.model_validate(found.value)
    return out.model_copy(update={"worked_out": found.worked_out})


@router.post("/reviews/{slug}/evaluation/comparison", status_code=202)
def ask_for_comparison(request: LeadRequest) -> AskedOut:
    """Ask the worker to replay the review with its own pipeline and with ELAS u4."""
    job = comparing.ask_for_comparison(request.store, request.review.id)
    request.state.jobs.compare_orders(request.review.id, job)
    return AskedOut(job=job)


@router.get("/reviews/{slug}/evaluation/comparison")
def get_comparison(request: LeadRequest) -> OrderComparison:
    """Places at which replays reached the known relevant records, from the last comparison."""
    with request.store.read() as session:
        comparison = comparing.get_comparison(session, request.review.id)
    if comparison is None:
        raise NotFound("nobody has asked for a comparison yet; ask for one with POST")
    return comparison
