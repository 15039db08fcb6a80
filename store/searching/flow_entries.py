"""What became of entries: queries over all files and pages of a review, for every count."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, Subquery, and_, case, func, select

from store.core.tables import (
    Batch,
    BatchEntry,
    BatchRejected,
    RecordRow,
    is_shown,
)

# Stands for the admission of records that were never in the pool.
BASE = 0


def live(review_id: int) -> Any:
    """A condition on ``Batch``: it is in the review, whether or not its run has ended."""
    return and_(
        Batch.review_id == review_id,
        Batch.withdrawn_at.is_(None),
        Batch.pooled.is_(False),
        is_shown(Batch.intake_id),
    )


def _admission() -> Any:
    return func.coalesce(Batch.admission_id, BASE)


def entries_query(review_id: int) -> Subquery:
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
        .where(live(review_id))
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


def rejected_query(review_id: int) -> Select[Any]:
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
        .where(live(review_id))
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


def reports_query(review_id: int) -> Subquery:
    """Each report with its admission, and whether a copy of it is unfiltered and out of its run."""
    entries = entries_query(review_id)
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
