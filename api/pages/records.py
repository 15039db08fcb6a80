"""The record list, and single records with their decisions."""

from __future__ import annotations

import uuid
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query
from pydantic import Field
from starlette.responses import HTMLResponse, Response

from api.deps import ReadRequest, ReviewRequest, ScreenRequest
from api.pages.forms import DecisionForm, FormModel, to_review
from api.pages.render import review_page
from api.schemas.records import Standing
from api.services.ranking import explaining
from api.services.screening import deciding
from api.services.searching.record_keys import fold_words
from api.types import FormText, Id, IdPath, WholeNumber, Year
from harvest.languages import list_spellings
from store.core import jobs
from store.core.session import ReadSession
from store.reports import limits, marks, pairs, record_events, record_listing, records, studies
from store.reports.marks import MarkFilter
from store.reports.record_listing import RecordFilter
from store.reports.records import StoredRecord
from store.reviews import reviews, screeners
from store.rules import questions, reasons
from store.screening import bulk, decision_log, imported_decisions, independent_decisions
from store.searching import searches

router = APIRouter()
_PAGE = 50
# Related records of other reports that are shown.
_RELATED = 20


class ListFilters(FormModel):
    """What a record list is narrowed by."""

    q: Annotated[FormText, Field(max_length=500)] = ""
    decision: Literal["include", "exclude", "maybe", "undecided"] | None = None
    flag: Literal["no-abstract", "no-title", "no-year", "outside"] | None = None
    search: Id | None = None
    year_from: Year | None = None
    year_to: Year | None = None
    language: Annotated[FormText, Field(max_length=100)] = ""
    type: Annotated[FormText, Field(max_length=100)] = ""
    tag: Annotated[FormText, Field(max_length=60)] = ""
    star: bool = False

    def list_filters(self, person_id: int, standing: str = "counts") -> RecordFilter:
        """The filters; tags and stars are those that this person sees."""
        marked = MarkFilter(person_id, self.tag, self.star) if self.tag or self.star else None
        return RecordFilter(
            text=fold_words(self.q),
            decision=self.decision,
            flag=self.flag,
            search_id=self.search,
            year_from=self.year_from,
            year_to=self.year_to,
            languages=list_spellings(self.language) if self.language else (),
            type=self.type,
            standing=standing,
            marked=marked,
        )


class ListQuery(ListFilters):
    """The record list's address: its filters, and the number of the page."""

    standing: Standing = "counts"
    number: Annotated[WholeNumber, Field(alias="page", ge=1, le=10**6)] = 1

    def address(self) -> str:
        """The filters as part of an address, without the number of the page."""
        filters: dict[str, Any] = {
            "q": self.q,
            "decision": self.decision,
            "flag": self.flag,
            "search": self.search,
            "year_from": self.year_from,
            "year_to": self.year_to,
            "language": self.language,
            "type": self.type,
            "tag": self.tag,
            "star": "true" if self.star else "",
            "standing": "" if self.standing == "counts" else self.standing,
        }
        return urlencode({name: value for name, value in filters.items() if value})


@router.get("/reviews/{slug}/records")
def record_list(request: ReadRequest, query: Annotated[ListQuery, Query()]) -> HTMLResponse:
    """Records, searched and filtered."""
    review_id, person_id = request.review.id, request.person.id
    with request.store.read() as session:
        total, listed = record_listing.list_records(
            session,
            review_id,
            query.list_filters(person_id, query.standing),
            offset=(query.number - 1) * _PAGE,
            limit=_PAGE,
        )
        values: dict[str, Any] = {
            "found": listed,
            "total": total,
            "searches": searches.list_searches(session, review_id),
            "tags": marks.list_tags(session, review_id, person_id),
            "reasons": reasons.list_reasons(reviews.get_protocol(session, review_id).body),
            "screeners": screeners.list_screeners(session, review_id),
            "outside": limits.find_outside(session, review_id, [each.report_id for each in listed]),
            "actions": bulk.list_actions(session, review_id, seen_by=person_id),
        }
    return review_page(
        request,
        "records.html",
        number=query.number,
        pages=max(1, -(-total // _PAGE)),
        q=query.q,
        decision=query.decision or "",
        flag=query.flag or "",
        search=str(query.search or ""),
        standing=query.standing,
        year_from=query.year_from or "",
        year_to=query.year_to or "",
        language=query.language,
        type=query.type,
        tag=query.tag,
        star=query.star,
        query=query.address(),
        token=str(uuid.uuid4()),
        **values,
    )


@router.get("/reviews/{slug}/records/{record_id}")
def record_page(request: ReadRequest, record_id: IdPath) -> HTMLResponse:
    """A record, its decision and all earlier decisions."""
    with request.store.read() as session:
        record = records.get_record(session, request.review.id, record_id)
        values = {
            **_copies(session, request, record),
            **_decisions(session, request, record.report_id),
            **_notes(session, request, record.report_id),
            "limits": limits.get_year_limits(session, request.review.id),
            "outside": limits.find_outside(session, request.review.id, [record.report_id]),
            "left_out": limits.is_left_out(session, record.report_id),
        }
    return review_page(request, "record.html", token=str(uuid.uuid4()), **values)


def _copies(session: ReadSession, request: ReviewRequest, record: StoredRecord) -> dict[str, Any]:
    """The records of the report, what is shown of it, and related reports and studies."""
    review_id = request.review.id
    copies = records.list_records_of_report(session, review_id, record.report_id)
    # A record that does not count is shown as it is, not with values from its report's others.
    shown = records.compose_representative(copies) if record.active else record
    live_pairs = pairs.list_live_pairs(session, [copy.id for copy in copies])
    own = {copy.id for copy in copies}
    related = {
        end: pair
        for pair in live_pairs
        for end in (pair.a, pair.b)
        if pair.label == "related" and end not in own
    }
    return {
        "stored": shown,
        "record": shown.record,
        "copies": copies,
        "said": [pair for pair in live_pairs if own.issuperset((pair.a, pair.b))],
        "related": related,
        "others": {
            number: records.get_record(session, review_id, number)
            for number in list(related)[:_RELATED]
        },
        "named": [
            member
            for member in studies.list_memberships(session, review_id)
            if member.report_id == record.report_id
        ],
    }


def _decisions(session: ReadSession, request: ReviewRequest, report_id: int) -> dict[str, Any]:
    """The decisions on a report, what a decision may name, and why the report is where it is."""
    review_id = request.review.id
    body = reviews.get_protocol(session, review_id).body
    log = decision_log.list_log(session, review_id, seen_by=request.person.id, report_id=report_id)
    recent_jobs = jobs.list_recent_jobs(session, review_id)
    return {
        "log": list(log),
        "corrections": independent_decisions.list_corrections(
            session, review_id, report_id=report_id
        ),
        "imported": imported_decisions.list_imported(
            session, review_id, seen_by=request.person.id, report_id=report_id
        ),
        "reasons": reasons.list_reasons(body),
        "questions": questions.list_questions(body),
        "explained": explaining.get_explanation(session, review_id, report_id),
        "jobs": [job for job in recent_jobs if job.kind == explaining.KIND],
    }


def _notes(session: ReadSession, request: ReviewRequest, report_id: int) -> dict[str, Any]:
    """Marks that the person sees on a report, and what its sources have changed or retracted."""
    review_id, person_id = request.review.id, request.person.id
    marked = marks.list_marks_by_report(session, review_id, person_id, [report_id])
    kinds = (*record_events.SERIOUS_KINDS, "changed")
    events = record_events.list_events_by_report(session, [report_id], kinds=kinds)
    own_events = events.get(report_id, [])
    return {
        "marks": marked.get(report_id, []),
        "tags": marks.list_tags(session, review_id, person_id),
        "events": [event for event in own_events if event.kind in record_events.SERIOUS_KINDS],
        "changed": [event for event in own_events if event.kind == "changed"],
    }


@router.post("/reviews/{slug}/records/{record_id}/explanation")
def ask_why(request: ScreenRequest, record_id: IdPath) -> Response:
    """Ask the worker why a record is where it is in the order."""
    asked = explaining.ask_for_explanation(request.store, request.review.id, record_id)
    request.state.jobs.explain(request.review.id, asked.report_id, asked.job)
    return to_review(request.review, f"records/{record_id}#why")


@router.post("/reviews/{slug}/records/{record_id}/decision")
def change_decision(
    request: ScreenRequest, record_id: IdPath, form: Annotated[DecisionForm, Form()]
) -> Response:
    """Decide on a record, or change a decision; the earlier decision stays readable."""
    with request.store.read() as session:
        report_id = records.get_record(session, request.review.id, record_id).report_id
    new = form.decide(report_id)
    deciding.record_decision(request.store, request.review.id, request.person.id, new)
    request.state.wake()
    return to_review(request.review, f"records/{record_id}")
