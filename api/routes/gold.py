"""Known relevant records of a review."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import LeadRequest
from api.schemas.gold import AddedOut, GoldListIn, GoldOut
from api.services.searching import gold_lists
from store.searching import gold

router = APIRouter(tags=["reviews"])


@router.get("/reviews/{slug}/gold")
def list_gold(request: LeadRequest) -> list[GoldOut]:
    """Known relevant records with their uses."""
    with request.store.read() as session:
        listed = gold.list_gold(session, request.review.id)
    return [GoldOut.model_validate(record) for record in listed]


@router.post("/reviews/{slug}/gold", status_code=201)
def add_gold(request: LeadRequest, body: GoldListIn) -> AddedOut:
    """Add known relevant records."""
    added = gold_lists.add_gold(
        request.store,
        request.review.id,
        [record.new_gold() for record in body.records],
        list_name=body.name,
        person_id=request.person.id,
    )
    request.state.wake()
    return AddedOut(added=added)
