"""Counts of a review's records and reports, and of the decisions on them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import and_, case, func, select

from store.core.session import ReadSession
from store.core.tables import Decision, RecordRow, Report
from store.rules.agreed_decision import UNDECIDED


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


def count_undecided(session: ReadSession, review_id: int) -> int:
    """Count the open and awaiting reports; the query needs an index only."""
    return (
        session.scalar(
            select(func.count())
            .select_from(Report)
            .where(
                Report.review_id == review_id,
                Report.active.is_(True),
                Report.state.in_(UNDECIDED),
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
        select(
            func.coalesce(Decision.decision, Report.state).label("outcome"), func.count(Report.id)
        )
        .select_from(Report)
        .outerjoin(Decision, Decision.id == Report.decision_id)
        .where(Report.review_id == review_id, Report.active.is_(True))
        .group_by("outcome")
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
