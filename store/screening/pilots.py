"""Pilot rounds: a few records that every reviewer decides, to check that all read criteria alike.

Every reviewer decides every record of the round; then the team looks at the agreement, improves the
criteria and closes the round. The decisions stay, and where people differed there is a conflict.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, func, select

from store.core import audit
from store.core.errors import Conflict
from store.core.session import ReadSession, WriteSession
from store.core.tables import (
    Identity,
    Lease,
    PilotPerson,
    PilotReport,
    PilotRow,
    RecordRow,
    Report,
    ReportState,
    now,
)
from store.reports import screening_state
from store.reports.report_states import at_stage, is_open
from store.reports.screening_state import current_reports_query
from store.reviews import changes, reviews, screeners
from store.rules.agreed_decision import get_own_decisions
from store.rules.plans import TITLE_ABSTRACT

_LARGEST: Final = 500


@dataclass(frozen=True, slots=True)
class PilotProgress:
    """How many of a round's records a person has decided."""

    person_id: int
    name: str
    decided: int


@dataclass(frozen=True, slots=True)
class Pilot:
    """A pilot round.

    Attributes:
        report_ids: in reading order.
        parts: the progress of each person who takes part.
        note: what the team learned, written when the round was closed.
    """

    id: int
    number: int
    report_ids: tuple[int, ...]
    parts: tuple[PilotProgress, ...]
    opened_at: dt.datetime
    closed_at: dt.datetime | None
    note: str | None

    @property
    def done(self) -> bool:
        """Whether everyone has decided every record."""
        return all(part.decided == len(self.report_ids) for part in self.parts)


@dataclass(frozen=True, slots=True)
class RoundRequest:
    """The round that a lead asks for.

    Attributes:
        size: how many records, 1 to 500; fewer are drawn if fewer are left.
        seed: of the draw; the same records, seed and round number give the same draw.
        stage: the stage that is screened.
    """

    size: int
    seed: int = 0
    stage: str = TITLE_ABSTRACT


@dataclass(frozen=True, slots=True)
class RoundCandidates:
    """What a new round can be drawn from.

    Attributes:
        number: of the new round, counted from 1 within a stage.
        report_ids: reports that nobody has decided, by id.
    """

    number: int
    report_ids: tuple[int, ...]


def create_round(
    session: WriteSession,
    review_id: int,
    request: RoundRequest,
    draw: Callable[[RoundCandidates], Sequence[int]],
    *,
    person_id: int,
) -> int:
    """Open a round for everyone who screens.

    Args:
        session: a writing session.
        review_id: the review.
        request: the round that is wanted.
        draw: chooses the round's reports, each once: as many as were asked for, or all that are
            left.
        person_id: the lead who opens it.

    Returns:
        The round's id.

    Raises:
        Conflict: a round is open, fewer than two people screen, or nothing is left to decide.
        ValueError: the size is out of range; or the draw has another number of reports, repeats
            one, or holds one that is no candidate.
    """
    if not 1 <= request.size <= _LARGEST:
        raise ValueError(f"a pilot round has 1 to {_LARGEST} records, not {request.size}")
    reviews.lock_review(session, review_id)
    if _find_open(session, review_id, request.stage) is not None:
        raise Conflict("a pilot round is open; close it first")
    person_ids = [member.id for member in screeners.list_screeners(session, review_id)]
    if len(person_ids) < 2:
        raise Conflict("a pilot round compares people: invite a second person who screens")
    candidates = _list_candidates(session, review_id, request.stage)
    if not candidates.report_ids:
        raise Conflict("every record has been decided by somebody already")
    report_ids = list(draw(candidates))
    _check_draw(report_ids, candidates, request.size)
    row = PilotRow(
        review_id=review_id,
        stage=request.stage,
        number=candidates.number,
        seed=request.seed,
        opened_by=person_id,
        opened_at=now(),
    )
    session.add(row)
    session.flush()
    session.add_all(PilotReport(pilot_id=row.id, report_id=report_id) for report_id in report_ids)
    session.add_all(PilotPerson(pilot_id=row.id, person_id=person) for person in person_ids)
    # People who have other cards on screen get the pilot's records next.
    session.execute(delete(Lease).where(Lease.review_id == review_id, Lease.stage == request.stage))
    session.flush()
    changes.note_rule_change(session, review_id)
    audit.append_event(
        session,
        "pilot.opened",
        review_id=review_id,
        person_id=person_id,
        detail={
            "round": row.number,
            "records": len(report_ids),
            "people": person_ids,
            "seed": request.seed,
        },
    )
    return row.id


def _list_candidates(session: ReadSession, review_id: int, stage: str) -> RoundCandidates:
    report_ids = session.scalars(
        select(Report.id)
        .outerjoin(ReportState, at_stage(stage))
        .where(Report.review_id == review_id, Report.active.is_(True), is_open())
        .order_by(Report.id)
    ).all()
    newest = session.scalar(
        select(func.max(PilotRow.number)).where(
            PilotRow.review_id == review_id, PilotRow.stage == stage
        )
    )
    return RoundCandidates(1 + (newest or 0), tuple(report_ids))


def _check_draw(report_ids: Sequence[int], candidates: RoundCandidates, size: int) -> None:
    """Check that a draw has different candidates, and as many as were asked for or are left.

    Raises:
        ValueError: it does not.
    """
    drawn = set(report_ids)
    wanted = min(size, len(candidates.report_ids))
    if not len(report_ids) == len(drawn) == wanted or not drawn <= set(candidates.report_ids):
        raise ValueError(f"a draw must have {wanted} different records that nobody has decided")


def close_round(
    session: WriteSession,
    review_id: int,
    *,
    person_id: int,
    note: str,
    stage: str = TITLE_ABSTRACT,
) -> None:
    """Close the open round; the records that people differ on become conflicts.

    Raises:
        Conflict: no round is open.
        ValueError: the note is empty.
    """
    if not note.strip():
        raise ValueError(
            "say what you learned: which criteria you changed, or that none needed changing"
        )
    reviews.lock_review(session, review_id)
    row = _find_open(session, review_id, stage)
    if row is None:
        raise Conflict("no pilot round is open")
    row.closed_at, row.closed_by, row.note = now(), person_id, note.strip()
    screening_state.update_all_states(session, review_id, stage)
    reviews.request_ranking(session, review_id)
    changes.note_rule_change(session, review_id)
    audit.append_event(
        session,
        "pilot.closed",
        review_id=review_id,
        person_id=person_id,
        detail={"round": row.number, "note": row.note},
    )


def leave_rounds(session: WriteSession, review_id: int, person_id: int) -> None:
    """Take a person out of open rounds, so that nobody waits for them."""
    participations = (
        select(PilotPerson)
        .join(PilotRow, PilotRow.id == PilotPerson.pilot_id)
        .where(
            PilotRow.review_id == review_id,
            PilotRow.closed_at.is_(None),
            PilotPerson.person_id == person_id,
        )
    )
    rows = session.scalars(participations).all()
    for row in rows:
        session.delete(row)
    if rows:
        changes.note_rule_change(session, review_id)
        for stage in screening_state.list_stages(session, review_id):
            screening_state.update_all_states(session, review_id, stage)


def list_rounds(session: ReadSession, review_id: int, stage: str = TITLE_ABSTRACT) -> list[Pilot]:
    """All rounds, oldest first."""
    rows = session.scalars(
        select(PilotRow)
        .where(PilotRow.review_id == review_id, PilotRow.stage == stage)
        .order_by(PilotRow.number)
    )
    return [_info(session, row) for row in rows]


def list_reports_for(
    session: ReadSession, review_id: int, person_id: int, stage: str = TITLE_ABSTRACT
) -> list[int] | None:
    """Reports of the open round in reading order; None if the person takes part in none."""
    row = _find_open(session, review_id, stage)
    if row is None or session.get(PilotPerson, (row.id, person_id)) is None:
        return None
    return _list_reports(session, row)


def _find_open(session: ReadSession, review_id: int, stage: str) -> PilotRow | None:
    row: PilotRow | None = session.scalars(
        select(PilotRow).where(
            PilotRow.review_id == review_id,
            PilotRow.stage == stage,
            PilotRow.closed_at.is_(None),
        )
    ).first()
    return row


def _list_reports(session: ReadSession, row: PilotRow) -> list[int]:
    """Reports that hold a round's records now; for an open round, those that can be decided."""
    query = current_reports_query(PilotReport).where(PilotReport.pilot_id == row.id)
    if row.closed_at is None:
        query = query.join(Report, Report.id == RecordRow.report_id).where(Report.active.is_(True))
    return sorted(set(session.scalars(query)))


def _info(session: ReadSession, row: PilotRow) -> Pilot:
    report_ids = _list_reports(session, row)
    decisions = screening_state.list_active_decisions(session, report_ids, row.stage)
    people = session.execute(
        select(PilotPerson.person_id, Identity.name)
        .outerjoin(Identity, Identity.person_id == PilotPerson.person_id)
        .where(PilotPerson.pilot_id == row.id)
        .order_by(PilotPerson.person_id)
    )
    return Pilot(
        id=row.id,
        number=row.number,
        report_ids=tuple(report_ids),
        parts=tuple(
            PilotProgress(
                person,
                name or f"person {person}",
                sum(person in get_own_decisions(lines) for lines in decisions.values()),
            )
            for person, name in people
        ),
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        note=row.note,
    )
