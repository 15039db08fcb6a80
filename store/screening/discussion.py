"""Discussion of the criteria: notes to the team, some of them about a record."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import func, or_, select

from store.core import intakes
from store.core.errors import Conflict, NotFound
from store.core.session import ReadSession, WriteSession
from store.core.tables import CriteriaNote, Identity, RecordRow, Report, ReportState, now
from store.reports import report_states
from store.reports.report_states import at_stage
from store.reviews import members, reviews
from store.rules.agreed_decision import UNDECIDED

_MOST = 10_000


@dataclass(frozen=True, slots=True)
class NoteInfo:
    """A note on the criteria.

    Attributes:
        protocol_version: the version that it was written under.
        record_id: the record that it is about; None if it is about the criteria in general.
        title: of that record.
    """

    id: int
    person: str | None
    text: str
    protocol_version: int
    record_id: int | None
    title: str | None
    made_at: dt.datetime


def add_note(
    session: WriteSession,
    review_id: int,
    person_id: int,
    text: str,
    *,
    report_id: int | None = None,
) -> int:
    """Write a note to the team.

    Raises:
        NotAllowed: the person does not screen this review.
        NotFound: the review has no such report.
        Conflict: others still have to decide the report, and a note would reveal an opinion.
        ValueError: there is no text, or too much of it.
    """
    reviews.lock_review(session, review_id)
    members.require_role(session, review_id, person_id, "screen")
    text = text.strip()
    if not 1 <= len(text) <= _MOST:
        raise ValueError(f"a note must have 1 to {_MOST:,} characters")
    record_id = None
    if report_id is not None:
        row = session.get(Report, report_id)
        if row is None or row.review_id != review_id or intakes.is_hidden(session, row.intake_id):
            raise NotFound(f"there is no report {report_id} in this review")
        state = report_states.get_state(session, report_id)
        if state is None or state.state in UNDECIDED:
            raise Conflict("others still have to decide this record; write about the criteria only")
        record_id = session.scalar(
            select(func.min(RecordRow.id)).where(RecordRow.report_id == report_id)
        )
    note = CriteriaNote(
        review_id=review_id,
        person_id=person_id,
        text=text,
        protocol_version=reviews.get_protocol(session, review_id).version,
        record_id=record_id,
        made_at=now(),
    )
    session.add(note)
    session.flush()
    return note.id


def list_notes(session: ReadSession, review_id: int) -> list[NoteInfo]:
    """All notes, oldest first, without those on records that still need decisions."""
    rows = session.execute(
        select(CriteriaNote, Identity.name, RecordRow.title)
        .outerjoin(Identity, Identity.person_id == CriteriaNote.person_id)
        .outerjoin(RecordRow, RecordRow.id == CriteriaNote.record_id)
        .outerjoin(Report, Report.id == RecordRow.report_id)
        .outerjoin(ReportState, at_stage())
        .where(
            CriteriaNote.review_id == review_id,
            or_(Report.id.is_(None), ReportState.state.not_in(UNDECIDED)),
        )
        .order_by(CriteriaNote.id)
    )
    return [
        NoteInfo(row.id, name, row.text, row.protocol_version, row.record_id, title, row.made_at)
        for row, name, title in rows
    ]
