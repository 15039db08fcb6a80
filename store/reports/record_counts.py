"""Counts of a review's records and reports, and of the decisions on them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import and_, case, func, select

from store.core.session import ReadSession
from store.core.tables import RecordRow, Report, ReportState
from store.rules.agreed_decision import UNDECIDED
from store.rules.plans import TITLE_ABSTRACT


@dataclass(frozen=True, slots=True)
class ReportCounts:
    """A review's active reports by decision; every page, document and command counts by it.

    ``reports == include + maybe + exclude + awaiting + conflict + not_screened``, and
    ``reports == decided + undecided``.

    Attributes:
        records: their active records; more than ``reports`` if some reports have several.
        without_abstract: reports without an abstract in any of their records.
        awaiting: undecided reports that somebody has decided and others must still decide.
        conflict: undecided reports on which people differ.
    """

    records: int
    reports: int
    without_abstract: int
    include: int
    exclude: int
    maybe: int
    awaiting: int
    conflict: int

    @property
    def decided(self) -> int:
        """Reports with a decision that counts."""
        return self.include + self.exclude + self.maybe

    @property
    def undecided(self) -> int:
        """Reports without a decision that counts."""
        return self.reports - self.decided

    @property
    def not_screened(self) -> int:
        """Reports that nobody has decided."""
        return self.undecided - self.awaiting - self.conflict


def count_undecided(session: ReadSession, review_id: int, stage: str = TITLE_ABSTRACT) -> int:
    """Count the open and awaiting reports; the query needs an index only."""
    return (
        session.scalar(
            select(func.count())
            .select_from(ReportState)
            .where(
                ReportState.review_id == review_id,
                ReportState.stage == stage,
                ReportState.active.is_(True),
                ReportState.state.in_(UNDECIDED),
            )
        )
        or 0
    )


def count_reports(session: ReadSession, review_id: int) -> ReportCounts:
    """Count a review's active reports, and their active records."""
    active = and_(RecordRow.review_id == review_id, RecordRow.active.is_(True))
    per_report = (
        select(
            func.count(RecordRow.id).label("records"),
            func.count(RecordRow.abstract).label("abstracts"),
        )
        .join(Report, Report.id == RecordRow.report_id)
        .where(active, Report.active.is_(True))
        .group_by(RecordRow.report_id)
        .subquery()
    )
    records, without_abstract = session.execute(
        select(
            func.coalesce(func.sum(per_report.c.records), 0),
            func.count(case((per_report.c.abstracts == 0, 1))),
        )
    ).one()
    rows = session.execute(
        select(ReportState.outcome, func.count())
        .where(
            ReportState.review_id == review_id,
            ReportState.stage == TITLE_ABSTRACT,
            ReportState.active.is_(True),
        )
        .group_by(ReportState.outcome)
    )
    by_outcome: dict[str, int] = {row[0]: row[1] for row in rows}
    return ReportCounts(
        records=int(records),
        reports=sum(by_outcome.values()),
        without_abstract=without_abstract,
        include=by_outcome.get("include", 0),
        exclude=by_outcome.get("exclude", 0),
        maybe=by_outcome.get("maybe", 0),
        awaiting=by_outcome.get("awaiting", 0),
        conflict=by_outcome.get("conflict", 0),
    )
