"""Records screened again under changed criteria, and deviations from the protocol."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import LeadRequest, ReadRequest, ReviewRequest, StageQuery
from api.schemas.rescreens import RescreenIn, RescreensOut
from api.services.screening import rescreening
from api.services.searching.record_keys import fold_words
from api.types import IdPath
from store.screening import rescreens
from store.screening.rescreens import Deviation, NewRescreen, RescreenFilter

router = APIRouter(tags=["screening"])


@router.get("/reviews/{slug}/rescreens")
def list_rescreens(request: ReadRequest, stage: StageQuery = "title-abstract") -> RescreensOut:
    """Decisions made under older criteria, and lists of records to screen again."""
    return _rescreens(request, stage)


@router.post("/reviews/{slug}/rescreens", status_code=201)
def ask_again(
    request: LeadRequest, body: RescreenIn, stage: StageQuery = "title-abstract"
) -> RescreensOut:
    """Have records screened again; until they are, their old decisions do not count."""
    filters = RescreenFilter(body.decision, body.reasons, fold_words(body.q), body.version)
    new = NewRescreen(filters, body.reason, stage)
    rescreening.create_rescreen(request.store, request.review.id, new, by=request.person.id)
    request.state.wake()
    return _rescreens(request, stage)


@router.delete("/reviews/{slug}/rescreens/{list_id}")
def take_back(
    request: LeadRequest, list_id: IdPath, stage: StageQuery = "title-abstract"
) -> RescreensOut:
    """Withdraw a list: the decisions made before it count again."""
    rescreening.withdraw_rescreen(request.store, request.review.id, list_id, by=request.person.id)
    request.state.wake()
    return _rescreens(request, stage)


@router.get("/reviews/{slug}/deviations")
def list_deviations(request: ReadRequest) -> list[Deviation]:
    """Changes of the protocol after screening began, each with its reason."""
    with request.store.read() as session:
        return rescreens.list_deviations(session, request.review.id)


def _rescreens(request: ReviewRequest, stage: str) -> RescreensOut:
    with request.store.read() as session:
        return RescreensOut(
            older=rescreens.count_older_decisions(session, request.review.id, stage),
            lists=rescreens.list_rescreens(session, request.review.id),
        )
