"""Labels: the decisions that count, as the ranking, exports and evaluation read them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from store.core.chunks import CHUNK, batched
from store.core.session import ReadSession
from store.core.tables import (
    BulkDecision,
    Decision,
    PilotReport,
    PilotRow,
    ReportState,
)
from store.reports import record_counts, screening_state
from store.reviews import reviews
from store.rules.agreed_decision import IMPORT, OWN
from store.rules.plans import TITLE_ABSTRACT

# Labels of unsettled reports are used in batches of this size, so that a changed order does not
# reveal a single decision.
BATCH = 10


@dataclass(frozen=True, slots=True)
class Label:
    """The decision that counts on a report, with the id of the first one made on it.

    Labels in the order of ``first_id`` are in screening order.
    """

    report_id: int
    decision: str
    first_id: int


def _active(review_id: int) -> tuple[Any, ...]:
    """Conditions: the state at title and abstract of a report that counts."""
    return (
        ReportState.review_id == review_id,
        ReportState.stage == TITLE_ABSTRACT,
        ReportState.active.is_(True),
    )


def find_started_reports(session: ReadSession, report_ids: Iterable[int]) -> set[int]:
    """Those of these reports that somebody has decided, whether or not a decision counts yet."""
    started: set[int] = set()
    for part in batched(set(report_ids), CHUNK):
        query = select(ReportState.report_id).where(
            ReportState.report_id.in_(part),
            ReportState.stage == TITLE_ABSTRACT,
            ReportState.state != "open",
        )
        started.update(session.scalars(query))
    return started


def get_settled_decisions(session: ReadSession, report_ids: Iterable[int]) -> dict[int, str]:
    """The decision that counts on each of these reports that is settled."""
    decisions: dict[int, str] = {}
    for chunk in batched(set(report_ids), CHUNK):
        rows = session.execute(
            select(ReportState.report_id, ReportState.outcome).where(
                ReportState.report_id.in_(chunk),
                ReportState.stage == TITLE_ABSTRACT,
                ReportState.decision_id.is_not(None),
            )
        )
        decisions.update({row[0]: row[1] for row in rows})
    return decisions


def list_labels(session: ReadSession, review_id: int) -> list[Label]:
    """The decision that counts on every decided, active report, in screening order."""
    rows = session.execute(
        select(ReportState.report_id, ReportState.outcome, ReportState.first_decision_id)
        .where(*_active(review_id), ReportState.state == "settled")
        .order_by(ReportState.first_decision_id)
    )
    return [Label(report_id, decision, first or 0) for report_id, decision, first in rows]


def find_includes_read(session: ReadSession, review_id: int) -> tuple[int, list[int]]:
    """How many active, settled reports somebody read, and the places of the includes among them.

    They are counted from 1 in the order of the first decision by reading. Labels that came with a
    file and bulk actions are left out, since nobody read those records.
    """
    read = (
        *_active(review_id),
        ReportState.state == "settled",
        ReportState.first_read_id.is_not(None),
    )
    place = func.row_number().over(order_by=ReportState.first_read_id).label("place")
    numbered = select(ReportState.outcome, place).where(*read).subquery()
    places = session.scalars(
        select(numbered.c.place).where(numbered.c.outcome == "include").order_by(numbered.c.place)
    )
    total = session.scalar(select(func.count()).select_from(ReportState).where(*read))
    return total or 0, list(places)


@dataclass(frozen=True, slots=True)
class ReadReport:
    """A report that somebody has decided.

    Attributes:
        outcome: the decision that counts, or *awaiting* or *conflict*.
        ranked: whether a ranking had placed it for the person who decided it first; False in pilot
            rounds, whose records are drawn at random, in bulk actions and for imported decisions.
        imported: whether its first decision came with a file, so that nobody read it for that.
    """

    report_id: int
    outcome: str
    ranked: bool
    imported: bool

    @property
    def decision(self) -> str | None:
        """The decision that counts; None if there is none."""
        return self.outcome if self.outcome in ("include", "exclude", "maybe") else None


def list_read_reports(session: ReadSession, review_id: int) -> list[ReadReport]:
    """Every active report that somebody has decided, in screening order."""
    first = aliased(Decision)
    in_pilot = set(
        session.scalars(
            screening_state.current_reports_query(PilotReport)
            .join(PilotRow, PilotRow.id == PilotReport.pilot_id)
            .where(PilotRow.review_id == review_id)
        )
    )
    rows = session.execute(
        select(
            ReportState.report_id,
            ReportState.outcome,
            first.place,
            first.kind,
            first.id.in_(select(BulkDecision.decision_id)),
        )
        .join(first, first.id == ReportState.first_decision_id)
        .where(*_active(review_id), ReportState.state != "open")
        .order_by(ReportState.first_decision_id)
    )
    return [
        ReadReport(
            report_id,
            outcome,
            place is not None and kind == OWN and not in_bulk and report_id not in in_pilot,
            kind == IMPORT,
        )
        for report_id, outcome, place, kind, in_bulk in rows
    ]


def count_training_labels(session: ReadSession, review_id: int) -> int:
    """How many labels the ranking would learn from now, see ``list_training_labels``."""
    counts = record_counts.count_reports(session, review_id)
    if screening_state.learns_from_all(reviews.get_protocol(session, review_id).body):
        return counts.decided + counts.awaiting + counts.conflict
    return counts.decided


def list_training_labels(session: ReadSession, review_id: int) -> list[Label]:
    """The labels that the ranking learns from: decisions that count, or also those of open reports.

    If the protocol says so, the latest decision on an unsettled report is its label. These labels
    come in batches of ``BATCH``.
    """
    labels = list_labels(session, review_id)
    if not screening_state.learns_from_all(reviews.get_protocol(session, review_id).body):
        return labels
    unsettled = session.scalars(
        select(ReportState.report_id).where(
            *_active(review_id), ReportState.state.in_(("awaiting", "conflict"))
        )
    ).all()
    waiting = [
        Label(report_id, lines[-1].decision, lines[0].id)
        for report_id, lines in screening_state.list_active_decisions(session, unsettled).items()
    ]
    waiting.sort(key=lambda label: label.first_id)
    labels += waiting[: len(waiting) // BATCH * BATCH]
    return sorted(labels, key=lambda label: label.first_id)
