"""What runs found: their pages, new reports, and records that the source no longer has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from store.core import audit
from store.core.errors import NotFound
from store.core.session import ReadSession, WriteSession
from store.core.tables import Batch, BatchEntry, BatchRejected, RecordRow, Run
from store.reports import source_events
from store.reviews import reviews
from store.searching import batches


def list_new_reports(session: ReadSession, run_ids: Sequence[int]) -> list[int]:
    """Reports that these runs were the first to find, filtered ones left out."""
    if not run_ids:
        return []
    new_records = (
        select(BatchEntry.record_id)
        .join(Batch, Batch.id == BatchEntry.batch_id)
        .where(Batch.run_id.in_(run_ids), BatchEntry.fate == "new", Batch.withdrawn_at.is_(None))
    )
    other = aliased(RecordRow)
    earlier = (
        select(other.id)
        .where(
            other.report_id == RecordRow.report_id,
            other.id.not_in(new_records),
            other.id < RecordRow.id,
        )
        .exists()
    )
    return list(
        session.scalars(
            select(RecordRow.report_id)
            .where(RecordRow.id.in_(new_records), ~earlier)
            .distinct()
            .order_by(RecordRow.report_id)
        )
    )


def record_presence(session: WriteSession, run_id: int, source: str) -> None:
    """Note which records of its search a whole run no longer found, and which it found again."""
    row = session.get(Run, run_id)
    assert row is not None

    def find_records(condition: Any) -> set[int]:
        return set(
            session.scalars(
                select(BatchEntry.record_id)
                .join(Batch, Batch.id == BatchEntry.batch_id)
                .where(Batch.search_id == row.search_id, Batch.withdrawn_at.is_(None), condition)
            )
        )

    record_ids = find_records(Batch.run_id == row.id)
    source_events.add_presence_events(
        session,
        row,
        source,
        gone=find_records(Batch.run_id != row.id) - record_ids,
        came=record_ids,
    )


@dataclass(frozen=True, slots=True)
class PageInfo:
    """A stored page of a run."""

    batch_id: int
    number: int
    sha256: str
    about: Mapping[str, Any]
    problem: str | None


def list_pages(session: ReadSession, run_id: int) -> list[PageInfo]:
    """Pages of a run in the order in which they came."""
    rows = session.scalars(select(Batch).where(Batch.run_id == run_id).order_by(Batch.number))
    return [PageInfo(row.id, row.number or 0, row.sha256, row.columns, row.problem) for row in rows]


def finish_replay(
    session: WriteSession, run_id: int, *, mended: int, person_id: int | None
) -> None:
    """Note that a run's pages were read again, and refresh which of its records count."""
    row = session.get(Run, run_id)
    if row is None:
        raise NotFound(f"there is no run {run_id}")
    row.received = (
        session.scalar(
            select(func.count())
            .select_from(BatchEntry)
            .join(Batch, Batch.id == BatchEntry.batch_id)
            .where(Batch.run_id == run_id)
        )
        or 0
    ) + (
        session.scalar(
            select(func.count())
            .select_from(BatchRejected)
            .join(Batch, Batch.id == BatchRejected.batch_id)
            .where(Batch.run_id == run_id)
        )
        or 0
    )
    batches.refresh_run(session, run_id)
    if mended:
        reviews.request_ranking(session, row.review_id)
    audit.append_event(
        session,
        "run.replayed",
        review_id=row.review_id,
        person_id=person_id,
        detail={"run": run_id, "mended": mended},
    )
