"""Figures that the worker works out: when they are not ready yet, and asking for newer ones."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Path
from starlette.responses import JSONResponse

from api.deps import ReviewRequest, ScreenRequest
from api.schemas.jobs import AskedOut
from api.services.reporting import stored_results
from api.services.reporting.stored_results import KINDS, Figures, Kind
from store.core.errors import Conflict

router = APIRouter(tags=["reviews"])

T = TypeVar("T")
# What routes say about answers that are not ready yet.
NOT_READY: dict[int | str, dict[str, Any]] = {
    202: {"model": AskedOut, "description": "Not worked out yet: the job says how far it is."}
}
# Seconds after which a client may ask again.
_WAIT = 5


def get_figures(request: ReviewRequest, kind: Kind[T]) -> Figures[T]:
    """A review's figures; a large review's may be some minutes old, and say so."""
    return stored_results.get_figures(
        request.store, request.review.id, kind, request.state.jobs.work_out
    )


def not_ready(figures: Figures[Any]) -> JSONResponse:
    """The answer while figures have never been worked out.

    Raises:
        Conflict: they could not be, and nothing has changed since.
    """
    if figures.job is None:
        raise Conflict(figures.problem or "these figures have not been worked out")
    body = AskedOut(job=figures.job).model_dump()
    return JSONResponse(body, status_code=202, headers={"retry-after": str(_WAIT)})


@router.post("/reviews/{slug}/figures/{kind}", status_code=202)
def ask_for_figures(
    request: ScreenRequest,
    kind: Annotated[Literal["evaluation", "screening", "duplicates"], Path()],
) -> AskedOut:
    """Have figures worked out again: the evaluation, agreement and report, or duplicates."""
    job = stored_results.ask_for_figures(
        request.store, request.review.id, KINDS[kind], request.state.jobs.work_out
    )
    return AskedOut(job=job)
