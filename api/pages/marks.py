"""Forms that put tags, notes and stars on a record, and take them off."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Form
from starlette.responses import Response

from api.deps import ScreenRequest
from api.pages.forms import to_review
from api.services.screening import marking
from api.types import FormText, IdPath
from store.reports import records
from store.reports.marks import NewMark

router = APIRouter()


@router.post("/reviews/{slug}/records/{record_id}/marks")
def put_mark(
    request: ScreenRequest,
    record_id: IdPath,
    kind: Annotated[Literal["tag", "note", "star"], Form()],
    text: Annotated[FormText, Form(max_length=10_000)] = "",
) -> Response:
    """Put a tag, a note or a star on a record."""
    with request.store.read() as session:
        report_id = records.get_record(session, request.review.id, record_id).report_id
    mark = NewMark(kind, text)
    marking.add_mark(request.store, request.review.id, request.person.id, report_id, mark)
    return to_review(request.review, f"records/{record_id}#marks")


@router.post("/reviews/{slug}/records/{record_id}/marks/{mark_id}/remove")
def take_off_mark(request: ScreenRequest, record_id: IdPath, mark_id: IdPath) -> Response:
    """Take a mark off."""
    marking.remove_mark(request.store, request.review.id, request.person.id, mark_id)
    return to_review(request.review, f"records/{record_id}#marks")
