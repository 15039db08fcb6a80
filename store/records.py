"""Records and the reports they make: stored with their fate, found again, listed."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, case, func, insert, select

from harvest.record import Author, Record, Rejected
from store import audit, reviews, searches
from store.chunks import batched
from store.errors import NotFound
from store.session import ReadSession, WriteSession
from store.tables import (
    Batch,
    BatchEntry,
    BatchRejected,
    Decision,
    Identity,
    RecordRow,
    Report,
    now,
)

# SQLite binds at most 32,766 values a statement; PostgreSQL plans long lists badly.
_CHUNK = 500
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


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record as the store gives it back."""

    id: int
    report_id: int
    source: str
    source_id: str
    record: Record
    active: bool
    decision: str | None = None
    decided_by: str | None = None
    decided_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """What ranking and matching need of a report's representative."""

    report_id: int
    record_id: int
    title: str | None
    abstract: str | None
    year: int | None
    doi: str | None
    pmid: str | None
    title_key: str
    source_id: str
    language: str | None
    types: tuple[str, ...]


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
    for part in batched(entries, _CHUNK):
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
    for part in batched(set(ids), _CHUNK):
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
            fate = "changed" if _fill(row, entry.record) else "same"
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


def _fill(row: RecordRow, record: Record) -> bool:
    """Fill fields that the stored record lacks; True if any was filled."""
    filled = False
    for name in ("title", "abstract", "year", "venue", "doi", "pmid", "pmcid", "language"):
        value = getattr(record, name)
        if value is not None and getattr(row, name) is None:
            setattr(row, name, value)
            filled = True
    if filled:
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


def _record(row: RecordRow, position: int = 0) -> Record:
    return Record(
        position=position,
        title=row.title,
        abstract=row.abstract,
        authors=tuple(Author(name, collective) for name, collective in row.authors),
        year=row.year,
        date=row.date,
        venue=row.venue,
        volume=row.volume,
        issue=row.issue,
        pages=row.pages,
        publisher=row.publisher,
        doi=row.doi,
        pmid=row.pmid,
        pmcid=row.pmcid,
        issn=row.issn,
        urls=tuple(row.urls),
        language=row.language,
        types=tuple(row.types),
        keywords=tuple(row.keywords),
        accession=row.accession,
        database=row.database,
        label=row.label,
        notes=tuple(row.notes),
        flags=tuple(row.flags),
        extra=row.extra,
    )


def _joined() -> Any:
    return (
        select(RecordRow, Decision.decision, Identity.name, Decision.recorded_at)
        .join(Report, Report.id == RecordRow.report_id)
        .outerjoin(Decision, Decision.id == Report.decision_id)
        .outerjoin(Identity, Identity.person_id == Decision.person_id)
    )


def _stored(row: RecordRow, decision: str | None, name: str | None, at: Any) -> StoredRecord:
    return StoredRecord(
        id=row.id,
        report_id=row.report_id,
        source=row.source,
        source_id=row.source_id,
        record=_record(row),
        active=row.active,
        decision=decision,
        decided_by=name,
        decided_at=at,
    )


def by_id(session: ReadSession, review_id: int, record_id: int) -> StoredRecord:
    """One record.

    Raises:
        NotFound: the review has no such record.
    """
    found = session.execute(
        _joined().where(RecordRow.id == record_id, RecordRow.review_id == review_id)
    ).first()
    if found is None:
        raise NotFound(f"there is no record {record_id} in this review")
    return _stored(*found)


def by_reports(
    session: ReadSession, review_id: int, report_ids: Sequence[int]
) -> dict[int, StoredRecord]:
    """Representatives of reports, by report id (the oldest active record of each)."""
    found: dict[int, StoredRecord] = {}
    for part in batched(report_ids, _CHUNK):
        rows = session.execute(
            _joined()
            .where(RecordRow.review_id == review_id, RecordRow.report_id.in_(part))
            .order_by(RecordRow.active.desc(), RecordRow.id)
        )
        for row in rows:
            found.setdefault(row[0].report_id, _stored(*row))
    return found


def reports_of_batch(session: ReadSession, batch_id: int) -> dict[int, int]:
    """Position in the file to report id, for the entries that are records."""
    rows = session.execute(
        select(BatchEntry.position, RecordRow.report_id)
        .join(RecordRow, RecordRow.id == BatchEntry.record_id)
        .where(BatchEntry.batch_id == batch_id)
    )
    return {row[0]: row[1] for row in rows}


@dataclass(frozen=True, slots=True)
class Filter:
    """What the record list is narrowed by; None and "" narrow nothing."""

    text: str = ""
    decision: str | None = None
    flag: str | None = None
    year_from: int | None = None
    year_to: int | None = None
    search_id: int | None = None
    withdrawn: bool = False


def _narrowed(query: Any, review_id: int, wanted: Filter) -> Any:
    query = query.where(
        RecordRow.review_id == review_id, RecordRow.active.is_(not wanted.withdrawn)
    )
    for word in wanted.text.split():
        escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        query = query.where(RecordRow.search_text.like(f"%{escaped}%", escape="\\"))
    if wanted.decision == "undecided":
        query = query.where(Report.decision_id.is_(None))
    elif wanted.decision:
        query = query.where(Decision.decision == wanted.decision)
    if wanted.flag == "no-abstract":
        query = query.where(RecordRow.abstract.is_(None))
    elif wanted.flag == "no-title":
        query = query.where(RecordRow.title.is_(None))
    if wanted.year_from is not None:
        query = query.where(RecordRow.year >= wanted.year_from)
    if wanted.year_to is not None:
        query = query.where(RecordRow.year <= wanted.year_to)
    if wanted.search_id is not None:
        query = query.where(
            select(BatchEntry.record_id)
            .join(Batch, Batch.id == BatchEntry.batch_id)
            .where(BatchEntry.record_id == RecordRow.id, Batch.search_id == wanted.search_id)
            .exists()
        )
    return query


def listing(
    session: ReadSession, review_id: int, wanted: Filter, *, offset: int, limit: int
) -> tuple[int, list[StoredRecord]]:
    """How many records match, and one page of them, in the order they came."""
    total = session.scalar(
        _narrowed(
            select(func.count(RecordRow.id))
            .select_from(RecordRow)
            .join(Report, Report.id == RecordRow.report_id)
            .outerjoin(Decision, Decision.id == Report.decision_id),
            review_id,
            wanted,
        )
    )
    rows = session.execute(
        _narrowed(_joined(), review_id, wanted).order_by(RecordRow.id).offset(offset).limit(limit)
    )
    return total or 0, [_stored(*row) for row in rows]


def every(session: ReadSession, review_id: int) -> Iterator[StoredRecord]:
    """All records that count, in the order they came, streamed."""
    rows = session.execute(
        _joined()
        .where(RecordRow.review_id == review_id, RecordRow.active.is_(True))
        .order_by(RecordRow.id)
        .execution_options(yield_per=_CHUNK)
    )
    return (_stored(*row) for row in rows)


def texts(session: ReadSession, review_id: int, *, after_report: int = 0) -> list[Text]:
    """Representatives of all active reports, by report id; those after a given id on request."""
    rows = session.execute(
        select(
            RecordRow.report_id,
            RecordRow.id,
            RecordRow.title,
            RecordRow.abstract,
            RecordRow.year,
            RecordRow.doi,
            RecordRow.pmid,
            RecordRow.title_key,
            RecordRow.source_id,
            RecordRow.language,
            RecordRow.types,
        )
        .where(
            RecordRow.review_id == review_id,
            RecordRow.active.is_(True),
            RecordRow.report_id > after_report,
        )
        .order_by(RecordRow.report_id, RecordRow.id)
    )
    found: dict[int, Text] = {}
    for row in rows:
        if row.report_id not in found:
            found[row.report_id] = Text(
                report_id=row.report_id,
                record_id=row.id,
                title=row.title,
                abstract=row.abstract,
                year=row.year,
                doi=row.doi,
                pmid=row.pmid,
                title_key=row.title_key,
                source_id=row.source_id,
                language=row.language,
                types=tuple(row.types),
            )
    return list(found.values())


@dataclass(frozen=True, slots=True)
class Counts:
    """Where a review's reports stand; ``reports == decided + undecided``."""

    records: int
    reports: int
    without_abstract: int
    include: int
    exclude: int
    maybe: int

    @property
    def decided(self) -> int:
        """Reports on which a decision counts."""
        return self.include + self.exclude + self.maybe

    @property
    def undecided(self) -> int:
        """Reports that nobody has decided yet."""
        return self.reports - self.decided


def undecided(session: ReadSession, review_id: int) -> int:
    """How many reports nobody has decided yet: read from an index alone."""
    return (
        session.scalar(
            select(func.count())
            .select_from(Report)
            .where(
                Report.review_id == review_id,
                Report.active.is_(True),
                Report.decision_id.is_(None),
            )
        )
        or 0
    )


def counts(session: ReadSession, review_id: int) -> Counts:
    """Counts of a review, withdrawn files left out."""
    live = and_(RecordRow.review_id == review_id, RecordRow.active.is_(True))
    records, missing = session.execute(
        select(
            func.count(RecordRow.id),
            func.count(case((RecordRow.abstract.is_(None), 1))),
        ).where(live)
    ).one()
    rows = session.execute(
        select(Decision.decision, func.count(Report.id))
        .select_from(Report)
        .outerjoin(Decision, Decision.id == Report.decision_id)
        .where(Report.review_id == review_id, Report.active.is_(True))
        .group_by(Decision.decision)
    )
    by_decision: dict[str | None, int] = {row[0]: row[1] for row in rows}
    return Counts(
        records=records,
        reports=sum(by_decision.values()),
        without_abstract=missing,
        include=by_decision.get("include", 0),
        exclude=by_decision.get("exclude", 0),
        maybe=by_decision.get("maybe", 0),
    )
