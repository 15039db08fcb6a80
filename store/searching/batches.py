"""Batches: imported files and pages of runs, what became of their entries, and withdrawals."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, case, exists, func, null, or_, select, update

from store.core import audit
from store.core.errors import Conflict, NotFound
from store.core.session import ReadSession, WriteSession
from store.core.tables import (
    Batch,
    BatchEntry,
    BatchRejected,
    Identity,
    RecordRow,
    Report,
    Review,
    is_shown,
    now,
)
from store.reports import limits, reports
from store.reviews import reviews


@dataclass(frozen=True, slots=True)
class BatchInfo:
    """An imported file or a page of a run, and what became of its entries.

    ``read == new + changed + same + filtered + rejected`` always. Only pages have a ``run_id`` and
    a ``number``; ``problem`` says why entries of a page are missing.
    """

    id: int
    search_id: int
    name: str
    sha256: str
    size: int
    format: str
    columns: Mapping[str, Any]
    notices: tuple[str, ...]
    new: int
    changed: int
    same: int
    rejected: int
    created_at: dt.datetime
    person: str | None
    withdrawn_at: dt.datetime | None
    withdrawn_reason: str | None
    filtered: int = 0
    run_id: int | None = None
    number: int | None = None
    problem: str | None = None
    held: bool = False
    pooled: bool = False

    @property
    def read(self) -> int:
        """Entries that were in the file."""
        return self.records + self.rejected

    @property
    def records(self) -> int:
        """Entries that are records."""
        return self.new + self.changed + self.same + self.filtered


@dataclass(frozen=True, slots=True)
class RejectedInfo:
    """An entry that is not a record, as it was stored."""

    position: int
    line: int | None
    reason: str
    excerpt: str


def list_batches_of_review(session: ReadSession, review_id: int) -> list[BatchInfo]:
    """All batches of a review, oldest first."""
    return _list_batches(session, Batch.review_id == review_id)


def list_batches_of_search(session: ReadSession, search_id: int) -> list[BatchInfo]:
    """The batches of a search, oldest first."""
    return _list_batches(session, Batch.search_id == search_id)


def _list_batches(session: ReadSession, condition: Any) -> list[BatchInfo]:
    """The batches that meet a condition on ``Batch``, oldest first, but for imports under way."""
    rows = session.execute(
        select(
            Batch,
            # By name, since a session that wrote the batch has not read what triggers counted.
            Batch.n_new,
            Batch.n_changed,
            Batch.n_same,
            Batch.n_filtered,
            Batch.n_rejected,
            Identity.name,
        )
        .outerjoin(Identity, Identity.person_id == Batch.created_by)
        .where(condition, is_shown(Batch.intake_id))
        .order_by(Batch.id)
    )
    return [
        BatchInfo(
            id=row.id,
            search_id=row.search_id,
            name=row.name,
            sha256=row.sha256,
            size=row.size,
            format=row.format,
            columns=row.columns,
            notices=tuple(row.notices),
            new=new,
            changed=changed,
            same=same,
            rejected=n_rejected,
            created_at=row.created_at,
            person=person,
            withdrawn_at=row.withdrawn_at,
            withdrawn_reason=row.withdrawn_reason,
            filtered=filtered,
            run_id=row.run_id,
            number=row.number,
            problem=row.problem,
            held=row.held,
            pooled=row.pooled,
        )
        for row, new, changed, same, filtered, n_rejected, person in rows
    ]


def find_batch(session: ReadSession, review_id: int, sha256: str) -> BatchInfo | None:
    """The imported file with this content; None if the review has none that is not withdrawn."""
    matching = _list_batches(
        session,
        (Batch.review_id == review_id)
        & (Batch.sha256 == sha256)
        & Batch.withdrawn_at.is_(None)
        & Batch.run_id.is_(None),
    )
    return matching[0] if matching else None


def number_files(session: ReadSession, review_id: int) -> dict[int, int]:
    """Numbers of a review's imported files by id, from 1, as the command line says them."""
    ids = session.scalars(
        select(Batch.id)
        .where(Batch.review_id == review_id, Batch.run_id.is_(None), is_shown(Batch.intake_id))
        .order_by(Batch.id)
    )
    return {batch_id: number for number, batch_id in enumerate(ids, 1)}


def get_file_by_number(session: ReadSession, review_id: int, number: int) -> int:
    """The id of a review's imported file with this number.

    Raises:
        NotFound: the review has no such file.
    """
    ids = list(number_files(session, review_id))
    if not 1 <= number <= len(ids):
        raise NotFound(f"there is no imported file {number} in this review; it has {len(ids)}")
    return ids[number - 1]


def list_file_hashes(session: ReadSession, review_id: int) -> set[str]:
    """SHA-256 of every imported file that is not withdrawn."""
    query = select(Batch.sha256).where(
        Batch.review_id == review_id,
        Batch.withdrawn_at.is_(None),
        Batch.run_id.is_(None),
        is_shown(Batch.intake_id),
    )
    return {sha256 for sha256 in session.scalars(query) if sha256}


def get_batch(session: ReadSession, review_id: int, batch_id: int) -> BatchInfo:
    """One imported file.

    Raises:
        NotFound: the review has no such file.
    """
    matching = _list_batches(session, (Batch.review_id == review_id) & (Batch.id == batch_id))
    if not matching:
        raise NotFound(f"there is no imported file {batch_id} in this review")
    return matching[0]


def list_rejected(session: ReadSession, batch_id: int, *, limit: int = 1000) -> list[RejectedInfo]:
    """Entries of a file that are not records, in file order."""
    rows = session.scalars(
        select(BatchRejected)
        .where(BatchRejected.batch_id == batch_id)
        .order_by(BatchRejected.position)
        .limit(limit)
    )
    return [RejectedInfo(row.position, row.line, row.reason, row.excerpt) for row in rows]


def get_stamp(session: ReadSession, review_id: int) -> tuple[int, int, int]:
    """Numbers that change whenever the review's reports do.

    Returns:
        How many files and pages count, how many are withdrawn, and how often records were grouped
        or an import filled their texts.
    """
    regrouped = session.scalar(select(Review.regrouped).where(Review.id == review_id))
    counted, withdrawn = session.execute(
        select(
            func.count(case((and_(Batch.held.is_(False), Batch.pooled.is_(False)), 1))),
            func.count(Batch.withdrawn_at),
        ).where(Batch.review_id == review_id, is_shown(Batch.intake_id))
    ).one()
    return counted, withdrawn, regrouped or 0


def withdraw_batch(
    session: WriteSession, review_id: int, batch_id: int, *, reason: str, person_id: int | None
) -> int:
    """Withdraw a file: its records no longer count, and decisions on them stay readable.

    Returns:
        How many reports no longer count; records that another file has too still do.

    Raises:
        NotFound: the review has no such file.
        Conflict: it is withdrawn already.
    """
    reviews.lock_review(session, review_id)
    row = session.scalars(
        select(Batch).where(
            Batch.id == batch_id, Batch.review_id == review_id, is_shown(Batch.intake_id)
        )
    ).first()
    if row is None:
        raise NotFound(f"there is no imported file {batch_id} in this review")
    if row.withdrawn_at is not None:
        raise Conflict(f"file {batch_id} has already been withdrawn: {row.withdrawn_reason}")
    row.withdrawn_at, row.withdrawn_by, row.withdrawn_reason = now(), person_id, reason
    session.flush()
    n_gone = refresh_batch(session, batch_id)
    reviews.request_ranking(session, review_id)
    audit.append_event(
        session,
        "file.withdrawn",
        review_id=review_id,
        person_id=person_id,
        detail={"file": batch_id, "name": row.name, "reason": reason, "reports": n_gone},
    )
    return n_gone


def refresh_batch(session: WriteSession, batch_id: int) -> int:
    """Update which records and reports of a file count.

    Returns:
        How many reports of the file do not count.
    """
    return refresh_records(
        session, select(BatchEntry.record_id).where(BatchEntry.batch_id == batch_id)
    )


def refresh_run(session: WriteSession, run_id: int) -> int:
    """Update which records and reports of a run count.

    Returns:
        How many reports of the run do not count.
    """
    return refresh_records(
        session,
        select(BatchEntry.record_id)
        .join(Batch, Batch.id == BatchEntry.batch_id)
        .where(Batch.run_id == run_id),
    )


def refresh_records(session: WriteSession, record_ids: Select[int]) -> int:
    """Update which of these records count, and which of their reports.

    A record counts while a file or page in the review has it unfiltered. A batch that is
    withdrawn, held or in the pool is not in the review. A record that only an import under way has
    stays hidden by that import.

    Returns:
        How many of the reports have no record that counts.
    """
    in_review = [
        BatchEntry.record_id == RecordRow.id,
        BatchEntry.fate != "filtered",
        Batch.withdrawn_at.is_(None),
        Batch.held.is_(False),
        Batch.pooled.is_(False),
    ]
    entries = Batch.__table__.join(BatchEntry.__table__, BatchEntry.batch_id == Batch.id)
    counts = exists().select_from(entries).where(*in_review)
    shown = counts.where(is_shown(Batch.intake_id))
    hidden_by = select(func.min(Batch.intake_id)).select_from(entries).where(*in_review)
    hidden = case((shown, null()), (counts, hidden_by.scalar_subquery()), else_=null())
    differs = or_(RecordRow.counted != counts, RecordRow.intake_id.is_distinct_from(hidden))
    review_id = session.scalar(
        select(RecordRow.review_id).where(RecordRow.id.in_(record_ids)).limit(1)
    )
    if review_id is None:
        return 0
    # The review first, as everybody does who locks it and its reports.
    reviews.lock_review(session, review_id)
    # Only rows that change are locked and written: of a large file these are few.
    changing = (RecordRow.id.in_(record_ids), differs)
    reports.lock_reports(session, select(RecordRow.report_id).where(*changing))
    session.execute(update(RecordRow).where(*changing).values(counted=counts, intake_id=hidden))
    report_ids = select(RecordRow.report_id).where(RecordRow.id.in_(record_ids))
    limits.refresh_reports(session, review_id, report_ids)
    return (
        session.scalar(
            select(func.count())
            .select_from(Report)
            .where(Report.id.in_(report_ids), ~limits.is_member())
        )
        or 0
    )
