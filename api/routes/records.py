"""Records of a review, and why each is where it is in the order."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from api.deps import ReadRequest, ScreenRequest
from api.schemas.explanations import ExplanationOut, NotFittedOut
from api.schemas.jobs import AskedOut
from api.schemas.records import RecordOut, RecordPage, Standing
from api.services.ranking import explaining
from api.services.ranking.explaining import Fitted
from api.services.searching.record_keys import fold_words
from api.types import Id, IdPath, Text, Year
from harvest.languages import list_spellings
from store.core.errors import NotFound
from store.reports import record_listing, records
from store.reports.marks import MarkFilter
from store.reports.record_listing import FLAGS, RecordFilter

router = APIRouter(tags=["reviews"])


class RecordQuery(BaseModel):
    """What the record list is narrowed by, and which part of it to give."""

    q: Annotated[str, Field(max_length=500, description="Words in title, abstract, ids.")] = ""
    decision: Annotated[str | None, Field(pattern="^(include|exclude|maybe|undecided)$")] = None
    flag: Annotated[str | None, Field(pattern=f"^({'|'.join(FLAGS)})$")] = None
    search_id: Id | None = None
    year_from: Year | None = None
    year_to: Year | None = None
    language: Annotated[Text, Field(max_length=100, description="Name or code.")] = ""
    type: Annotated[Text, Field(max_length=100, description="A part of a publication type.")] = ""
    standing: Standing = "counts"
    tag: Annotated[str, Field(max_length=60, pattern=r"^[^\x00]*$")] = ""
    star: bool = False
    offset: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    limit: Annotated[int, Field(ge=1, le=500)] = 50

    def filters(self, person_id: int) -> RecordFilter:
        """The filters; tags and stars are those that this person sees."""
        marked = MarkFilter(person_id, self.tag, self.star) if self.tag or self.star else None
        return RecordFilter(
            text=fold_words(self.q),
            decision=self.decision,
            flag=self.flag,
            search_id=self.search_id,
            year_from=self.year_from,
            year_to=self.year_to,
            languages=list_spellings(self.language) if self.language else (),
            type=self.type,
            standing=self.standing,
            marked=marked,
        )


@router.get("/reviews/{slug}/records")
def list_records(request: ReadRequest, query: Annotated[RecordQuery, Query()]) -> RecordPage:
    """Records, searched and filtered, in the order in which they arrived."""
    with request.store.read() as session:
        total, listed = record_listing.list_records(
            session,
            request.review.id,
            query.filters(request.person.id),
            offset=query.offset,
            limit=query.limit,
        )
        page = [RecordOut.of(record) for record in listed]
    return RecordPage(total=total, offset=query.offset, records=page)


@router.get("/reviews/{slug}/records/{record_id}")
def get_record(request: ReadRequest, record_id: IdPath) -> RecordOut:
    """One record."""
    with request.store.read() as session:
        return RecordOut.of(records.get_record(session, request.review.id, record_id))


@router.post("/reviews/{slug}/records/{record_id}/explanation", status_code=202)
def ask_why(request: ScreenRequest, record_id: IdPath) -> AskedOut:
    """Ask the worker why a record is where it is; the answer appears at the same address."""
    asked = explaining.ask_for_explanation(request.store, request.review.id, record_id)
    request.state.jobs.explain(request.review.id, asked.report_id, asked.job)
    return AskedOut(job=asked.job)


@router.get("/reviews/{slug}/records/{record_id}/explanation")
def get_explanation(request: ReadRequest, record_id: IdPath) -> ExplanationOut | NotFittedOut:
    """What each view adds to a record's score, from the last time that somebody asked.

    ``current`` is false if decisions have been made since.
    """
    with request.store.read() as session:
        report_id = records.get_record(session, request.review.id, record_id).report_id
        kept = explaining.get_explanation(session, request.review.id, report_id)
    if kept is None:
        raise NotFound("nobody has asked for an explanation of this record; ask for one with POST")
    if isinstance(kept.body, Fitted):
        return ExplanationOut(report=report_id, current=kept.current, **asdict(kept.body))
    return NotFittedOut(report=report_id, current=kept.current, **asdict(kept.body))
