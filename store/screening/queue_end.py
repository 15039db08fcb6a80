"""Why the queue has no card for a person: one cause, worked out from what is really there."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, select

from store.core.session import ReadSession
from store.core.tables import Report, ReportState
from store.screening import leases
from store.screening.dealing_rules import Kind
from store.screening.stage_queue import Screener, StageQueue

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


def find_end(
    session: ReadSession, queue: StageQueue, screener: Screener, *, again: bool = False
) -> QueueEnd:
    """Find out why no card was dealt.

    Args:
        session: a reading session.
        queue: refreshed since no card was dealt.
        screener: the person.
        again: whether they asked for records to screen again.
    """
    review_id, person_id, stage = screener.review_id, screener.person_id, screener.stage
    in_round = person_id in queue.rules.in_round
    numbers = Counter[str]()
    free = set()
    for kind, number in queue.count_kinds().items():
        if (not kind.in_round) if in_round and not again else kind.again != again:
            continue
        cause = _find_cause(kind, person_id, in_round=in_round)
        numbers[cause] += number
        if cause == "free":
            free.add(kind)
    second, n_assigned, pilot = numbers["second"], numbers["assigned"], numbers["pilot"]
    conflicts = _count_conflicts(session, review_id, stage)
    if free:
        ends = leases.list_ends(session, review_id, person_id, stage)
        held = queue.are_of([report_id for report_id, _ in ends], free)
        return QueueEnd(
            state=HELD,
            held=numbers["free"],
            free_at=min((until for report_id, until in ends if report_id in held), default=None),
            second=second,
            assigned=n_assigned,
            pilot=pilot,
            conflicts=conflicts,
        )
    if in_round and not again:
        return QueueEnd(state=PILOT_DONE, second=second, conflicts=conflicts)
    if second or n_assigned or pilot:
        return QueueEnd(
            state=OTHERS, second=second, assigned=n_assigned, pilot=pilot, conflicts=conflicts
        )
    if not again and not _exists(session, review_id, Report.active.is_(True)):
        outside = _count(session, review_id, Report.out_of_range.is_(True))
        return QueueEnd(state=EMPTY, out_of_range=outside)
    return QueueEnd(state=FINISHED, conflicts=conflicts)


def _find_cause(kind: Kind, person_id: int, *, in_round: bool) -> str:
    """Why a person does not decide reports of a kind: "free" if they could."""
    if person_id in kind.decided_by:
        return "second"
    if kind.in_round and not in_round:
        return "pilot"
    return "free" if kind.admits(person_id) else "assigned"


def _count_conflicts(session: ReadSession, review_id: int, stage: str) -> int:
    query = select(func.count()).where(
        ReportState.review_id == review_id,
        ReportState.stage == stage,
        ReportState.active.is_(True),
        ReportState.state == "conflict",
    )
    return session.scalar(query) or 0


def _exists(session: ReadSession, review_id: int, *conditions: Any) -> bool:
    query = select(Report.id).where(Report.review_id == review_id, *conditions)
    return session.scalar(query.limit(1)) is not None


def _count(session: ReadSession, review_id: int, *conditions: Any) -> int:
    query = select(func.count()).select_from(Report).where(Report.review_id == review_id)
    return session.scalar(query.where(*conditions)) or 0
