"""Rows of records: what a new record writes, which stored row it matches, what it adds to that row.

Stored values are never overwritten, except when a corrected parser reads the same bytes again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select

from harvest.record import NOTICE, Record
from store.core.chunks import CHUNK, batched
from store.core.session import ReadSession, WriteSession
from store.core.tables import Batch, BatchEntry, RecordRow, now
from store.reports import source_events
from store.reports.records import record_from_row
from store.reviews import reviews

TITLE_KEY_LENGTH = 300

# Columns that do not come from the source.
_OWN_COLUMNS = frozenset(
    (
        "active",
        "intake_id",
        "created_at",
        "source",
        "source_id",
        "review_id",
        "report_id",
        "own_report_id",
        "paired",
    )
)


@dataclass(frozen=True, slots=True)
class KeyedRecord:
    """A record with the keys under which the store files it.

    Attributes:
        source: short name of the database that it comes from.
        source_id: unique within the source.
        fallback_id: used if the review holds another report's record under ``source_id``.
        title_key: folded title; equal keys are the same title.
        search_text: folded text that the record list searches.
        certain: the source gave the id, so that another title under it is the same record
            corrected and not another record.
    """

    record: Record
    source: str
    source_id: str
    fallback_id: str
    title_key: str
    search_text: str
    certain: bool = False


def update_reading(row: RecordRow, record: KeyedRecord) -> bool:
    """Take over what a corrected parser reads; True if any field changed."""
    values = row_values(row.review_id, row.report_id, record, counted=row.counted)
    changed = False
    for name, value in values.items():
        if name in _OWN_COLUMNS or value == (row.said or {}).get(name):
            # A later statement of the source is kept apart from what was stored first.
            continue
        if value not in (None, [], {}, "") and getattr(row, name) != value:
            setattr(row, name, value)
            changed = True
    if changed:
        row.paired = False
    return changed


def list_record_ids(session: ReadSession, batch_id: int) -> list[int]:
    """The records of a file, each once."""
    query = select(BatchEntry.record_id).where(BatchEntry.batch_id == batch_id).distinct()
    return list(session.scalars(query.order_by(BatchEntry.record_id)))


def change_remarks(
    session: WriteSession,
    review_id: int,
    record_ids: Sequence[int],
    change: Callable[[Record], Record],
) -> None:
    """Change the notes, keywords and other fields of records; nothing else is changed.

    Args:
        session: a writing session.
        review_id: the review.
        record_ids: its records.
        change: the record as it shall be, from the record as it is stored.
    """
    reviews.lock_review(session, review_id)
    for part in batched(record_ids, CHUNK):
        for row in session.scalars(select(RecordRow).where(RecordRow.id.in_(part))):
            before = record_from_row(row)
            after = change(before)
            if after != before:
                row.notes, row.keywords = list(after.notes), list(after.keywords)
                row.extra = dict(after.extra)
    session.flush()


# Built once: to build a statement takes longer than to run it.
_STORED = select(RecordRow).where(
    RecordRow.review_id == bindparam("of_review"),
    RecordRow.source_id.in_(bindparam("ids", expanding=True)),
)


def find_stored(
    session: ReadSession, review_id: int, records: Iterable[KeyedRecord]
) -> dict[str, list[RecordRow]]:
    """Rows of a review under any id of these records, by id."""
    ids = {source_id for record in records for source_id in (record.source_id, record.fallback_id)}
    stored: dict[str, list[RecordRow]] = {}
    for chunk in batched(ids, CHUNK):
        for row in session.scalars(_STORED, {"of_review": review_id, "ids": chunk}):
            stored.setdefault(row.source_id, []).append(row)
    return stored


def is_same_title(one: str, other: str) -> bool:
    """Whether two folded titles are the same; a missing title matches any."""
    return not one or not other or one == other


def find_same_record(
    stored: Mapping[str, list[RecordRow]], record: KeyedRecord
) -> RecordRow | None:
    """The stored row of the same record: the same id in the same source, and no other title.

    An id made of a file's hash and a place is unique, whatever source was stated for the file.
    """
    for row in stored.get(record.fallback_id, ()):
        return row
    for row in stored.get(record.source_id, ()):
        same = record.certain or is_same_title(row.title_key, record.title_key)
        if row.source == record.source and same:
            return row
    return None


# Key in ``said`` for the folded texts of the statements kept there.
_FOLDED = "found_by"
# Fields in which a later statement of the source matters to a reader.
_STATED = ("title", "abstract", "year", "venue", "doi", "pmid", "pmcid", "language")


def update_from(session: WriteSession, batch: Batch, row: RecordRow, record: KeyedRecord) -> bool:
    """Note what the source of a stored record says now; True if that differs from before.

    An empty field is filled, unless the record is in the review and this batch waits in the pool.
    Stored values are never overwritten: another value is kept in ``said``.
    """
    source_events.add_notice_events(
        session, batch, [(row.id, row.source, record.record.status_notices)]
    )
    may_fill = not batch.pooled or not row.counted
    filled = may_fill and _fill(row, record)
    if not record.certain:
        return filled
    values = row_values(row.review_id, row.report_id, record, counted=row.counted)
    earlier = row.said or {}
    before = {name: earlier.get(name, getattr(row, name)) for name in _STATED}
    changes = {
        name: values[name]
        for name in _STATED
        if values[name] is not None and values[name] != before[name]
    }
    if not changes:
        return filled
    # The folded texts are kept too: the record list needs them if an empty field is filled later.
    row.said = {**earlier, **changes, _FOLDED: [record.search_text, record.title_key]}
    source_events.add_change_event(
        session, batch, row, {name: (before[name], value) for name, value in changes.items()}
    )
    return True


def fill_missing_fields(session: WriteSession, review_id: int, batch_ids: Sequence[int]) -> None:
    """Fill empty fields, at an admission, with what the source said while its batch waited."""
    for chunk in batched(batch_ids, CHUNK):
        rows = session.scalars(
            select(RecordRow)
            .join(BatchEntry, BatchEntry.record_id == RecordRow.id)
            .where(
                RecordRow.review_id == review_id,
                BatchEntry.batch_id.in_(chunk),
                RecordRow.said.is_not(None),
            )
            .distinct()
            .order_by(RecordRow.id)
        )
        for row in rows:
            _fill_from_statements(row)


def _fill_from_statements(row: RecordRow) -> None:
    """Fill empty fields with what the source said later."""
    statements = dict(row.said or {})
    search_text, title_key = statements.pop(_FOLDED, ["", ""])
    missing = {name: value for name, value in statements.items() if getattr(row, name) is None}
    if not missing:
        return
    for name, value in missing.items():
        setattr(row, name, value)
    _add_folded(row, search_text, title_key[:TITLE_KEY_LENGTH])
    others = {name: value for name, value in statements.items() if name not in missing}
    row.said = {**others, _FOLDED: [search_text, title_key]} if others else None


def _fill(row: RecordRow, record: KeyedRecord) -> bool:
    """Fill empty fields of a stored record; True if any was filled."""
    values = row_values(row.review_id, row.report_id, record, counted=row.counted)
    missing = {
        name: values[name]
        for name in _STATED
        if values[name] is not None and getattr(row, name) is None
    }
    for name, value in missing.items():
        setattr(row, name, value)
    if missing:
        _add_folded(row, record.search_text, values["title_key"])
    return bool(missing)


def _add_folded(row: RecordRow, search_text: str, title_key: str) -> None:
    """Bring what depends on a record's texts up to date after empty fields were filled."""
    row.title_key = row.title_key or title_key
    row.search_text = f"{row.search_text} {search_text}".strip()
    still_missing = {"no-title": row.title is None, "no-abstract": row.abstract is None}
    row.flags = [flag for flag in row.flags if still_missing.get(flag, True)]
    # It says more now, so it is compared with other records again.
    row.paired = False


def row_values(
    review_id: int,
    report_id: int,
    keyed: KeyedRecord,
    *,
    counted: bool,
    intake_id: int | None = None,
) -> dict[str, Any]:
    """The columns of a new record's row."""
    record = keyed.record
    return {
        "review_id": review_id,
        "report_id": report_id,
        "own_report_id": report_id,
        "paired": False,
        "source": keyed.source,
        "source_id": keyed.source_id,
        "title": record.title,
        "abstract": record.abstract,
        "authors": [[author.name, author.collective] for author in record.authors],
        "year": record.year,
        "date": record.date,
        "venue": record.venue,
        "volume": record.volume,
        "issue": record.issue,
        "pages": record.pages,
        "publisher": record.publisher,
        "doi": record.doi[:500] if record.doi else None,
        "pmid": record.pmid,
        "pmcid": record.pmcid,
        "issn": record.issn,
        "urls": list(record.urls),
        "language": record.language,
        "types": list(record.types),
        "keywords": list(record.keywords),
        "accession": record.accession,
        "database": record.database,
        "label": record.label,
        "notes": list(record.notes),
        "flags": list(record.flags),
        "notice": NOTICE in record.flags,
        "extra": dict(record.extra),
        "title_key": keyed.title_key[:TITLE_KEY_LENGTH],
        "search_text": keyed.search_text,
        "active": counted,
        "intake_id": intake_id,
        "created_at": now(),
    }
