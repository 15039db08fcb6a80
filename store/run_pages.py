"""What runs brought: their pages, the reports that were new, and what was no longer there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from store import audit, events, reviews, searches
from store.errors import NotFound
from store.session import ReadSession, WriteSession
from store.tables import Batch, BatchEntry, BatchRejected, RecordRow, Run


def new_reports(session: ReadSession, run_ids: Sequence[int]) -> list[int]:
    """Reports that runs brought and that are of no earlier record, the filtered left out."""
    if not run_ids:
        return []
    mine = (
        select(BatchEntry.record_id)
        .join(Batch, Batch.id == BatchEntry.batch_id)
        .where(Batch.run_id.in_(run_ids), BatchEntry.fate == "new", Batch.withdrawn_at.is_(None))
    )
    other = aliased(RecordRow)
    earlier = (
        select(other.id)
        .where(
            other.report_id == RecordRow.report_id,
            other.id.not_in(mine),
            other.id < RecordRow.id,
        )
        .exists()
    )
    return list(
        session.scalars(
            select(RecordRow.report_id)
            .where(RecordRow.id.in_(mine), ~earlier)
            .distinct()
            .order_by(RecordRow.report_id)
        )
    )


def note_presence(session: WriteSession, run_id: int, source: str) -> None:
    """Which records of its search a whole run did not bring any more, and which again."""
    row = session.get(Run, run_id)
    assert row is not None

    def brought(condition: Any) -> set[int]:
        return set(
            session.scalars(
                select(BatchEntry.record_id)
                .join(Batch, Batch.id == BatchEntry.batch_id)
                .where(Batch.search_id == row.search_id, Batch.withdrawn_at.is_(None), condition)
            )
        )

    came = brought(Batch.run_id == row.id)
    events.presence(
        session,
        row.review_id,
        row.id,
        source,
        gone=brought(Batch.run_id != row.id) - came,
        came=came,
    )


@dataclass(frozen=True, slots=True)
class PageInfo:
    """A stored page of a run."""

    batch_id: int
    number: int
    sha256: str
    about: Mapping[str, Any]
    problem: str | None


def pages(session: ReadSession, run_id: int) -> list[PageInfo]:
    """Pages of a run in the order they came."""
    rows = session.scalars(select(Batch).where(Batch.run_id == run_id).order_by(Batch.number))
    return [PageInfo(row.id, row.number or 0, row.sha256, row.columns, row.problem) for row in rows]


def replayed(session: WriteSession, run_id: int, *, mended: int, person_id: int | None) -> None:
    """Note that a run's pages were read again, and set again which records count."""
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
    searches.refresh_run(session, run_id)
    if mended:
        reviews.touch(session, row.review_id)
    audit.append(
        session,
        "run.replayed",
        review_id=row.review_id,
        person_id=person_id,
        detail={"run": run_id, "mended": mended},
    )
