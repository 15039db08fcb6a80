"""Filing a file's records: each with its fate, none overwritten, none lost."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select

from harvest.record import Record, Rejected
from store import audit, reviews, searches
from store.chunks import CHUNK, batched
from store.session import ReadSession, WriteSession
from store.tables import Batch, BatchEntry, BatchRejected, RecordRow, Report, now

TITLE_KEY_LENGTH = 300


@dataclass(frozen=True, slots=True)
class Keyed:
    """A record with what the store needs to file it.

    Attributes:
        source: the database that it is from, as a short name.
        source_id: unique within the source.
        fallback_id: used where the review holds another report's record under ``source_id``.
        title_key: folded title; equal keys are the same title.
        search_text: folded text that the record list searches.
    """

    record: Record
    source: str
    source_id: str
    fallback_id: str
    title_key: str
    search_text: str


@dataclass(frozen=True, slots=True)
class FileInfo:
    """What is kept of an imported file beside its bytes."""

    name: str
    sha256: str
    size: int
    format: str
    columns: Mapping[str, Any]
    notices: Sequence[str]


def add_batch(
    session: WriteSession,
    review_id: int,
    search_id: int,
    file: FileInfo,
    entries: Iterable[Keyed],
    rejected: Iterable[Rejected],
    *,
    person_id: int | None,
) -> int:
    """Store a file's records and rejected entries, each with its fate.

    A record whose id the review holds already is *same*, or *changed* when it fills a field that
    was empty; what is stored is never overwritten. An id that another report's record holds
    (another title) is a database's slip: the record is stored under its place in the file.

    Returns:
        The batch's id.
    """
    batch = Batch(
        review_id=review_id,
        search_id=search_id,
        name=file.name,
        sha256=file.sha256,
        size=file.size,
        format=file.format,
        columns=dict(file.columns),
        notices=list(file.notices),
        created_by=person_id,
    )
    session.add(batch)
    session.flush()
    fates: list[dict[str, Any]] = []
    for part in batched(entries, CHUNK):
        fates.extend(_file(session, review_id, part))
    for fate in fates:
        fate["batch_id"] = batch.id
    for rows in batched(fates, 5000):
        session.execute(insert(BatchEntry), list(rows))
    lost = [
        {
            "batch_id": batch.id,
            "position": entry.position,
            "line": entry.line,
            "reason": entry.reason,
            "excerpt": entry.excerpt,
        }
        for entry in rejected
    ]
    for rows in batched(lost, 5000):
        session.execute(insert(BatchRejected), list(rows))
    # A record of a withdrawn file that comes again counts again.
    searches.refresh_active(session, batch.id)
    reviews.touch(session, review_id)
    audit.append(
        session,
        "file.imported",
        review_id=review_id,
        person_id=person_id,
        detail={
            "file": batch.id,
            "search": search_id,
            "name": file.name,
            "sha256": file.sha256,
            "records": len(fates),
            "rejected": len(lost),
        },
    )
    return batch.id


def _held(session: ReadSession, review_id: int, ids: Iterable[str]) -> dict[str, list[RecordRow]]:
    held: dict[str, list[RecordRow]] = {}
    for part in batched(set(ids), CHUNK):
        rows = session.scalars(
            select(RecordRow).where(RecordRow.review_id == review_id, RecordRow.source_id.in_(part))
        )
        for row in rows:
            held.setdefault(row.source_id, []).append(row)
    return held


@dataclass(frozen=True, slots=True)
class _Fate:
    """What became of one entry; ``fresh`` is the place among the chunk's new records."""

    position: int
    fate: str
    record_id: int | None = None
    fresh: int | None = None


def _file(session: WriteSession, review_id: int, entries: Sequence[Keyed]) -> list[dict[str, Any]]:
    """File one chunk of records; gives rows of ``batch_entry`` without the batch's id."""
    held = _held(session, review_id, [i for e in entries for i in (e.source_id, e.fallback_id)])
    fates: list[_Fate] = []
    fresh: list[Keyed] = []
    placed: dict[tuple[str, str], int] = {}
    for entry in entries:
        position = entry.record.position
        row = _twin(held, entry)
        if row is not None:
            fate = "changed" if _fill(row, entry) else "same"
            fates.append(_Fate(position, fate, record_id=row.id))
            continue
        key = (entry.source, entry.source_id)
        earlier = placed.get(key)
        if earlier is not None and _same_title(fresh[earlier].title_key, entry.title_key):
            # Twice in one file: one record, counted where it stands.
            fates.append(_Fate(position, "same", fresh=earlier))
            continue
        if earlier is not None or any(
            row.source == entry.source for row in held.get(entry.source_id, ())
        ):
            entry = dataclasses.replace(entry, source_id=entry.fallback_id)
            key = (entry.source, entry.source_id)
        placed[key] = len(fresh)
        fates.append(_Fate(position, "new", fresh=len(fresh)))
        fresh.append(entry)
    ids = _insert(session, review_id, fresh)
    return [
        {
            "position": fate.position,
            "record_id": fate.record_id if fate.fresh is None else ids[fate.fresh],
            "fate": fate.fate,
        }
        for fate in fates
    ]


def _same_title(one: str, other: str) -> bool:
    return not one or not other or one == other


def _twin(held: Mapping[str, list[RecordRow]], entry: Keyed) -> RecordRow | None:
    """The stored record that this one is: same id in the same source, and no other title.

    An id made of a file's hash and a place is unique whatever source was stated for the file.
    """
    for row in held.get(entry.fallback_id, ()):
        return row
    for row in held.get(entry.source_id, ()):
        if row.source == entry.source and _same_title(row.title_key, entry.title_key):
            return row
    return None


def _fill(row: RecordRow, entry: Keyed) -> bool:
    """Fill fields that the stored record lacks; True if any was filled."""
    filled = False
    values = _values(row.review_id, row.report_id, entry)
    for name in ("title", "abstract", "year", "venue", "doi", "pmid", "pmcid", "language"):
        value = values[name]
        if value is not None and getattr(row, name) is None:
            setattr(row, name, value)
            filled = True
    if filled:
        row.title_key = row.title_key or values["title_key"]
        row.search_text = f"{row.search_text} {entry.search_text}".strip()
        missing = {"no-title": row.title is None, "no-abstract": row.abstract is None}
        row.flags = [flag for flag in row.flags if missing.get(flag, True)]
    return filled


def _insert(session: WriteSession, review_id: int, entries: Sequence[Keyed]) -> list[int]:
    if not entries:
        return []
    reports = session.scalars(
        insert(Report).returning(Report.id, sort_by_parameter_order=True),
        [{"review_id": review_id, "active": True} for _ in entries],
    ).all()
    rows = [
        _values(review_id, report_id, entry)
        for report_id, entry in zip(reports, entries, strict=True)
    ]
    return list(
        session.scalars(
            insert(RecordRow).returning(RecordRow.id, sort_by_parameter_order=True), rows
        ).all()
    )


def _values(review_id: int, report_id: int, entry: Keyed) -> dict[str, Any]:
    record = entry.record
    return {
        "review_id": review_id,
        "report_id": report_id,
        "source": entry.source,
        "source_id": entry.source_id,
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
        "extra": dict(record.extra),
        "title_key": entry.title_key[:TITLE_KEY_LENGTH],
        "search_text": entry.search_text,
        "active": True,
        "created_at": now(),
    }
