"""The flow of records: how many were identified, and what became of every one of them.

identified = rejected + filtered + duplicates + screened + not screened, always. Identified are the
entries that searches brought and that are not withdrawn; an entry that an earlier file or run of
the same search brought already is none. A report is filtered only if every copy of it is; each
further copy of a report is a duplicate, be it filtered or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, Subquery, and_, case, func, select

from store.session import ReadSession
from store.tables import Batch, BatchEntry, BatchRejected, RecordRow, Report


@dataclass(frozen=True, slots=True)
class Flow:
    """Counts of a review; ``identified`` is the sum of the other five.

    Attributes:
        waiting: of those not screened, the ones in runs that have not ended or are held.
    """

    identified: int
    rejected: int
    filtered: int
    duplicates: int
    screened: int
    not_screened: int
    waiting: int


def _live(review_id: int) -> Any:
    return and_(Batch.review_id == review_id, Batch.withdrawn_at.is_(None))


def _records(review_id: int) -> Subquery:
    """Entries that are records and not of an earlier batch of the same search, by search."""
    first = (
        select(
            Batch.search_id,
            BatchEntry.record_id,
            func.min(Batch.id).label("batch_id"),
        )
        .join(Batch, Batch.id == BatchEntry.batch_id)
        .where(_live(review_id))
        .group_by(Batch.search_id, BatchEntry.record_id)
        .subquery()
    )
    return (
        select(first.c.search_id, func.count().label("entries"))
        .join(
            BatchEntry,
            and_(
                BatchEntry.batch_id == first.c.batch_id,
                BatchEntry.record_id == first.c.record_id,
            ),
        )
        .group_by(first.c.search_id)
        .subquery()
    )


def _rejected(review_id: int) -> Select[Any]:
    """Rejected entries by search; one that a re-run brings again, known by its text, is none."""
    found = (
        select(
            Batch.search_id,
            BatchRejected.batch_id,
            func.count().label("entries"),
            func.min(BatchRejected.batch_id)
            .over(partition_by=(Batch.search_id, BatchRejected.reason, BatchRejected.excerpt))
            .label("first"),
            BatchRejected.excerpt,
        )
        .join(Batch, Batch.id == BatchRejected.batch_id)
        .where(_live(review_id))
        .group_by(
            Batch.search_id, BatchRejected.batch_id, BatchRejected.reason, BatchRejected.excerpt
        )
        .subquery()
    )
    return (
        select(found.c.search_id, func.sum(found.c.entries))
        .where((found.c.batch_id == found.c.first) | (found.c.excerpt == ""))
        .group_by(found.c.search_id)
    )


def rejected(session: ReadSession, review_id: int) -> dict[int, int]:
    """Entries that are no records, by search."""
    return {search: int(count) for search, count in session.execute(_rejected(review_id))}


def received(session: ReadSession, review_id: int) -> dict[int, int]:
    """Entries identified by each search, rejected ones included."""
    counted = _records(review_id)
    rows = session.execute(select(counted.c.search_id, counted.c.entries))
    found: dict[int, int] = {row[0]: row[1] for row in rows}
    for search, count in rejected(session, review_id).items():
        found[search] = found.get(search, 0) + count
    return found


def filtered(session: ReadSession, review_id: int) -> dict[int, int]:
    """Different records that are filtered and that the same search did not keep, by search."""
    mine = (
        select(Batch.search_id, BatchEntry.record_id)
        .join(Batch, Batch.id == BatchEntry.batch_id)
        .where(_live(review_id))
        .group_by(Batch.search_id, BatchEntry.record_id)
        .having(func.min(case((BatchEntry.fate == "filtered", 1), else_=0)) == 1)
        .subquery()
    )
    rows = session.execute(select(mine.c.search_id, func.count()).group_by(mine.c.search_id))
    return {row[0]: row[1] for row in rows}


def flow(session: ReadSession, review_id: int) -> Flow:
    """The counts of a review."""
    lost = sum(rejected(session, review_id).values())
    counted = _records(review_id)
    entries = session.scalar(select(func.coalesce(func.sum(counted.c.entries), 0))) or 0
    copies = (
        select(
            RecordRow.report_id,
            func.max(case((BatchEntry.fate != "filtered", 1), else_=0)).label("kept"),
            func.max(case((Batch.held.is_(False), 1), else_=0)).label("out"),
        )
        .join(BatchEntry, BatchEntry.record_id == RecordRow.id)
        .join(Batch, Batch.id == BatchEntry.batch_id)
        .where(_live(review_id))
        .group_by(RecordRow.report_id)
        .subquery()
    )
    decided = Report.decision_id.is_not(None)
    reports, filtered, screened, waiting = session.execute(
        select(
            func.count(),
            func.coalesce(func.sum(case((copies.c.kept == 0, 1), else_=0)), 0),
            func.coalesce(func.sum(case((and_(copies.c.kept == 1, decided), 1), else_=0)), 0),
            func.coalesce(
                func.sum(case((and_(copies.c.kept == 1, copies.c.out == 0, ~decided), 1), else_=0)),
                0,
            ),
        )
        .select_from(copies)
        .join(Report, Report.id == copies.c.report_id)
    ).one()
    return Flow(
        identified=int(entries) + lost,
        rejected=lost,
        filtered=int(filtered),
        duplicates=int(entries) - int(reports),
        screened=int(screened),
        not_screened=int(reports) - int(filtered) - int(screened),
        waiting=int(waiting),
    )
