"""The page of conflicts and of notes on the criteria."""

from __future__ import annotations

import uuid
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query
from pydantic import Field
from starlette.responses import HTMLResponse, Response

from api.deps import ReviewRequest, ScreenRequest
from api.pages.forms import FormModel, Keys, Problem, submit, to_review
from api.pages.render import review_page
from api.services.screening import conflicts, criteria_notes
from api.services.searching.record_keys import fold_words
from api.types import FormText, Id, Token
from store.reviews import reviews, screeners
from store.rules import questions, reasons
from store.screening import discussion
from store.screening.conflicts import ConflictFilter
from store.screening.decisions import NewDecision

router = APIRouter()


class ConflictQuery(FormModel):
    """Which conflicts are listed.

    Attributes:
        between: one of those who differ has this name.
        against: the decision against an exclude.
        q: words in title, abstract and ids.
    """

    between: Annotated[FormText, Field(max_length=200)] = ""
    against: Literal["", "include", "maybe"] = ""
    q: Annotated[FormText, Field(max_length=500)] = ""


class ConflictDecisionForm(FormModel):
    """What settles a conflict, and why."""

    report: Id
    token: Token
    decision: Literal["include", "exclude"]
    note: Annotated[FormText, Field(max_length=10_000)] = ""
    # The other person of a consensus.
    joint_with: Id | None = None
    question: Keys = ()

    def new_decision(self) -> NewDecision:
        """The decision; questions are ticked for an include only."""
        return NewDecision(
            self.token,
            self.report,
            self.decision,
            note=self.note or None,
            questions=self.question if self.decision == "include" else (),
        )


_ALL = ConflictQuery()


def _page(
    request: ReviewRequest, query: ConflictQuery = _ALL, problem: Problem | None = None
) -> HTMLResponse:
    review_id = request.review.id
    filters = ConflictFilter(between=query.between, against=query.against, text=fold_words(query.q))
    with request.store.read() as session:
        total, matching = conflicts.list_conflicts_for(
            session, review_id, request.person.id, filters
        )
        protocol = reviews.get_protocol(session, review_id).body
        notes = discussion.list_notes(session, review_id)
        team = screeners.list_screeners(session, review_id)
    return review_page(
        request,
        "conflicts.html",
        status=problem.status if problem else 200,
        conflicts=[(conflict, str(uuid.uuid4())) for conflict in matching],
        total=total,
        filters=filters,
        q=query.q,
        notes=notes,
        names=[screener.name for screener in team],
        reasons=reasons.list_reasons(protocol),
        questions=questions.list_questions(protocol),
        problem=problem.text if problem else None,
    )


@router.get("/reviews/{slug}/conflicts")
def conflicts_page(
    request: ScreenRequest, query: Annotated[ConflictQuery, Query()]
) -> HTMLResponse:
    """Records on which people differ: all for adjudicators, for others their own."""
    return _page(request, query)


@router.post("/reviews/{slug}/conflicts/discussion")
def add_note(
    request: ScreenRequest,
    text: Annotated[FormText, Form(max_length=10_000)] = "",
    report: Annotated[Id | None, Form()] = None,
) -> Response:
    """Write a note on the criteria to the team."""

    def add() -> Response:
        criteria_notes.add_note(
            request.store, request.review.id, request.person.id, text, report_id=report
        )
        return to_review(request.review, "conflicts#discussion")

    return submit(add, lambda problem: _page(request, problem=problem))


@router.post("/reviews/{slug}/conflicts")
def settle(request: ScreenRequest, form: Annotated[ConflictDecisionForm, Form()]) -> Response:
    """Settle a conflict, and go on to the next."""

    def save() -> Response:
        conflicts.settle_conflict(
            request.store,
            request.review.id,
            request.person.id,
            form.new_decision(),
            joint_with=form.joint_with,
        )
        request.state.wake()
        return to_review(request.review, "conflicts")

    return submit(save, lambda problem: _page(request, problem=problem))
