"""Duplicates: what was merged and why, questions for a person, sources beside each other."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.deps import LeadDep, PersonDep, ReviewDep, ScreenDep, StateDep
from api.documents import plots
from api.pages.render import page
from api.services import deduplicating, screening
from api.services.dedupe_report import report_of
from api.services.deduplicating import Question, differing
from api.state import State
from harvest.dedupe.rules import ASK, SAME
from store import decisions, overlap, pairs, records, studies
from store.errors import Conflict
from store.reviews import ReviewInfo

router = APIRouter()

IdPath = Annotated[int, Path(ge=1, le=2**63 - 1)]
IdForm = Annotated[int, Form(ge=1, le=2**63 - 1)]
_SAYS = {rule.name: rule.says for rule in (*SAME, *ASK)}
# Fields of the two records side by side, as a reader compares them.
FIELDS = (
    *(("Title", "title"), ("Authors", "authors"), ("Year", "year"), ("Journal", "venue")),
    *(("Volume", "volume"), ("Issue", "issue"), ("Pages", "pages"), ("DOI", "doi")),
    *(("PubMed id", "pmid"), ("Types", "types"), ("Language", "language")),
    ("Abstract", "abstract"),
)
_SHOWN_OFFERS = 50


@router.get("/reviews/{slug}/duplicates")
def duplicates_page(request: Request, state: StateDep, review: ReviewDep) -> HTMLResponse:
    """What was merged, what is open, and which sources brought what."""
    with state.store.read() as session:
        found = overlap.overlap(session, review.id)
        report = report_of(session, review.id)
        asked = deduplicating.questions(session, review.id)
        held_back = deduplicating.held_back(session, review.id)
        said = pairs.by_person(session, review.id)
        offers = decisions.on_title_alone(session, review.id)
        shown = records.by_reports(
            session, review.id, [offer.report_id for offer in offers[:_SHOWN_OFFERS]]
        )
    return page(
        request,
        "duplicates.html",
        review=review,
        overlap=found,
        report=report,
        asked=asked,
        held_back=held_back,
        said=said,
        offers=offers,
        shown=shown,
        says=_SAYS,
        token=str(uuid.uuid4()),
    )


@router.get("/reviews/{slug}/plots/overlap.svg")
def overlap_plot(state: StateDep, review: ReviewDep) -> Response:
    """Which sources brought a report, as a plot."""
    with state.store.read() as session:
        found = overlap.overlap(session, review.id)
    return Response(plots.overlap(found), media_type="image/svg+xml")


@router.get("/reviews/{slug}/duplicates/questions")
def question_page(
    request: Request,
    state: StateDep,
    review: ReviewDep,
    at: Annotated[int, Query(ge=0, le=10**9)] = 0,
) -> HTMLResponse:
    """One question: two records side by side."""
    return _question(request, state, review, at)


def _question(
    request: Request,
    state: State,
    review: ReviewInfo,
    at: int,
    *,
    problem: str | None = None,
    status: int = 200,
) -> HTMLResponse:
    with state.store.read() as session:
        asked = deduplicating.questions(session, review.id)
        place = min(at, max(0, len(asked) - 1))
        question: Question | None = asked[place] if asked else None
        two = []
        if question is not None:
            ends = (question.pair.a, question.pair.b)
            two = [records.by_id(session, review.id, number) for number in ends]
    return page(
        request,
        "question.html",
        status=status,
        review=review,
        question=question,
        two=two,
        fields=FIELDS,
        differs=differing(*(each.record for each in two)) if two else frozenset(),
        says=_SAYS,
        at=place,
        total=len(asked),
        problem=problem,
    )


def say(
    state: State, review_id: int, person_id: int, a: int, b: int, *, label: str, reason: str
) -> str | None:
    """Store what a person says of two records by a form; gives what stands against it, if any."""
    word, _, decision = label.partition("-")
    try:
        with state.store.write() as session:
            deduplicating.judge(
                session,
                review_id,
                a,
                b,
                label=word,
                reason=reason.replace("\x00", ""),
                person_id=person_id,
                decision=decision or None,
            )
    except Conflict as error:
        return f"{str(error)[:1].upper()}{str(error)[1:]}."
    state.wake()
    return None


@router.post("/reviews/{slug}/duplicates/pairs")
def judge_pair(
    request: Request,
    state: StateDep,
    person: PersonDep,
    review: ScreenDep,
    a: IdForm,
    b: IdForm,
    label: Annotated[str, Form(pattern="^(same|same-include|same-exclude|related|different)$")],
    reason: Annotated[str, Form(max_length=10_000)] = "",
    at: Annotated[int, Form(ge=0, le=10**9)] = 0,
) -> Response:
    """Answer a question about two records."""
    problem = say(state, review.id, person.id, a, b, label=label, reason=reason)
    if problem is not None:
        return _question(request, state, review, at, problem=problem, status=409)
    return RedirectResponse(f"/reviews/{review.slug}/duplicates/questions?at={at}", status_code=303)


@router.post("/reviews/{slug}/duplicates/pairs/{pair_id}/undo")
def undo_pair(state: StateDep, person: PersonDep, review: ScreenDep, pair_id: IdPath) -> Response:
    """Take back what a person said of two records."""
    with state.store.write() as session:
        deduplicating.undo(session, review.id, pair_id, person_id=person.id)
    state.wake()
    return RedirectResponse(f"/reviews/{review.slug}/duplicates", status_code=303)


@router.post("/reviews/{slug}/records/{record_id}/split")
def split_record(
    state: StateDep,
    person: PersonDep,
    review: ScreenDep,
    record_id: IdPath,
    reason: Annotated[str, Form(max_length=10_000)] = "",
) -> Response:
    """Take a record out of its report for good."""
    with state.store.write() as session:
        deduplicating.split(
            session,
            review.id,
            record_id,
            reason=reason.replace("\x00", ""),
            person_id=person.id,
        )
    state.wake()
    return RedirectResponse(f"/reviews/{review.slug}/records/{record_id}", status_code=303)


@router.post("/reviews/{slug}/records/{record_id}/studies")
def join_study(
    state: StateDep,
    person: PersonDep,
    review: ScreenDep,
    record_id: IdPath,
    name: Annotated[str, Form(min_length=1, max_length=300, pattern=r"^[^\x00]*$")],
) -> Response:
    """Say that a record's report is of a named study."""
    with state.store.write() as session:
        studies.add(session, review.id, record_id, name, person_id=person.id)
    return RedirectResponse(f"/reviews/{review.slug}/records/{record_id}", status_code=303)


@router.post("/reviews/{slug}/records/{record_id}/studies/{study_id}/leave")
def leave_study(
    state: StateDep, person: PersonDep, review: ScreenDep, record_id: IdPath, study_id: IdPath
) -> Response:
    """Take a record's report out of a study."""
    with state.store.write() as session:
        studies.remove(session, review.id, record_id, study_id, person_id=person.id)
    return RedirectResponse(f"/reviews/{review.slug}/records/{record_id}", status_code=303)


@router.post("/reviews/{slug}/duplicates/again")
def screen_again(
    state: StateDep,
    person: PersonDep,
    review: LeadDep,
    decision_id: IdForm,
    token: Annotated[str, Form(min_length=1, max_length=90)],
) -> Response:
    """Put a report that was excluded by its title alone back into the queue."""
    screening.undo(state.store, review.id, person.id, decision_id, f"{token}:{decision_id}")
    state.wake()
    return RedirectResponse(f"/reviews/{review.slug}/duplicates", status_code=303)
