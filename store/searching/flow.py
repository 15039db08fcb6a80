"""The flow of records: how many were identified, and what became of each.

identified = rejected + filtered + duplicates + out of range + screened + not screened, always, for
the review and for each admission from the pool. An entry is identified if its file or page is
neither withdrawn nor in the pool, and if no earlier file or run of the same search had it. A report
is filtered only if all its copies are; each further copy of a report is a duplicate, filtered or
not. A report counts where its first unfiltered copy came in: before any admission, or with one.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from store.core.session import ReadSession
from store.reports import counters
from store.rules.plans import TITLE_ABSTRACT
from store.searching import flow_counts
from store.searching.flow_counts import DECISIONS, EntryCounts, PlacedReports
from store.searching.flow_entries import BASE as BASE


@dataclass(frozen=True, slots=True)
class Flow:
    """Counts of a review, or of one admission; ``identified`` is the sum of the next six.

    Attributes:
        out_of_range: reports outside the protocol's years; see ``store.reports.limits``.
        waiting: those not screened that are in runs that have not ended or are held.
        included: those screened with an include; ``excluded`` and ``maybe`` likewise.
        notices: those filtered because they are about another report, such as a retraction.
    """

    identified: int = 0
    rejected: int = 0
    filtered: int = 0
    duplicates: int = 0
    out_of_range: int = 0
    screened: int = 0
    not_screened: int = 0
    waiting: int = 0
    included: int = 0
    excluded: int = 0
    maybe: int = 0
    notices: int = 0

    def __add__(self, other: Flow) -> Flow:
        return Flow(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


def count_received(session: ReadSession, review_id: int) -> dict[int, int]:
    """Identified entries by search, rejected ones included."""
    return dict(flow_counts.get_entry_counts(session, review_id).received)


def count_filtered(session: ReadSession, review_id: int) -> dict[int, int]:
    """Filtered records by search, without those that another file or page of it has unfiltered."""
    return dict(flow_counts.get_entry_counts(session, review_id).filtered)


def count_flow_by_admission(session: ReadSession, review_id: int) -> dict[int, Flow]:
    """The counts of each admission; under ``BASE`` those of records that were never in the pool.

    What became of entries is read as it was stored, and only counted again if it has changed since.
    How far reports are screened comes from the stored counts, which are those of all admissions
    together; so those of each admission are counted by its own reports, and the base has the rest.
    """
    counts = flow_counts.get_entry_counts(session, review_id)
    placed = flow_counts.count_placed_reports(session, review_id, counts)
    stored = counters.get_counts(session, [review_id])[review_id]
    of_all = {word: stored.get((TITLE_ABSTRACT, word), 0) for word in DECISIONS}
    aside = stored.get((counters.ALL, counters.OUT_OF_RANGE), 0)
    base = placed.get(BASE, PlacedReports())
    for part in placed.values():
        for word in DECISIONS:
            of_all[word] -= part.counted[word]
        aside -= part.counted_out_of_range
    rest = PlacedReports(
        decided={word: of_all[word] + base.decided[word] for word in DECISIONS},
        out_of_range=aside + base.out_of_range,
        waiting=base.waiting,
    )
    by_admission = {**placed, BASE: rest}
    return {
        admission: _sum_up(counts, admission, by_admission.get(admission, PlacedReports()))
        for admission in sorted(counts.admissions)
    }


def _sum_up(counts: EntryCounts, admission: int, screened: PlacedReports) -> Flow:
    entries = counts.admissions[admission]
    decided = sum(screened.decided.values())
    return Flow(
        identified=entries.identified + entries.rejected,
        rejected=entries.rejected,
        filtered=entries.filtered,
        duplicates=entries.identified - entries.reports,
        out_of_range=screened.out_of_range,
        screened=decided,
        not_screened=entries.reports - entries.filtered - decided - screened.out_of_range,
        waiting=screened.waiting,
        included=screened.decided["include"],
        excluded=screened.decided["exclude"],
        maybe=screened.decided["maybe"],
        notices=entries.notices,
    )


def count_flow(session: ReadSession, review_id: int) -> Flow:
    """The counts of a review."""
    return sum(count_flow_by_admission(session, review_id).values(), Flow())
