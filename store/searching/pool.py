"""What waits in the pool: records of searches run after the freeze date, until they are admitted.

Records in the pool change no queue, no count and no claim.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, bindparam, case, func, or_, select
from sqlalchemy.orm import aliased

from store.core.chunks import CHUNK, batched
from store.core.session import ReadSession
from store.core.tables import (
    Batch,
    BatchEntry,
    BatchRejected,
    RecordRow,
    Report,
    Search,
    is_shown,
)
from store.searching import search_days


def pooled_condition(review_id: int) -> Any:
    """The condition that a batch waits in the review's pool, and that its run has ended."""
    return and_(
        Batch.review_id == review_id,
        Batch.withdrawn_at.is_(None),
        Batch.pooled.is_(True),
        Batch.held.is_(False),
        is_shown(Batch.intake_id),
    )


def waiting_records_query(review_id: int) -> Any:
    """Selects the ids of records that are in the pool and not in the review."""
    return (
        select(BatchEntry.record_id)
        .join(Batch, Batch.id == BatchEntry.batch_id)
        .join(RecordRow, RecordRow.id == BatchEntry.record_id)
        .where(
            pooled_condition(review_id), BatchEntry.fate != "filtered", RecordRow.active.is_(False)
        )
    )


@dataclass(frozen=True, slots=True)
class PoolCounts:
    """What one search has in the pool.

    Attributes:
        entries: records that none of its admitted files or pages had.
        new: reports that the review does not hold yet; ``copies`` of reports that it holds;
            ``filtered`` records.
        first: first day on which it was run, among what waits; ``last`` is the last one. Both
            YYYY-MM-DD.
        undated: its stated date is missing or no date.
    """

    search_id: int
    source: str | None
    entries: int
    new: int
    copies: int
    filtered: int
    rejected: int
    first: str | None
    last: str | None
    undated: bool


def count_by_search(
    session: ReadSession, review_id: int, *, up_to: str | None = None
) -> list[PoolCounts]:
    """What waits, by search, oldest first.

    Args:
        session: a transaction.
        review_id: the review.
        up_to: only searches run on this day or before, YYYY-MM-DD; None for all.
    """
    in_pool = pooled_condition(review_id)
    if up_to is not None:
        in_pool = and_(in_pool, Batch.searched_on <= up_to)
    pooled = (
        select(
            Batch.search_id,
            BatchEntry.record_id,
            func.max(case((BatchEntry.fate != "filtered", 1), else_=0)).label("kept"),
        )
        .join(Batch, Batch.id == BatchEntry.batch_id)
        .where(in_pool)
        .group_by(Batch.search_id, BatchEntry.record_id)
        .subquery()
    )
    earlier = aliased(Batch)
    entry = aliased(BatchEntry)
    admitted_before = (
        select(entry.record_id)
        .join(earlier, earlier.id == entry.batch_id)
        .where(
            earlier.search_id == pooled.c.search_id,
            entry.record_id == pooled.c.record_id,
            earlier.pooled.is_(False),
            earlier.withdrawn_at.is_(None),
        )
        .exists()
    )
    rows = session.execute(
        select(
            pooled.c.search_id,
            pooled.c.kept,
            or_(Report.active, Report.out_of_range).label("active"),
            RecordRow.report_id,
        )
        .join(RecordRow, RecordRow.id == pooled.c.record_id)
        .join(Report, Report.id == RecordRow.report_id)
        .where(~admitted_before)
        .order_by(pooled.c.search_id, RecordRow.id)
    ).all()
    entries: dict[int, list[Any]] = {}
    for row in rows:
        entries.setdefault(row.search_id, []).append(row)
    days = session.execute(
        select(
            Batch.search_id,
            Search.source,
            func.min(Batch.searched_on).label("first"),
            func.max(Batch.searched_on).label("last"),
            func.min(Search.run_on).label("stated"),
        )
        .join(Search, Search.id == Batch.search_id)
        .where(in_pool)
        .group_by(Batch.search_id, Search.source)
        .order_by(Batch.search_id)
    ).all()
    rejected = (
        select(Batch.search_id, func.count())
        .join(BatchRejected, BatchRejected.batch_id == Batch.id)
        .where(in_pool)
        .group_by(Batch.search_id)
    )
    n_rejected: dict[int, int] = dict(session.execute(rejected).all())
    return [
        _count(day, entries.get(day.search_id, []), n_rejected.get(day.search_id, 0))
        for day in days
        # A search that found only records that the review already holds has nothing that waits.
        if day.search_id in entries or day.search_id in n_rejected
    ]


def count_records(session: ReadSession, review_id: int) -> int:
    """How many records wait in the pool, filtered ones included.

    A record counts only if the same search did not bring it into the review before.
    """
    return sum(counts.entries for counts in count_by_search(session, review_id))


def _count(search: Any, entries: list[Any], n_rejected: int) -> PoolCounts:
    """The counts of a search, from a row about it and rows about its entries."""
    kept = [entry for entry in entries if entry.kept]
    new = {entry.report_id for entry in kept if not entry.active}
    return PoolCounts(
        search_id=search.search_id,
        source=search.source,
        entries=len(entries),
        new=len(new),
        copies=len(kept) - len(new),
        filtered=len(entries) - len(kept),
        rejected=n_rejected,
        first=search.first,
        last=search.last,
        undated=search_days.find_latest_day(search.stated) is None,
    )


def get_stamp(session: ReadSession, review_id: int) -> str:
    """A text that changes whenever the pool does; empty if nothing waits."""
    count, newest = session.execute(
        select(func.count(), func.max(Batch.id)).where(pooled_condition(review_id))
    ).one()
    return f"{count}-{newest}" if count else ""


def list_reports(session: ReadSession, review_id: int) -> list[int]:
    """Reports in the pool that the review does not hold yet, oldest first."""
    return list(
        session.scalars(
            select(Report.id)
            .join(RecordRow, RecordRow.report_id == Report.id)
            .where(
                Report.review_id == review_id,
                Report.active.is_(False),
                Report.out_of_range.is_(False),
                RecordRow.id.in_(waiting_records_query(review_id)),
            )
            .distinct()
            .order_by(Report.id)
        )
    )


def get_reports_by_record(session: ReadSession, review_id: int) -> dict[int, int]:
    """Reports of the records that are in the pool and not in the review, by record."""
    rows = session.execute(
        select(RecordRow.id, RecordRow.report_id)
        .where(RecordRow.review_id == review_id, RecordRow.id.in_(waiting_records_query(review_id)))
        .order_by(RecordRow.id)
    )
    return {row[0]: row[1] for row in rows}


def find_records_only_in_pool(session: ReadSession, record_ids: set[int]) -> set[int]:
    """Which of these records are in the pool and in no admitted batch."""
    only_pooled: set[int] = set()
    for chunk in batched(record_ids, CHUNK):
        only_pooled.update(session.scalars(_ONLY_POOLED, {"ids": chunk}))
    return only_pooled


def _select_only_pooled() -> Any:
    admitted = aliased(Batch)
    entry = aliased(BatchEntry)
    elsewhere = (
        select(entry.record_id)
        .join(admitted, admitted.id == entry.batch_id)
        .where(
            entry.record_id == BatchEntry.record_id,
            admitted.pooled.is_(False),
            admitted.withdrawn_at.is_(None),
        )
        .exists()
    )
    return (
        select(BatchEntry.record_id)
        .join(Batch, Batch.id == BatchEntry.batch_id)
        .where(
            BatchEntry.record_id.in_(bindparam("ids", expanding=True)),
            Batch.pooled.is_(True),
            ~elsewhere,
        )
    )


_ONLY_POOLED = _select_only_pooled()
