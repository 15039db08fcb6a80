"""Tags, notes and stars on records."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import ReadRequest, ReviewRequest, ScreenRequest
from api.schemas.records import MarkIn
from api.services.screening import marking
from api.types import IdPath
from store.reports import marks, records
from store.reports.marks import MarkInfo, NewMark

router = APIRouter(tags=["screening"])


@router.get("/reviews/{slug}/tags")
def list_tags(request: ReadRequest) -> list[str]:
    """The tags that you see: others' only on records that need no more decisions."""
    with request.store.read() as session:
        return marks.list_tags(session, request.review.id, request.person.id)


@router.get("/reviews/{slug}/records/{record_id}/marks")
def list_marks(request: ReadRequest, record_id: IdPath) -> list[MarkInfo]:
    """The tags, notes and stars that you see on a record."""
    with request.store.read() as session:
        report_id = records.get_record(session, request.review.id, record_id).report_id
    return _marks_on(request, report_id)


@router.post("/reviews/{slug}/marks", status_code=201)
def put_mark(request: ScreenRequest, body: MarkIn) -> list[MarkInfo]:
    """Put a tag, a note or a star on a record; returns all that you see on it."""
    mark = NewMark(body.kind, body.text)
    marking.add_mark(request.store, request.review.id, request.person.id, body.report, mark)
    return _marks_on(request, body.report)


@router.delete("/reviews/{slug}/marks/{mark_id}", status_code=204)
def take_off_mark(request: ScreenRequest, mark_id: IdPath) -> None:
    """Take a mark off."""
    marking.remove_mark(request.store, request.review.id, request.person.id, mark_id)


def _marks_on(request: ReviewRequest, report_id: int) -> list[MarkInfo]:
    review_id, person_id = request.review.id, request.person.id
    with request.store.read() as session:
        by_report = marks.list_marks_by_report(session, review_id, person_id, [report_id])
    return by_report.get(report_id, [])
