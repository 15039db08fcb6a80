"""Why the queue has no card for a person: one cause, worked out from what is really there."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select

from store.core.chunks import CHUNK, batched
from store.core.session import ReadSession
from store.core.tables import Lease, Report, ReportState, now
from store.reports import screening_state
from store.rules.agreed_decision import UNDECIDED, get_own_decisions
from store.screening import assigned_people, pilots, rescreens
from store.screening.queue import Screener

# Nothing to screen yet; everything is decided; the person's part of a pilot round is done; cards
# that the person could decide are with others; what is left is for others alone.
EMPTY: Final = "empty"
FINISHED: Final = "finished"
PILOT_DONE: Final = "pilot-done"
HELD: Final = "held"
OTHERS: Final = "others"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueEnd:
    """Why a person has no card.

    Attributes:
        state: one of the five above.
        held: reports that the person could decide and whose cards others hold.
        free_at: when the first of these cards comes back at the latest; None if none is held.
        second: reports that the person has decided and that need another person.
        assigned: reports that are shared out to others, or that the person handed over.
        pilot: reports of a pilot round in which the person takes no part.
        conflicts: reports on which people differ.
        out_of_range: if the queue is empty, reports outside the protocol's years.
    """

    state: str
    held: int = 0
    free_at: dt.datetime | None = None
    second: int = 0
    assigned: int = 0
    pilot: int = 0
    conflicts: int = 0
    out_of_range: int = 0

    @property
    def left(self) -> int:
        """Reports that others must still decide."""
        return self.second + self.assigned + self.pilot


def find_end(session: ReadSession, screener: Screener, *, again: bool = False) -> QueueEnd:
    """Find out why no card was dealt.

    Args:
        session: the session in which no card was dealt.
        screener: the person.
        again: whether they asked for records to screen again.
    """
    review_id, person_id, stage = screener.review_id, screener.person_id, screener.stage
    own_pilot = pilots.list_reports_for(session, review_id, person_id, stage)
    to_rescreen = rescreens.find_reports_to_rescreen(session, review_id, stage)
    undecided = _list_undecided(session, review_id, stage)
    if own_pilot is not None and not again:
        drawn = set(own_pilot)
        undecided = [report_id for report_id in undecided if report_id in drawn]
    else:
        undecided = [report_id for report_id in undecided if (report_id in to_rescreen) == again]
    required = screening_state.get_required_decisions(session, review_id, stage)
    lines = screening_state.list_active_decisions(session, undecided, stage)
    assigned = assigned_people.find_assigned_people(session, review_id, None, stage)
    second = n_assigned = pilot = 0
    free: list[int] = []
    for report_id in undecided:
        own = get_own_decisions(lines.get(report_id, []))
        needed = required.count_needed(report_id, lines.get(report_id, []))
        if person_id in own:
            second += 1
        elif own_pilot is None and required.pilots.get(report_id) is not None:
            pilot += 1
        elif not assigned.may_take(report_id, person_id, needed, own):
            n_assigned += 1
        else:
            free.append(report_id)
    conflicts = _count_conflicts(session, review_id, stage)
    if free:
        return QueueEnd(
            state=HELD,
            held=len(free),
            free_at=_find_first_end(session, screener, free),
            second=second,
            assigned=n_assigned,
            pilot=pilot,
            conflicts=conflicts,
        )
    if own_pilot is not None and not again:
        return QueueEnd(state=PILOT_DONE, second=second, conflicts=conflicts)
    if second or n_assigned or pilot:
        return QueueEnd(
            state=OTHERS, second=second, assigned=n_assigned, pilot=pilot, conflicts=conflicts
        )
    if not again and not _count(session, review_id, Report.active.is_(True)):
        outside = _count(session, review_id, Report.out_of_range.is_(True))
        return QueueEnd(state=EMPTY, out_of_range=outside)
    return QueueEnd(state=FINISHED, conflicts=conflicts)


def _list_undecided(session: ReadSession, review_id: int, stage: str) -> list[int]:
    return list(
        session.scalars(
            select(ReportState.report_id).where(
                ReportState.review_id == review_id,
                ReportState.stage == stage,
                ReportState.active.is_(True),
                ReportState.state.in_(UNDECIDED),
            )
        )
    )


def _count_conflicts(session: ReadSession, review_id: int, stage: str) -> int:
    query = select(func.count()).where(
        ReportState.review_id == review_id,
        ReportState.stage == stage,
        ReportState.active.is_(True),
        ReportState.state == "conflict",
    )
    return session.scalar(query) or 0


def _count(session: ReadSession, review_id: int, *conditions: object) -> int:
    query = select(func.count()).select_from(Report).where(Report.review_id == review_id)
    return session.scalar(query.where(*conditions)) or 0  # type: ignore[arg-type] # conditions of SQLAlchemy


def _find_first_end(
    session: ReadSession, screener: Screener, report_ids: list[int]
) -> dt.datetime | None:
    """When the first lease that others have on these reports ends; None if they have none."""
    ends = []
    for part in batched(report_ids, CHUNK):
        query = select(func.min(Lease.expires_at)).where(
            Lease.report_id.in_(part),
            Lease.stage == screener.stage,
            Lease.person_id != screener.person_id,
            Lease.expires_at > now(),
        )
        ends.append(session.scalar(query))
    return min((end for end in ends if end is not None), default=None)
