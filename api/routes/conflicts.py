"""Records on which people differ, and notes on the criteria."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.deps import ReadRequest, ReviewRequest, ScreenRequest
from api.schemas.conflicts import ConflictDecisionIn, CriteriaNoteIn, DifferingOut
from api.schemas.records import RecordOut
from api.schemas.screening import DecisionOut, StoredDecision
from api.services.screening import conflicts, criteria_notes
from api.services.searching.record_keys import fold_words
from api.types import Text
from store.screening import discussion
from store.screening.conflicts import ConflictFilter
from store.screening.decisions import NewDecision
from store.screening.discussion import NoteInfo

router = APIRouter(tags=["screening"])


@router.get("/reviews/{slug}/conflicts")
def list_conflicts(
    request: ScreenRequest,
    between: Annotated[Text, Query(max_length=200)] = "",
    against: Annotated[str, Query(pattern="^(|include|maybe)$")] = "",
    q: Annotated[Text, Query(max_length=500)] = "",
) -> list[DifferingOut]:
    """Records on which people differ, at most 50: all for adjudicators, for others their own.

    Narrowed by one of those who differ, by the decision against an exclude, or by words.
    """
    filters = ConflictFilter(between=between, against=against, text=fold_words(q))
    with request.store.read() as session:
        _, matching = conflicts.list_conflicts_for(
            session, request.review.id, request.person.id, filters
        )
    return [
        DifferingOut(
            record=RecordOut.of(conflict.stored),
            decisions=[DecisionOut.model_validate(decision) for decision in conflict.decisions],
        )
        for conflict in matching
    ]


@router.post("/reviews/{slug}/conflicts")
def settle_conflict(request: ScreenRequest, body: ConflictDecisionIn) -> StoredDecision:
    """Settle a conflict, jointly or as a third person; the same token again changes nothing."""
    new = NewDecision(
        body.token, body.report, body.decision, note=body.note, questions=body.questions
    )
    recorded = conflicts.settle_conflict(
        request.store, request.review.id, request.person.id, new, joint_with=body.joint_with
    )
    if recorded.stored:
        request.state.wake()
    return StoredDecision.model_validate(recorded)


@router.get("/reviews/{slug}/discussion")
def list_notes(request: ReadRequest) -> list[NoteInfo]:
    """Notes to the team on the criteria, oldest first."""
    return _notes(request)


@router.post("/reviews/{slug}/discussion", status_code=201)
def add_note(request: ScreenRequest, body: CriteriaNoteIn) -> list[NoteInfo]:
    """Write a note on the criteria, or on a record that needs no more decisions."""
    criteria_notes.add_note(
        request.store, request.review.id, request.person.id, body.text, report_id=body.report
    )
    return _notes(request)


def _notes(request: ReviewRequest) -> list[NoteInfo]:
    with request.store.read() as session:
        return discussion.list_notes(session, request.review.id)
