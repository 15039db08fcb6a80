"""What people do together: marks on records, assignments, cards handed over, bulk actions."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from api import schemas_team
from api.deps import LeadDep, PersonDep, ReviewDep, ScreenDep, StageQuery, StateDep
from harvest.text import fold
from store import assignments, bulk, marks, records
from store.bulk import Action
from store.marks import Marked
from store.records import Filter
from store.session import ReadSession

router = APIRouter(tags=["screening"])
IdPath = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("/reviews/{slug}/tags")
def list_tags(state: StateDep, person: PersonDep, review: ReviewDep) -> list[str]:
    """The tags that you see: others' only on records that nobody is to decide any more."""
    with state.store.read() as session:
        return marks.tags(session, review.id, person.id)


@router.get("/reviews/{slug}/records/{record_id}/marks")
def list_marks(
    state: StateDep, person: PersonDep, review: ReviewDep, record_id: IdPath
) -> list[schemas_team.MarkOut]:
    """The tags, notes and stars that you see on a record."""
    with state.store.read() as session:
        report = records.by_id(session, review.id, record_id).report_id
        return _marks(session, review.id, person.id, report)


@router.post("/reviews/{slug}/marks", status_code=201)
def put_mark(
    state: StateDep, person: PersonDep, review: ScreenDep, body: schemas_team.MarkIn
) -> list[schemas_team.MarkOut]:
    """Put a tag, a note or a star on a record; gives all that you see on it."""
    with state.store.write() as session:
        marks.add(session, review.id, person.id, body.report, body.kind, body.text)
        return _marks(session, review.id, person.id, body.report)


@router.delete("/reviews/{slug}/marks/{mark_id}", status_code=204)
def take_off_mark(state: StateDep, person: PersonDep, review: ScreenDep, mark_id: IdPath) -> None:
    """Take a mark off."""
    with state.store.write() as session:
        marks.remove(session, review.id, person.id, mark_id)


def _marks(
    session: ReadSession, review_id: int, person_id: int, report: int
) -> list[schemas_team.MarkOut]:
    found = marks.on_reports(session, review_id, person_id, [report])
    return [schemas_team.MarkOut.model_validate(each) for each in found.get(report, [])]


@router.get("/reviews/{slug}/assignments")
def list_assignments(
    state: StateDep, review: ReviewDep, stage: StageQuery = "title-abstract"
) -> list[schemas_team.AssignmentOut]:
    """Who decides which records, where that is said."""
    with state.store.read() as session:
        return _assignments(session, review.id, stage)


@router.post("/reviews/{slug}/assignments", status_code=201)
def assign(
    state: StateDep,
    person: PersonDep,
    review: LeadDep,
    body: schemas_team.AssignmentIn,
    stage: StageQuery = "title-abstract",
) -> list[schemas_team.AssignmentOut]:
    """Assign records to people; a new share takes the place of the one before it."""
    with state.store.write() as session:
        assignments.assign(
            session,
            review.id,
            body.kind,
            body.people,
            by=person.id,
            tag=body.tag,
            reports=body.reports,
            stage=stage,
        )
        return _assignments(session, review.id, stage)


@router.delete("/reviews/{slug}/assignments/{assignment_id}")
def end_assignment(
    state: StateDep,
    person: PersonDep,
    review: LeadDep,
    assignment_id: IdPath,
    stage: StageQuery = "title-abstract",
) -> list[schemas_team.AssignmentOut]:
    """End an assignment: its records are anybody's again."""
    with state.store.write() as session:
        assignments.end(session, review.id, assignment_id, by=person.id)
        return _assignments(session, review.id, stage)


def _assignments(
    session: ReadSession, review_id: int, stage: str
) -> list[schemas_team.AssignmentOut]:
    return [
        schemas_team.AssignmentOut(
            id=each.id,
            kind=each.kind,
            tag=each.tag,
            people=list(each.people),
            records=each.records,
            made_at=each.made_at,
        )
        for each in assignments.everything(session, review_id, stage)
    ]


@router.post("/reviews/{slug}/queue/hand-over", status_code=204)
def hand_over(
    state: StateDep,
    person: PersonDep,
    review: ScreenDep,
    body: schemas_team.HandOverIn,
    stage: StageQuery = "title-abstract",
) -> None:
    """Hand a card that you would rather not decide to a colleague; nobody is told who did."""
    with state.store.write() as session:
        assignments.hand_over(session, review.id, person.id, body.report, to=body.to, stage=stage)


@router.get("/reviews/{slug}/bulk")
def list_bulk(state: StateDep, person: PersonDep, review: ReviewDep) -> list[schemas_team.BulkOut]:
    """Bulk actions, oldest first; another's once nobody is to decide any of its records."""
    with state.store.read() as session:
        return _bulk(session, review.id, person.id)


@router.post("/reviews/{slug}/bulk", status_code=201)
def act_in_bulk(
    state: StateDep,
    person: PersonDep,
    review: ScreenDep,
    body: schemas_team.BulkIn,
    stage: StageQuery = "title-abstract",
) -> schemas_team.BulkDoneOut:
    """Do one thing to every record that a filter finds; leads decide, whoever screens tags."""
    wanted = Filter(
        text=fold(body.q),
        decision=body.decision,
        flag=body.flag,
        search_id=body.search_id,
        marked=Marked(person.id, body.tag) if body.tag else None,
    )
    action = Action(body.action, body.value, body.note, body.reasons)
    with state.store.write() as session:
        number, done = bulk.act(
            session,
            review.id,
            person.id,
            wanted,
            action,
            token=body.token,
            expected=body.expected,
            stage=stage,
        )
        found = schemas_team.BulkDoneOut(
            bulk=number, done=done, actions=_bulk(session, review.id, person.id)
        )
    state.wake()
    return found


@router.post("/reviews/{slug}/bulk/{bulk_id}/undo")
def undo_in_bulk(
    state: StateDep, person: PersonDep, review: ScreenDep, bulk_id: IdPath
) -> list[schemas_team.BulkOut]:
    """Take a bulk action back as one."""
    with state.store.write() as session:
        bulk.undo(session, review.id, person.id, bulk_id)
        found = _bulk(session, review.id, person.id)
    state.wake()
    return found


def _bulk(session: ReadSession, review_id: int, person_id: int) -> list[schemas_team.BulkOut]:
    return [
        schemas_team.BulkOut.model_validate(each)
        for each in bulk.everything(session, review_id, seen_by=person_id)
    ]
