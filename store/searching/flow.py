"""The flow of records: how many were identified, and what became of each.

identified = rejected + filtered + duplicates + out of range + screened + not screened, always, for
the review and for each admission from the pool. An entry is identified if its file or page is
neither withdrawn nor in the pool, and if no earlier file or run of the same search had it. A report
is filtered only if all its copies are; each further copy of a report is a duplicate, filtered or
not. A report counts where its first unfiltered copy came in: before any admission, or with one.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Select, Subquery, and_, case, func, select

from store.core.session import ReadSession
from store.core.tables import Batch, BatchEntry, BatchRejected, RecordRow, Report, ReportState
from store.reports.report_states import at_stage

# Stands for the admission of records that were never in the pool.
BASE = 0


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


def _live(review_id: int) -> Any:
    return and_(Batch.review_id == review_id, Batch.withdrawn_at.is_(None), Batch.pooled.is_(False))


def _admission() -> Any:
    return func.coalesce(Batch.admission_id, BASE)


def _entries(review_id: int) -> Subquery:
    """Records by search, each with the admission that it first came in with.

    ``entries`` counts how often a record occurs in the first file or page that has it.
    """
    by_search = (
        select(
            Batch.search_id,
            BatchEntry.record_id,
            func.min(Batch.id).label("first"),
            func.min(_admission()).label("admission"),
            func.max(case((BatchEntry.fate != "filtered", 1), else_=0)).label("kept"),
            func.max(case((Batch.held.is_(False), 1), else_=0)).label("out"),
        )
        .join(Batch, Batch.id == BatchEntry.batch_id)
        .where(_live(review_id))
        .group_by(Batch.search_id, BatchEntry.record_id)
        .subquery()
    )
    columns = [c for c in by_search.c if c.name != "first"]
    return (
        select(*columns, func.count().label("entries"))
        .join(
            BatchEntry,
            and_(
                BatchEntry.batch_id == by_search.c.first,
                BatchEntry.record_id == by_search.c.record_id,
            ),
        )
        .group_by(*columns)
        .subquery()
    )


def _rejected(review_id: int) -> Select[Any]:
    """Counts of rejected entries by search and admission.

    An entry that a later run has again, recognised by its text, does not count again.
    """
    by_batch = (
        select(
            Batch.search_id,
            BatchRejected.batch_id,
            _admission().label("admission"),
            func.count().label("entries"),
            func.min(BatchRejected.batch_id)
            .over(partition_by=(Batch.search_id, BatchRejected.reason, BatchRejected.excerpt))
            .label("first"),
            BatchRejected.excerpt,
        )
        .join(Batch, Batch.id == BatchRejected.batch_id)
        .where(_live(review_id))
        .group_by(
            Batch.search_id,
            BatchRejected.batch_id,
            Batch.admission_id,
            BatchRejected.reason,
            BatchRejected.excerpt,
        )
        .subquery()
    )
    return (
        select(by_batch.c.search_id, by_batch.c.admission, func.sum(by_batch.c.entries))
        .where((by_batch.c.batch_id == by_batch.c.first) | (by_batch.c.excerpt == ""))
        .group_by(by_batch.c.search_id, by_batch.c.admission)
    )


def count_rejected(session: ReadSession, review_id: int) -> dict[int, int]:
    """Rejected entries by search."""
    counts: dict[int, int] = {}
    for search_id, _, count in session.execute(_rejected(review_id)):
        counts[search_id] = counts.get(search_id, 0) + int(count)
    return counts


def count_received(session: ReadSession, review_id: int) -> dict[int, int]:
    """Identified entries by search, rejected ones included."""
    entries = _entries(review_id)
    counted = func.sum(entries.c.entries)
    rows = session.execute(select(entries.c.search_id, counted).group_by(entries.c.search_id))
    counts: dict[int, int] = {row[0]: int(row[1]) for row in rows}
    for search_id, count in count_rejected(session, review_id).items():
        counts[search_id] = counts.get(search_id, 0) + count
    return counts


def count_filtered(session: ReadSession, review_id: int) -> dict[int, int]:
    """Filtered records by search, without those that another file or page of it has unfiltered."""
    entries = _entries(review_id)
    rows = session.execute(
        select(entries.c.search_id, func.count())
        .where(entries.c.kept == 0)
        .group_by(entries.c.search_id)
    )
    return {row[0]: row[1] for row in rows}


def _reports(review_id: int) -> Subquery:
    """Each report with its admission, and whether a copy of it is unfiltered and out of its run."""
    entries = _entries(review_id)
    kept_in = func.min(case((entries.c.kept == 1, entries.c.admission)))
    return (
        select(
            RecordRow.report_id,
            func.coalesce(kept_in, func.min(entries.c.admission)).label("admission"),
            func.max(entries.c.kept).label("kept"),
            func.max(entries.c.out).label("out"),
            func.max(case((RecordRow.notice.is_(True), 1), else_=0)).label("notice"),
        )
        .join(RecordRow, RecordRow.id == entries.c.record_id)
        .group_by(RecordRow.report_id)
        .subquery()
    )


def count_flow_by_admission(session: ReadSession, review_id: int) -> dict[int, Flow]:
    """The counts of each admission; under ``BASE`` those of records that were never in the pool."""
    entries = _entries(review_id)
    counted = select(entries.c.admission, func.sum(entries.c.entries))
    identified = {
        admission: int(count)
        for admission, count in session.execute(counted.group_by(entries.c.admission))
    }
    rejected: dict[int, int] = {}
    for _, admission, count in session.execute(_rejected(review_id)):
        rejected[admission] = rejected.get(admission, 0) + int(count)
    copies = _reports(review_id)
    kept, decided = copies.c.kept == 1, ReportState.decision_id.is_not(None)

    def number(condition: Any) -> Any:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    rows = session.execute(
        select(
            copies.c.admission,
            func.count(),
            number(~kept),
            number(and_(~kept, copies.c.notice == 1)),
            number(and_(kept, decided)),
            number(and_(kept, Report.out_of_range.is_(True), ~decided)),
            number(and_(kept, copies.c.out == 0, ~decided)),
            *(
                number(and_(kept, ReportState.outcome == d))
                for d in ("include", "exclude", "maybe")
            ),
        )
        .select_from(copies)
        .join(Report, Report.id == copies.c.report_id)
        .join(ReportState, at_stage())
        .group_by(copies.c.admission)
    )
    flows = {}
    for row in rows:
        admission, reports, filtered, notices, screened, aside, waiting, *outcomes = map(int, row)
        included, excluded, maybe = outcomes
        flows[admission] = Flow(
            identified=identified.get(admission, 0),
            filtered=filtered,
            duplicates=identified.get(admission, 0) - reports,
            out_of_range=aside,
            screened=screened,
            not_screened=reports - filtered - screened - aside,
            waiting=waiting,
            included=included,
            excluded=excluded,
            maybe=maybe,
            notices=notices,
        )
    for admission in (identified.keys() | rejected.keys()) - flows.keys():
        # All of them are copies of reports that came in earlier.
        copied = identified.get(admission, 0)
        flows[admission] = Flow(identified=copied, duplicates=copied)
    for admission, count in rejected.items():
        flows[admission] += Flow(identified=count, rejected=count)
    return dict(sorted(flows.items()))


def count_flow(session: ReadSession, review_id: int) -> Flow:
    """The counts of a review."""
    return sum(count_flow_by_admission(session, review_id).values(), Flow())
