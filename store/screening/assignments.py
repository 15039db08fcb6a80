"""Assignments of records to people, and cards that somebody hands to a colleague."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, select

from store.core import audit, intakes
from store.core.chunks import CHUNK, batched
from store.core.errors import Conflict, NotAllowed, NotFound
from store.core.session import ReadSession, WriteSession
from store.core.tables import (
    Assignment,
    AssignmentPerson,
    AssignmentReport,
    HandedOver,
    Lease,
    Report,
    ReportState,
    now,
)
from store.reports import marks, report_states
from store.reports.report_states import at_stage, is_undecided
from store.reviews import changes, members, reviews, screeners
from store.rules.agreed_decision import UNDECIDED
from store.rules.plans import TITLE_ABSTRACT
from store.screening import assigned_people

KINDS: Final = ("share", "tag", "records")


@dataclass(frozen=True, slots=True)
class AssignmentInfo:
    """An assignment in force.

    Attributes:
        people: name and weight of each person.
        records: how many single records or tagged records it has; None for a share.
    """

    id: int
    kind: str
    tag: str | None
    people: tuple[tuple[str, int], ...]
    records: int | None
    made_at: dt.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAssignment:
    """Records to be assigned to people.

    Attributes:
        kind: ``share`` of all records, by ``tag``, or single ``records``.
        people: a weight for each person id; only a share uses the weights.
        tag: the tag that a lead put on the records.
        reports: the single records.
        stage: the stage that is screened.
    """

    kind: str
    people: Mapping[int, int]
    tag: str | None = None
    reports: tuple[int, ...] = ()
    stage: str = TITLE_ABSTRACT


def create_assignment(session: WriteSession, review_id: int, new: NewAssignment, *, by: int) -> int:
    """Assign records to people, and return the assignment's id; a new share replaces the last one.

    Raises:
        NotAllowed: the person who assigns is no lead.
        ValueError: nobody is named, or somebody who does not screen this review; a weight is out
            of range; or the tag or the records are missing.
    """
    reviews.lock_review(session, review_id)
    members.require_role(session, review_id, by, "lead")
    if new.kind not in KINDS:
        raise ValueError(f"records can be assigned by {', '.join(KINDS)}, not by {new.kind!r}")
    who_screen = {member.id for member in screeners.list_screeners(session, review_id)}
    if not new.people or not new.people.keys() <= who_screen:
        raise ValueError("records can be assigned only to people who screen this review")
    if min(new.people.values()) < 1 or max(new.people.values()) > 1000:
        raise ValueError("a share must be a whole number from 1 to 1000")
    tag = marks.validate_mark("tag", new.tag or "") if new.kind == "tag" else None
    single = new.kind == "records"
    report_ids = _find_reports(session, review_id, new.reports) if single else []
    if single and not report_ids:
        raise ValueError("there are no records to assign")
    if new.kind == "share":
        for share in assigned_people.list_live_assignments(session, review_id, new.stage):
            if share.kind == "share":
                share.ended_at = now()
    row = Assignment(
        review_id=review_id, stage=new.stage, kind=new.kind, tag=tag, made_by=by, made_at=now()
    )
    session.add(row)
    session.flush()
    session.add_all(
        AssignmentPerson(assignment_id=row.id, person_id=person_id, weight=weight)
        for person_id, weight in new.people.items()
    )
    session.add_all(
        AssignmentReport(assignment_id=row.id, report_id=report_id) for report_id in report_ids
    )
    session.flush()
    changes.note_rule_change(session, review_id)
    # Cards on screen that are now other people's go back when their leases expire.
    audit.append_event(
        session,
        "assignment.made",
        review_id=review_id,
        person_id=by,
        detail={
            "assignment": row.id,
            "kind": new.kind,
            "tag": tag,
            "people": {str(person_id): weight for person_id, weight in new.people.items()},
            "records": len(report_ids) if single else None,
        },
    )
    return row.id


def _find_reports(session: ReadSession, review_id: int, report_ids: Iterable[int]) -> list[int]:
    """Those of the reports that belong to the review, by id."""
    in_review: list[int] = []
    for chunk in batched(sorted(set(report_ids)), CHUNK):
        query = select(Report.id).where(Report.review_id == review_id, Report.id.in_(chunk))
        in_review += session.scalars(query)
    return in_review


def end_assignment(session: WriteSession, review_id: int, assignment_id: int, *, by: int) -> None:
    """End an assignment: any reviewer can be given its records again.

    Raises:
        NotAllowed: the person who ends it is no lead.
        NotFound: the review has no such assignment, or it has ended.
    """
    reviews.lock_review(session, review_id)
    members.require_role(session, review_id, by, "lead")
    row = session.get(Assignment, assignment_id)
    if row is None or row.review_id != review_id or row.ended_at is not None:
        raise NotFound(f"there is no assignment {assignment_id} in this review")
    row.ended_at = now()
    session.flush()
    changes.note_rule_change(session, review_id)
    audit.append_event(
        session,
        "assignment.ended",
        review_id=review_id,
        person_id=by,
        detail={"assignment": assignment_id},
    )


def list_assignments(
    session: ReadSession, review_id: int, stage: str = TITLE_ABSTRACT
) -> list[AssignmentInfo]:
    """Assignments in force, oldest first."""
    names = {member.id: member.name for member in members.list_members(session, review_id)}
    return [
        AssignmentInfo(
            row.id,
            row.kind,
            row.tag,
            tuple(
                (names[person_id], weight)
                for person_id, weight in sorted(
                    assigned_people.get_weights(session, row.id).items()
                )
                if person_id in names
            ),
            None
            if row.kind == "share"
            else len(assigned_people.find_assigned_reports(session, row, None)),
            row.made_at,
        )
        for row in assigned_people.list_live_assignments(session, review_id, stage)
    ]


@dataclass(frozen=True, slots=True)
class HandOver:
    """A card that a person would rather not decide.

    Attributes:
        to: the colleague who gets it; None for the next person in line.
        stage: the stage that is screened.
    """

    report_id: int
    to: int | None = None
    stage: str = TITLE_ABSTRACT


def hand_over_card(session: WriteSession, review_id: int, person_id: int, card: HandOver) -> None:
    """Hand a card to a colleague; the person does not get it again.

    Raises:
        NotAllowed: one of the two does not screen this review.
        NotFound: the review has no such report.
        Conflict: the report is decided, or the person would hand it to themselves.
    """
    report_id, to = card.report_id, card.to
    reviews.lock_review(session, review_id)
    members.require_role(session, review_id, person_id, "screen")
    if to == person_id:
        raise Conflict("a card can only be handed to somebody else")
    if to is not None and not screeners.does_screen(session, review_id, to):
        raise NotAllowed("A card can only be handed to somebody who screens this review.")
    row = session.get(Report, report_id)
    if row is None or row.review_id != review_id or intakes.is_hidden(session, row.intake_id):
        raise NotFound(f"there is no report {report_id} in this review")
    state = report_states.get_state(session, report_id, card.stage)
    if state is not None and state.state not in UNDECIDED:
        raise Conflict(f"report {report_id} has been decided")
    key = {"report_id": report_id, "stage": card.stage, "person_id": person_id}
    earlier = session.get(HandedOver, (report_id, card.stage, person_id))
    if earlier is None:
        session.add(HandedOver(**key, review_id=review_id, to_person_id=to))
    else:
        earlier.to_person_id = to
    session.execute(
        delete(Lease).where(
            Lease.report_id == report_id, Lease.stage == card.stage, Lease.person_id == person_id
        )
    )
    session.flush()
    changes.note_rule_change(session, review_id)


def count_handed_over_by_all(
    session: ReadSession, review_id: int, stage: str = TITLE_ABSTRACT
) -> int:
    """How many undecided reports every reviewer has handed over, so that a lead must act."""
    who_screen = {member.id for member in screeners.list_screeners(session, review_id)}
    assigned = assigned_people.find_assigned_people(session, review_id, (), stage)
    refused = [id_ for id_, people in assigned.handed_over_by.items() if who_screen <= people]
    n_undecided = 0
    for chunk in batched(refused, CHUNK):
        rows = session.scalars(
            select(Report.id)
            .outerjoin(ReportState, at_stage(stage))
            .where(Report.id.in_(chunk), Report.active.is_(True), is_undecided())
        )
        n_undecided += len(rows.all())
    return n_undecided
