"""Filing a file's records: each with its fate, none overwritten, none lost."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, select, update

from harvest.record import NOTICE, Record, Rejected
from store import audit, events, pool, reviews, searches
from store.chunks import CHUNK, batched
from store.session import ReadSession, WriteSession
from store.tables import Batch, BatchEntry, BatchRejected, RecordRow, Report, Search, now

TITLE_KEY_LENGTH = 300
# Columns of a record that no source says anything about.
_NOT_SAID = frozenset(
    (
        "active",
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
class Keyed:
    """A record with what the store needs to file it.

    Attributes:
        source: the database that it is from, as a short name.
        source_id: unique within the source.
        fallback_id: used where the review holds another report's record under ``source_id``.
        title_key: folded title; equal keys are the same title.
        search_text: folded text that the record list searches.
        certain: the id is the source's own word, so that another title under it is the same
            record mended, not another one.
    """

    record: Record
    source: str
    source_id: str
    fallback_id: str
    title_key: str
    search_text: str
    certain: bool = False


@dataclass(frozen=True, slots=True)
class FileInfo:
    """What is kept of an imported file, or of a harvested page, beside its bytes.

    Attributes:
        run_id: the run that the page belongs to; None for a file.
        number: place of the page in its run, counted from 1.
        problem: why the page leaves a gap.
        searched_on: day of the run that brought the page, YYYY-MM-DD; a file's is its search's.
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
    """Store an imported file's records and rejected entries, each with its fate.

    A record whose id the review holds already is *same*, or *changed* when it fills a field that
    was empty; what is stored is never overwritten. An id that another report's record holds
    (another title) is a database's slip: the record is stored under its place in the file.

    Returns:
        The batch's id.
    """
    batch_id, filed, lost = _add(session, review_id, search_id, file, entries, rejected, person_id)
    # A record of a withdrawn file that comes again counts again.
    searches.refresh_active(session, batch_id)
    if not session.scalar(select(Batch.pooled).where(Batch.id == batch_id)):
        reviews.touch(session, review_id)
    audit.append(
        session,
        "file.imported",
        review_id=review_id,
        person_id=person_id,
        detail={
            "file": batch_id,
            "search": search_id,
            "name": file.name,
            "sha256": file.sha256,
            "records": filed,
            "rejected": lost,
        },
    )
    return batch_id


def add_page(
    session: WriteSession,
    review_id: int,
    search_id: int,
    page: FileInfo,
    entries: Iterable[Keyed],
    rejected: Iterable[Rejected],
    *,
    filtered: frozenset[int],
    person_id: int | None,
) -> int:
    """Store a harvested page; its records come into the queue when their run has ended.

    Args:
        session: a transaction that writes.
        review_id: the review.
        search_id: the search that the run belongs to.
        page: what is kept of the page.
        entries: its records.
        rejected: its entries that are no records.
        filtered: positions of records that the strategy rejects on our side; what has been
            screened is never filtered.
        person_id: who started the run.

    Returns:
        The batch's id.
    """
    return _add(session, review_id, search_id, page, entries, rejected, person_id, filtered)[0]


def _add(
    session: WriteSession,
    review_id: int,
    search_id: int,
    file: FileInfo,
    entries: Iterable[Keyed],
    rejected: Iterable[Rejected],
    person_id: int | None,
    filtered: frozenset[int] = frozenset(),
) -> tuple[int, int, int]:
    """A batch with its entries; gives its id, its records and its rejected entries."""
    # Two that file into one review at once could both find an id missing.
    reviews.lock(session, review_id)
    search = session.get(Search, search_id)
    assert search is not None
    moment = now()
    day = file.searched_on or pool.day_of(search.run_on, moment)
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
        run_id=file.run_id,
        number=file.number,
        problem=file.problem,
        held=file.run_id is not None,
        created_at=moment,
        searched_on=day,
        pooled=pool.membership(session, review_id).late(search, day, moment),
    )
    session.add(batch)
    session.flush()
    filed = _entries(session, review_id, batch, entries, filtered)
    lost = _rejected(session, batch.id, rejected)
    return batch.id, filed, lost


def _entries(
    session: WriteSession,
    review_id: int,
    batch: Batch,
    entries: Iterable[Keyed],
    filtered: frozenset[int],
) -> int:
    fates: list[dict[str, Any]] = []
    for part in batched(entries, CHUNK):
        fates.extend(_file(session, batch, part, filtered))
    for fate in fates:
        fate["batch_id"] = batch.id
    for rows in batched(fates, 5000):
        session.execute(insert(BatchEntry), list(rows))
    return len(fates)


def _rejected(session: WriteSession, batch_id: int, rejected: Iterable[Rejected]) -> int:
    lost = [
        {
            "batch_id": batch_id,
            "position": entry.position,
            "line": entry.line,
            "reason": entry.reason,
            "excerpt": entry.excerpt,
        }
        for entry in rejected
    ]
    for rows in batched(lost, 5000):
        session.execute(insert(BatchRejected), list(rows))
    return len(lost)


def file_again(
    session: WriteSession,
    review_id: int,
    batch_id: int,
    entries: Sequence[Keyed],
    rejected: Sequence[Rejected],
    *,
    filtered: frozenset[int],
) -> int:
    """Store a page's entries once more, as a mended parser reads them.

    Records keep their ids and with them their decisions; a field that the parser reads now takes
    the place of what it read before, one that it does not read stays.

    Returns:
        How many records say something else than before, new ones included.
    """
    reviews.lock(session, review_id)
    batch = session.get(Batch, batch_id)
    assert batch is not None
    fates = select(BatchEntry.record_id, BatchEntry.fate).where(BatchEntry.batch_id == batch_id)
    before = {row[0]: row[1] for row in session.execute(fates)}
    session.execute(delete(BatchEntry).where(BatchEntry.batch_id == batch_id))
    session.execute(delete(BatchRejected).where(BatchRejected.batch_id == batch_id))
    held = _held(session, review_id, [i for e in entries for i in (e.source_id, e.fallback_id)])
    mended = 0
    for entry in entries:
        row = _twin(held, entry)
        mended += row is None or _mend(row, entry)
    session.flush()
    _entries(session, review_id, batch, entries, filtered)
    _rejected(session, batch_id, rejected)
    # What was new with this page is not "held already" for being read twice.
    for record_id, fate in before.items():
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
    return mended


def _mend(row: RecordRow, entry: Keyed) -> bool:
    """Take over what the parser reads now; True if anything is another than before."""
    values = _values(row.review_id, row.report_id, entry, active=row.active)
    mended = False
    for name, value in values.items():
        if name in _NOT_SAID or value == (row.said or {}).get(name):
            # What the source said later stands beside what was stored first.
            continue
        if value not in (None, [], {}, "") and getattr(row, name) != value:
            setattr(row, name, value)
            mended = True
    if mended:
        row.paired = False
    return mended


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


def _screened(session: ReadSession, report_ids: Iterable[int]) -> set[int]:
    """Reports on which a decision counts."""
    found: set[int] = set()
    for part in batched(set(report_ids), CHUNK):
        found.update(
            session.scalars(
                select(Report.id).where(Report.id.in_(part), Report.decision_id.is_not(None))
            )
        )
    return found


def _file(
    session: WriteSession, batch: Batch, entries: Sequence[Keyed], filtered: frozenset[int]
) -> list[dict[str, Any]]:
    """File one chunk of records; gives rows of ``batch_entry`` without the batch's id."""
    review_id, active = batch.review_id, not (batch.held or batch.pooled)
    # What is published about another report is no study: it is linked, not screened.
    filtered = filtered | {e.record.position for e in entries if NOTICE in e.record.flags}
    held = _held(session, review_id, [i for e in entries for i in (e.source_id, e.fallback_id)])
    fates: list[_Fate] = []
    fresh: list[Keyed] = []
    placed: dict[tuple[str, str], int] = {}
    for entry in entries:
        position = entry.record.position
        row = _twin(held, entry)
        if row is not None:
            fate = "changed" if _seen(session, batch, row, entry) else "same"
            fates.append(_Fate(position, fate, record_id=row.id))
            continue
        key = (entry.source, entry.source_id)
        earlier = placed.get(key)
        if earlier is not None and (
            entry.certain or _same_title(fresh[earlier].title_key, entry.title_key)
        ):
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
    ids = _insert(session, review_id, fresh, active=active)
    events.remarked(
        session, batch, [(i, e.source, e.record.remarks) for i, e in zip(ids, fresh, strict=True)]
    )
    twins = {row.id: row.report_id for rows in held.values() for row in rows}
    screened = _screened(session, (twins[f.record_id] for f in fates if f.record_id and filtered))
    return [
        {
            "position": fate.position,
            "record_id": fate.record_id if fate.fresh is None else ids[fate.fresh],
            "fate": "filtered"
            if fate.position in filtered and twins.get(fate.record_id or 0) not in screened
            else fate.fate,
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
        same = entry.certain or _same_title(row.title_key, entry.title_key)
        if row.source == entry.source and same:
            return row
    return None


# Where ``said`` keeps the folded texts of what it holds.
_FOUND_BY = "found_by"
# Fields in which a source may say something else some day, and that a reader would want to know.
_TOLD = ("title", "abstract", "year", "venue", "doi", "pmid", "pmcid", "language")


def _seen(session: WriteSession, batch: Batch, row: RecordRow, entry: Keyed) -> bool:
    """Take note of what a stored record's source says now; True if it says something else.

    A field that was empty is filled, unless the record is in the review and what says so waits in
    the pool; what is stored is never overwritten, another text is kept beside it.
    """
    events.remarked(session, batch, [(row.id, row.source, entry.record.remarks)])
    fills = not batch.pooled or not row.active
    filled = fills and _fill(row, entry)
    if not entry.certain:
        return filled
    values = _values(row.review_id, row.report_id, entry, active=row.active)
    said = row.said or {}
    before = {name: said.get(name, getattr(row, name)) for name in _TOLD}
    differs = {
        name: values[name]
        for name in _TOLD
        if values[name] is not None and values[name] != before[name]
    }
    if not differs:
        return filled
    # What the list is searched by goes with it, for when an empty field is filled later.
    row.said = {**said, **differs, _FOUND_BY: [entry.search_text, entry.title_key]}
    events.changed(session, batch, row, {n: (before[n], v) for n, v in differs.items()})
    return True


def catch_up(session: WriteSession, review_id: int, batch_ids: Sequence[int]) -> None:
    """Fill, at an admission, the fields that a record lacked while what filled them waited."""
    for part in batched(batch_ids, CHUNK):
        rows = session.scalars(
            select(RecordRow)
            .join(BatchEntry, BatchEntry.record_id == RecordRow.id)
            .where(
                RecordRow.review_id == review_id,
                BatchEntry.batch_id.in_(part),
                RecordRow.said.is_not(None),
            )
            .distinct()
            .order_by(RecordRow.id)
        )
        for row in rows:
            _settle(row)


def _settle(row: RecordRow) -> None:
    said = dict(row.said or {})
    search_text, key = said.pop(_FOUND_BY, ["", ""])
    missing = {name: value for name, value in said.items() if getattr(row, name) is None}
    if not missing:
        return
    for name, value in missing.items():
        setattr(row, name, value)
    row.title_key = row.title_key or key[:TITLE_KEY_LENGTH]
    row.search_text = f"{row.search_text} {search_text}".strip()
    missing_flags = {"no-title": row.title is None, "no-abstract": row.abstract is None}
    row.flags = [flag for flag in row.flags if missing_flags.get(flag, True)]
    row.paired = False
    kept = {name: value for name, value in said.items() if name not in missing}
    row.said = {**kept, _FOUND_BY: [search_text, key]} if kept else None


def _fill(row: RecordRow, entry: Keyed) -> bool:
    """Fill fields that the stored record lacks; True if any was filled."""
    filled = False
    values = _values(row.review_id, row.report_id, entry, active=row.active)
    for name in _TOLD:
        value = values[name]
        if value is not None and getattr(row, name) is None:
            setattr(row, name, value)
            filled = True
    if filled:
        # It says more now: who it is the same as is asked again.
        row.paired = False
        row.title_key = row.title_key or values["title_key"]
        row.search_text = f"{row.search_text} {entry.search_text}".strip()
        missing = {"no-title": row.title is None, "no-abstract": row.abstract is None}
        row.flags = [flag for flag in row.flags if missing.get(flag, True)]
    return filled


def _insert(
    session: WriteSession, review_id: int, entries: Sequence[Keyed], *, active: bool
) -> list[int]:
    if not entries:
        return []
    reports = session.scalars(
        insert(Report).returning(Report.id, sort_by_parameter_order=True),
        [{"review_id": review_id, "active": active} for _ in entries],
    ).all()
    rows = [
        _values(review_id, report_id, entry, active=active)
        for report_id, entry in zip(reports, entries, strict=True)
    ]
    return list(
        session.scalars(
            # Without it rows are parted by which fields are empty: a statement for every few.
            insert(RecordRow).returning(RecordRow.id, sort_by_parameter_order=True),
            rows,
            execution_options={"render_nulls": True},
        ).all()
    )


def _values(review_id: int, report_id: int, entry: Keyed, *, active: bool) -> dict[str, Any]:
    record = entry.record
    return {
        "review_id": review_id,
        "report_id": report_id,
        "own_report_id": report_id,
        "paired": False,
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
        "notice": NOTICE in record.flags,
        "extra": dict(record.extra),
        "title_key": entry.title_key[:TITLE_KEY_LENGTH],
        "search_text": entry.search_text,
        "active": active,
        "created_at": now(),
    }
