"""Who decides which records, and cards handed to a colleague."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import LeadRequest, ReadRequest, ReviewRequest, ScreenRequest, StageQuery
from api.schemas.team import AssignmentIn, HandOverIn
from api.services.screening import assigning
from api.types import IdPath
from store.screening import assignments
from store.screening.assignments import AssignmentInfo, HandOver, NewAssignment

router = APIRouter(tags=["screening"])


@router.get("/reviews/{slug}/assignments")
def list_assignments(
    request: ReadRequest, stage: StageQuery = "title-abstract"
) -> list[AssignmentInfo]:
    """The assignments in force: who decides which records."""
    return _assignments(request, stage)


@router.post("/reviews/{slug}/assignments", status_code=201)
def assign(
    request: LeadRequest, body: AssignmentIn, stage: StageQuery = "title-abstract"
) -> list[AssignmentInfo]:
    """Assign records to people; a new share replaces the one before it."""
    new = NewAssignment(
        kind=body.kind, people=body.people, tag=body.tag, reports=body.reports, stage=stage
    )
    assigning.create_assignment(request.store, request.review.id, new, by=request.person.id)
    return _assignments(request, stage)


@router.delete("/reviews/{slug}/assignments/{assignment_id}")
def end_assignment(
    request: LeadRequest, assignment_id: IdPath, stage: StageQuery = "title-abstract"
) -> list[AssignmentInfo]:
    """End an assignment: any reviewer can be given its records again."""
    assigning.end_assignment(request.store, request.review.id, assignment_id, by=request.person.id)
    return _assignments(request, stage)


@router.post("/reviews/{slug}/queue/hand-over", status_code=204)
def hand_over(
    request: ScreenRequest, body: HandOverIn, stage: StageQuery = "title-abstract"
) -> None:
    """Hand a card that you would rather not decide to a colleague; your name is not shown."""
    card = HandOver(body.report, body.to, stage)
    assigning.hand_over_card(request.store, request.review.id, request.person.id, card)


def _assignments(request: ReviewRequest, stage: str) -> list[AssignmentInfo]:
    with request.store.read() as session:
        return assignments.list_assignments(session, request.review.id, stage)
