"""Duplicates: what was merged and why, questions for a person, and what each source found.

A reviewer may also say which record another one is the same as.
"""

from __future__ import annotations

import uuid
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Query
from pydantic import Field
from starlette.responses import HTMLResponse, Response

from api.deps import LeadRequest, ReadRequest, ReviewRequest, ScreenRequest
from api.documents import plots
from api.pages.forms import FormModel, Problem, problem_of, to_review
from api.pages.render import review_page
from api.services.duplicates import judging, studies
from api.services.duplicates.duplicate_figures import DuplicateFigures
from api.services.duplicates.judging import Judgement
from api.services.duplicates.questions import (
    count_questions,
    find_differing_fields,
    find_question,
)
from api.services.duplicates.similar_records import find_similar_records
from api.services.reporting import stored_results
from api.services.reporting.stored_results import DUPLICATES, Figures
from api.services.screening import deciding
from api.types import FormText, Id, IdPath, Token, WholeNumber
from harvest.dedupe.rules import ASK, SAME
from store.core import jobs
from store.core.errors import Conflict, NotFound
from store.reports import pairs, records
from store.screening import decision_labels, decision_log

router = APIRouter()

Why = Annotated[FormText, Form(max_length=10_000)]
Place = Annotated[WholeNumber, Field(ge=0, le=10**9)]
_SAYS = {rule.name: rule.says for rule in (*SAME, *ASK)}
# Fields of two records side by side, in the order in which a reader compares them.
FIELDS = (
    *(("Title", "title"), ("Authors", "authors"), ("Year", "year"), ("Journal", "venue")),
    *(("Volume", "volume"), ("Issue", "issue"), ("Pages", "pages"), ("DOI", "doi")),
    *(("PubMed id", "pmid"), ("Types", "types"), ("Language", "language")),
    ("Abstract", "abstract"),
)
_SHOWN_OFFERS = 50


@router.get("/reviews/{slug}/duplicates")
def duplicates_page(request: ReadRequest) -> HTMLResponse:
    """What was merged, what is open, and which sources found what."""
    review_id = request.review.id
    figures = _get_figures(request)
    with request.store.read() as session:
        kept = figures.value.offers if figures.value else ()
        offers = decision_log.list_still_counting(session, kept)
        offered = [offer.report_id for offer in offers[:_SHOWN_OFFERS]]
        recent_jobs = jobs.list_recent_jobs(session, review_id)
        values: dict[str, Any] = {
            "figures": figures,
            "found": figures.value,
            "waiting": pairs.count_uncompared_records(session, review_id),
            "asked": count_questions(session, review_id).total(),
            "said": pairs.list_judgements(session, review_id),
            "offers": offers[:_SHOWN_OFFERS],
            "more_offers": max(0, len(offers) - _SHOWN_OFFERS)
            + (figures.value.more_offers if figures.value else 0),
            "shown": records.get_representatives(session, review_id, offered),
            "jobs": [job for job in recent_jobs if job.kind == DUPLICATES.name],
        }
    return review_page(request, "duplicates.html", says=_SAYS, token=str(uuid.uuid4()), **values)


@router.get("/reviews/{slug}/plots/overlap.svg")
def overlap_plot(request: ReadRequest) -> Response:
    """Which sources found a report, as a plot."""
    figures = _get_figures(request)
    if figures.value is None:
        raise NotFound("these figures have not been worked out yet")
    return Response(plots.overlap(figures.value.overlap), media_type="image/svg+xml")


def _get_figures(request: ReviewRequest) -> Figures[DuplicateFigures]:
    return stored_results.get_figures(
        request.store, request.review.id, DUPLICATES, request.state.jobs.work_out
    )


@router.get("/reviews/{slug}/duplicates/questions")
def question_page(request: ReadRequest, at: Annotated[Place, Query()] = 0) -> HTMLResponse:
    """One question: two records side by side."""
    return _question(request, at)


def _question(request: ReviewRequest, at: int, problem: Problem | None = None) -> HTMLResponse:
    with request.store.read() as session:
        question, at, total = find_question(session, request.review.id, at)
        ends = (question.pair.a, question.pair.b) if question else ()
        two = [records.get_record(session, request.review.id, number) for number in ends]
    return review_page(
        request,
        "question.html",
        status=problem.status if problem else 200,
        question=question,
        two=two,
        fields=FIELDS,
        differs=find_differing_fields(two[0].record, two[1].record) if two else frozenset(),
        says=_SAYS,
        at=at,
        total=total,
        problem=problem.text if problem else None,
    )


class PairForm(FormModel):
    """What a person says about two records, and the place of the question in its list."""

    a: Id
    b: Id
    # "same-include" also says which decision is to count.
    label: Literal["same", "same-include", "same-exclude", "related", "different"]
    reason: Annotated[FormText, Field(max_length=10_000)] = ""
    at: Place = 0


def judge(request: ReviewRequest, a: int, b: int, label: str, reason: str) -> None:
    """Store what a form says about two records.

    Args:
        request: the request.
        a: one record.
        b: the other.
        label: as in ``PairForm``.
        reason: in the person's words; may be empty.

    Raises:
        Conflict: it contradicts what is decided.
    """
    label, _, decision = label.partition("-")
    judging.record_judgement(
        request.store,
        request.review.id,
        Judgement(a=a, b=b, label=label, reason=reason, decision=decision or None),
        person_id=request.person.id,
    )
    request.state.wake()


@router.post("/reviews/{slug}/duplicates/pairs")
def judge_pair(request: ScreenRequest, form: Annotated[PairForm, Form()]) -> Response:
    """Answer a question about two records."""
    try:
        judge(request, form.a, form.b, form.label, form.reason)
    except Conflict as error:
        return _question(request, form.at, problem_of(error))
    return to_review(request.review, f"duplicates/questions?at={form.at}")


@router.post("/reviews/{slug}/duplicates/pairs/{pair_id}/undo")
def undo_pair(request: ScreenRequest, pair_id: IdPath) -> Response:
    """Undo what a person said about two records."""
    judging.undo_judgement(request.store, request.review.id, pair_id, person_id=request.person.id)
    request.state.wake()
    return to_review(request.review, "duplicates")


@router.post("/reviews/{slug}/records/{record_id}/split")
def split_record(request: ScreenRequest, record_id: IdPath, reason: Why = "") -> Response:
    """Take a record out of its report for good."""
    judging.split_record(
        request.store, request.review.id, record_id, reason=reason, person_id=request.person.id
    )
    request.state.wake()
    return to_review(request.review, f"records/{record_id}")


@router.post("/reviews/{slug}/records/{record_id}/studies")
def join_study(
    request: ScreenRequest,
    record_id: IdPath,
    name: Annotated[str, Form(min_length=1, max_length=300, pattern=r"^[^\x00]*$")],
) -> Response:
    """Add a record's report to a named study."""
    studies.add_to_study(
        request.store, request.review.id, record_id, name, person_id=request.person.id
    )
    return to_review(request.review, f"records/{record_id}")


@router.post("/reviews/{slug}/records/{record_id}/studies/{study_id}/leave")
def leave_study(request: ScreenRequest, record_id: IdPath, study_id: IdPath) -> Response:
    """Remove a record's report from a study."""
    studies.remove_from_study(
        request.store, request.review.id, record_id, study_id, person_id=request.person.id
    )
    return to_review(request.review, f"records/{record_id}")


@router.post("/reviews/{slug}/duplicates/again")
def screen_again(
    request: LeadRequest,
    decision_id: Annotated[Id, Form()],
    token: Annotated[Token, Form(max_length=90)],
) -> Response:
    """Put a report that was excluded by its title alone back into the queue."""
    deciding.undo_decision(
        request.store,
        request.review.id,
        request.person.id,
        decision_id,
        f"{token}:{decision_id}",
    )
    request.state.wake()
    return to_review(request.review, "duplicates")


# Where the person came from and goes back to.
After = Literal["screen", "record"]


@router.get("/reviews/{slug}/records/{record_id}/duplicate")
def duplicate_page(
    request: ScreenRequest,
    record_id: IdPath,
    q: Annotated[FormText, Query(max_length=500)] = "",
    other: Annotated[Id | None, Query()] = None,
    after: After = "record",
) -> HTMLResponse:
    """Records that one may be the same as; with ``other``, the two side by side."""
    if other is not None:
        return _two_records(request, record_id, other, after)
    with request.store.read() as session:
        record = records.get_record(session, request.review.id, record_id)
        similar = find_similar_records(session, request.review.id, record_id, words=q)
    return review_page(request, "duplicate.html", mine=record, found=similar, q=q, after=after)


def _two_records(
    request: ReviewRequest,
    record_id: int,
    other: int,
    after: str,
    problem: Problem | None = None,
) -> HTMLResponse:
    with request.store.read() as session:
        two = [
            records.get_record(session, request.review.id, number) for number in (record_id, other)
        ]
        report_ids = [record.report_id for record in two]
        decisions = decision_labels.get_settled_decisions(session, report_ids)
    return review_page(
        request,
        "duplicate_pair.html",
        status=problem.status if problem else 200,
        two=two,
        fields=FIELDS,
        differs=find_differing_fields(two[0].record, two[1].record),
        decided=len(set(decisions.values())) > 1,
        after=after,
        problem=problem.text if problem else None,
    )


class DuplicateForm(FormModel):
    """Which record is the same, and where the person goes back to."""

    other: Id
    # "same-include" also says which decision is to count.
    label: Literal["same", "same-include", "same-exclude", "related"]
    reason: Annotated[FormText, Field(max_length=10_000)] = ""
    after: After = "record"


@router.post("/reviews/{slug}/records/{record_id}/duplicate")
def say_duplicate(
    request: ScreenRequest, record_id: IdPath, form: Annotated[DuplicateForm, Form()]
) -> Response:
    """Say what two records are to each other, and go back to where the person came from."""
    try:
        judge(request, record_id, form.other, form.label, form.reason)
    except Conflict as error:
        return _two_records(request, record_id, form.other, form.after, problem_of(error))
    back = "screen" if form.after == "screen" else f"records/{record_id}"
    return to_review(request.review, back)
