"""Recall of a review from its known relevant records, and comparisons with other orders."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import LeadRequest
from api.schemas.evaluation import EvaluationOut
from api.schemas.jobs import AskedOut
from api.services.ranking import comparing
from api.services.ranking.comparing import OrderComparison
from api.services.reporting import evaluation
from store.core.errors import NotFound

router = APIRouter(tags=["reviews"])


@router.get("/reviews/{slug}/evaluation")
def get_evaluation(request: LeadRequest) -> EvaluationOut:
    """Search recall and screening recall from known relevant records, and what each may claim."""
    with request.store.read() as session:
        result = evaluation.evaluate(session, request.review.id)
    return EvaluationOut.model_validate(result)


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
