"""Store the records of imported files and of pages of runs, and what became of each entry."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, select, update

from harvest.record import NOTICE, Rejected
from store.core import audit
from store.core.chunks import CHUNK, batched
from store.core.new_rows import insert_rows, take_ids
from store.core.session import ReadSession, WriteSession
from store.core.tables import (
    Batch,
    BatchEntry,
    BatchRejected,
    RecordRow,
    Report,
    ReportState,
    Search,
    now,
)
from store.reports import limits, screening_state, source_events
from store.reviews import reviews
from store.rules.plans import TITLE_ABSTRACT
from store.searching import batches, pool_membership, record_rows, search_days
from store.searching.record_rows import KeyedRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class FileInfo:
    """What is kept about an imported file, or about a page of a run, besides its bytes.

    Attributes:
        run_id: the run that the page belongs to; None for a file.
        number: place of the page in its run, counted from 1.
        problem: why entries of the page are missing; None if none are.
        searched_on: day of the page's run, YYYY-MM-DD; None for a file, whose search says it.
    """

    name: str
    sha256: str
    size: int
    format: str
    columns: Mapping[str, Any]
    notices: Sequence[str]
    run_id: int | None = None
    number: int | None = None
    problem: str | None = None
    searched_on: str | None = None


@dataclass(frozen=True, slots=True)
class BatchContent:
    """The entries of a file or page.

    Attributes:
        records: entries that are records.
        rejected: entries that are not records.
        filtered: positions of records that the strategy rejects on our side. Records that have
            been screened are never filtered.
    """

    records: Iterable[KeyedRecord]
    rejected: Iterable[Rejected] = ()
    filtered: frozenset[int] = frozenset()


def add_batch(
    session: WriteSession,
    search_id: int,
    file: FileInfo,
    content: BatchContent,
    *,
    person_id: int | None,
) -> int:
    """Store the records and rejected entries of an imported file.

    A record whose id the review already holds is *same*, or *changed* if it fills an empty field;
    stored values are never overwritten. If another report's record (with another title) has the
    id, the database made a mistake: the record is stored under its place in the file.

    Returns:
        The batch's id.
    """
    batch, n_records, n_rejected = _add(session, search_id, file, content, person_id)
    # A record of a withdrawn file counts again when it comes with another file.
    batches.refresh_batch(session, batch.id)
    if not batch.pooled:
        reviews.request_ranking(session, batch.review_id)
    audit.append_event(
        session,
        "file.imported",
        review_id=batch.review_id,
        person_id=person_id,
        detail={
            "file": batch.id,
            "search": search_id,
            "name": file.name,
            "sha256": file.sha256,
            "records": n_records,
            "rejected": n_rejected,
        },
    )
    return batch.id


def add_page(
    session: WriteSession,
    search_id: int,
    page: FileInfo,
    content: BatchContent,
    *,
    person_id: int | None,
) -> int:
    """Store a page of a run; its records join the queue when the run has ended.

    Returns:
        The batch's id.
    """
    batch, _, _ = _add(session, search_id, page, content, person_id)
    return batch.id


def _add(
    session: WriteSession,
    search_id: int,
    file: FileInfo,
    content: BatchContent,
    person_id: int | None,
) -> tuple[Batch, int, int]:
    """Store a batch with its entries; gives it and its numbers of records and rejected entries."""
    batch = create_batch(session, search_id, file, person_id=person_id)
    n_records = _add_records(session, batch, content.records, content.filtered)
    return batch, n_records, _add_rejected(session, batch.id, content.rejected)


def create_batch(
    session: WriteSession,
    search_id: int,
    file: FileInfo,
    *,
    person_id: int | None,
    intake_id: int | None = None,
) -> Batch:
    """A file or page without entries yet; an import under way hides it until it has ended."""
    search = session.get(Search, search_id)
    assert search is not None
    # Otherwise two imports into one review at once could both find an id missing.
    reviews.lock_review(session, search.review_id)
    session.refresh(search)
    created_at = now()
    day = file.searched_on or search_days.find_search_day(search.run_on, created_at)
    membership = pool_membership.get_membership(session, search.review_id)
    batch = Batch(
        review_id=search.review_id,
        search_id=search_id,
        name=file.name,
        sha256=file.sha256,
        size=file.size,
        format=file.format,
        columns=dict(file.columns),
        notices=list(file.notices),
        created_by=person_id,
        run_id=file.run_id,
        number=file.number,
        problem=file.problem,
        held=file.run_id is not None,
        created_at=created_at,
        searched_on=day,
        pooled=membership.is_pooled(search, day, created_at),
        intake_id=intake_id,
    )
    session.add(batch)
    session.flush()
    return batch


def add_entries(session: WriteSession, batch_id: int, content: BatchContent) -> None:
    """Store some entries of a file that is being imported, unseen; see also ``statements``."""
    batch = session.get(Batch, batch_id)
    assert batch is not None
    reviews.lock_review(session, batch.review_id)
    session.refresh(batch)
    new: list[int] = []
    others: list[int] = []
    for chunk in batched(content.records, CHUNK):
        fates = _add_chunk(session, batch, chunk, content.filtered)
        _add_fates(session, batch_id, fates)
        for fate in fates:
            (new if fate["fate"] == "new" else others).append(fate["record_id"])
    _add_rejected(session, batch_id, content.rejected)
    # A record of a withdrawn file counts again when it comes with another file.
    for part in batched(set(others), CHUNK):
        batches.refresh_records(session, select(RecordRow.id).where(RecordRow.id.in_(part)))
    if not limits.get_year_limits(session, batch.review_id).is_empty:
        for part in batched(new, CHUNK):
            reports = select(RecordRow.report_id).where(RecordRow.id.in_(part))
            limits.refresh_reports(session, batch.review_id, reports)


def _add_records(
    session: WriteSession,
    batch: Batch,
    records: Iterable[KeyedRecord],
    filtered: frozenset[int],
) -> int:
    """Store records with their fates; gives how many there are."""
    fates: list[dict[str, Any]] = []
    for chunk in batched(records, CHUNK):
        fates.extend(_add_chunk(session, batch, chunk, filtered))
    _add_fates(session, batch.id, fates)
    return len(fates)


def _add_fates(session: WriteSession, batch_id: int, fates: Sequence[Mapping[str, Any]]) -> None:
    columns = ("batch_id", "position", "record_id", "fate")
    rows = [(batch_id, fate["position"], fate["record_id"], fate["fate"]) for fate in fates]
    insert_rows(session, BatchEntry, columns, rows)


def _add_rejected(session: WriteSession, batch_id: int, rejected: Iterable[Rejected]) -> int:
    """Store rejected entries; gives how many there are."""
    values = [
        {
            "batch_id": batch_id,
            "position": entry.position,
            "line": entry.line,
            "reason": entry.reason,
            "excerpt": entry.excerpt,
        }
        for entry in rejected
    ]
    for rows in batched(values, 5000):
        session.execute(insert(BatchRejected), list(rows))
    return len(values)


def add_entries_again(session: WriteSession, batch_id: int, content: BatchContent) -> int:
    """Store the entries of a page once more, as a corrected parser reads them.

    Records keep their ids and so their decisions. A field that the parser reads now replaces what
    it read before; a field that it no longer reads stays.

    Returns:
        How many records changed, new ones included.
    """
    batch = session.get(Batch, batch_id)
    assert batch is not None
    reviews.lock_review(session, batch.review_id)
    session.refresh(batch)
    records = list(content.records)
    fates = select(BatchEntry.record_id, BatchEntry.fate).where(BatchEntry.batch_id == batch_id)
    earlier_fates = {row[0]: row[1] for row in session.execute(fates)}
    session.execute(delete(BatchEntry).where(BatchEntry.batch_id == batch_id))
    session.execute(delete(BatchRejected).where(BatchRejected.batch_id == batch_id))
    stored = record_rows.find_stored(session, batch.review_id, records)
    n_changed = 0
    for record in records:
        row = record_rows.find_same_record(stored, record)
        n_changed += row is None or record_rows.update_reading(row, record)
    session.flush()
    _add_records(session, batch, records, content.filtered)
    _add_rejected(session, batch_id, content.rejected)
    # A record that was new with this page is still new, although the review holds it by now.
    for record_id, fate in earlier_fates.items():
        if fate != "filtered":
            session.execute(
                update(BatchEntry)
                .where(
                    BatchEntry.batch_id == batch_id,
                    BatchEntry.record_id == record_id,
                    BatchEntry.fate == "same",
                )
                .values(fate=fate)
            )
    return n_changed


@dataclass(frozen=True, slots=True)
class _Fate:
    """What became of one entry; ``new_index`` is its index in the chunk's list of new records."""

    position: int
    fate: str
    record_id: int | None = None
    new_index: int | None = None


def _find_screened(session: ReadSession, report_ids: Iterable[int]) -> set[int]:
    """Reports on which a decision counts."""
    screened: set[int] = set()
    for chunk in batched(set(report_ids), CHUNK):
        screened.update(
            session.scalars(
                select(ReportState.report_id).where(
                    ReportState.report_id.in_(chunk),
                    ReportState.stage == TITLE_ABSTRACT,
                    ReportState.decision_id.is_not(None),
                )
            )
        )
    return screened


def _add_chunk(
    session: WriteSession,
    batch: Batch,
    records: Sequence[KeyedRecord],
    filtered: frozenset[int],
) -> list[dict[str, Any]]:
    """Store one chunk of records; gives rows of ``batch_entry`` without the batch's id."""
    # A notice about another report is not a study: it is linked to the report, not screened.
    filtered = filtered | {r.record.position for r in records if NOTICE in r.record.flags}
    stored = record_rows.find_stored(session, batch.review_id, records)
    fates: list[_Fate] = []
    new_records: list[KeyedRecord] = []
    index_of: dict[tuple[str, str], int] = {}
    for record in records:
        position = record.record.position
        row = record_rows.find_same_record(stored, record)
        if row is not None:
            # What others see does not change before the import has ended.
            later = batch.intake_id is not None and row.intake_id != batch.intake_id
            changed = not later and record_rows.update_from(session, batch, row, record)
            fates.append(_Fate(position, "changed" if changed else "same", record_id=row.id))
            continue
        key = (record.source, record.source_id)
        earlier = index_of.get(key)
        if earlier is not None and (
            record.certain
            or record_rows.is_same_title(new_records[earlier].title_key, record.title_key)
        ):
            # Twice in one file: it is one record, stored at its first place.
            fates.append(_Fate(position, "same", new_index=earlier))
            continue
        if earlier is not None or any(
            row.source == record.source for row in stored.get(record.source_id, ())
        ):
            record = dataclasses.replace(record, source_id=record.fallback_id)
            key = (record.source, record.source_id)
        index_of[key] = len(new_records)
        fates.append(_Fate(position, "new", new_index=len(new_records)))
        new_records.append(record)
    ids = _insert(session, batch, new_records)
    if batch.intake_id is None:
        source_events.add_notice_events(
            session,
            batch,
            [(i, r.source, r.record.status_notices) for i, r in zip(ids, new_records, strict=True)],
        )
    report_of = {row.id: row.report_id for rows in stored.values() for row in rows}
    screened = _find_screened(
        session, (report_of[f.record_id] for f in fates if f.record_id and filtered)
    )
    return [
        {
            "position": fate.position,
            "record_id": fate.record_id if fate.new_index is None else ids[fate.new_index],
            "fate": "filtered"
            if fate.position in filtered and report_of.get(fate.record_id or 0) not in screened
            else fate.fate,
        }
        for fate in fates
    ]


def _insert(session: WriteSession, batch: Batch, records: Sequence[KeyedRecord]) -> list[int]:
    """Insert new records, each with a report of its own; gives the records' ids."""
    if not records:
        return []
    counted = not (batch.held or batch.pooled)
    hidden_by = batch.intake_id
    report_ids = take_ids(session, Report, len(records))
    record_ids = take_ids(session, RecordRow, len(records))
    insert_rows(
        session,
        Report,
        ("id", "review_id", "active", "intake_id", "out_of_range", "records", "abstracts"),
        # The database counts the records of each.
        [(number, batch.review_id, counted, hidden_by, False, 0, 0) for number in report_ids],
    )
    screening_state.add_open_reports(
        session, batch.review_id, report_ids, counted=counted, intake_id=hidden_by
    )
    rows = [
        record_rows.row_values(
            batch.review_id, report_id, record, counted=counted, intake_id=hidden_by
        )
        for report_id, record in zip(report_ids, records, strict=True)
    ]
    values = [(number, *row.values()) for number, row in zip(record_ids, rows, strict=True)]
    insert_rows(session, RecordRow, ("id", *rows[0]), values)
    return record_ids
