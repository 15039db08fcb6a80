"""Counts of a review's records and reports, and of the decisions on them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from store.core.session import ReadSession
from store.reports import counters
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


def count_reports(session: ReadSession, review_id: int) -> ReportCounts:
    """Count a review's active reports, and their active records."""
    return count_reports_by_review(session, [review_id])[review_id]


def count_reports_by_review(
    session: ReadSession, review_ids: Collection[int]
) -> dict[int, ReportCounts]:
    """Count the active reports of several reviews, and their active records."""
    return {
        review_id: _sum_up(counts)
        for review_id, counts in counters.get_counts(session, review_ids).items()
    }


def _sum_up(counts: Mapping[tuple[str, str], int]) -> ReportCounts:
    by_outcome = {kind: n for (stage, kind), n in counts.items() if stage == TITLE_ABSTRACT}
    return ReportCounts(
        records=counts.get((counters.ALL, counters.RECORDS), 0),
        reports=sum(by_outcome.values()),
        without_abstract=counts.get((counters.ALL, counters.WITHOUT_ABSTRACT), 0),
        include=by_outcome.get("include", 0),
        exclude=by_outcome.get("exclude", 0),
        maybe=by_outcome.get("maybe", 0),
        awaiting=by_outcome.get("awaiting", 0),
        conflict=by_outcome.get("conflict", 0),
    )
