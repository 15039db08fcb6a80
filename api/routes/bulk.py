"""Bulk actions: one decision or tag on every record of a filtered list."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import ReadRequest, ReviewRequest, ScreenRequest, StageQuery
from api.schemas.bulk import BulkDoneOut, BulkIn, BulkOut
from api.services.screening import bulk_actions
from api.services.searching.record_keys import fold_words
from api.types import IdPath
from harvest.languages import list_spellings
from store.reports.marks import MarkFilter
from store.reports.record_listing import RecordFilter
from store.screening import bulk
from store.screening.bulk import BulkAction, BulkRequest

router = APIRouter(tags=["screening"])


@router.get("/reviews/{slug}/bulk")
def list_bulk(request: ReadRequest) -> list[BulkOut]:
    """Bulk actions, oldest first; others' only once none of their records needs a decision."""
    return _actions(request)


@router.post("/reviews/{slug}/bulk", status_code=201)
def act_in_bulk(
    request: ScreenRequest, body: BulkIn, stage: StageQuery = "title-abstract"
) -> BulkDoneOut:
    """Do one thing to every record that a filter finds; leads decide, anybody who screens tags."""
    filters = RecordFilter(
        text=fold_words(body.q),
        decision=body.decision,
        flag=body.flag,
        search_id=body.search_id,
        year_from=body.year_from,
        year_to=body.year_to,
        languages=list_spellings(body.language) if body.language else (),
        type=body.type,
        marked=MarkFilter(request.person.id, body.tag) if body.tag else None,
    )
    action = BulkAction(kind=body.action, value=body.value, note=body.note, reasons=body.reasons)
    bulk_id, done = bulk_actions.apply_action(
        request.store,
        request.review.id,
        request.person.id,
        BulkRequest(
            filters=filters, action=action, token=body.token, expected=body.expected, stage=stage
        ),
    )
    request.state.wake()
    return BulkDoneOut(bulk=bulk_id, done=done, actions=_actions(request))


@router.post("/reviews/{slug}/bulk/{bulk_id}/undo")
def undo_in_bulk(request: ScreenRequest, bulk_id: IdPath) -> list[BulkOut]:
    """Undo a bulk action as one."""
    bulk_actions.undo_action(request.store, request.review.id, request.person.id, bulk_id)
    request.state.wake()
    return _actions(request)


def _actions(request: ReviewRequest) -> list[BulkOut]:
    with request.store.read() as session:
        actions = bulk.list_actions(session, request.review.id, seen_by=request.person.id)
    return [BulkOut.model_validate(action) for action in actions]
