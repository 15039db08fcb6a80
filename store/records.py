"""Records and reports as they are read back: one, a page of the list, all texts, counts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

import numpy as np
from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.orm import aliased

from harvest.record import Author, Record
from store import marks
from store.chunks import CHUNK, batched
from store.errors import NotFound
from store.marks import Marked
from store.representative import compose, text_hash
from store.session import ReadSession
from store.tables import Batch, BatchEntry, Decision, Identity, RecordRow, Report
from store.verdicts import UNDECIDED


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record as the store gives it back.

    Attributes:
        copies: how many records that count the report has.
        origins: of a report that is composed of several records: field to the id of the record it
            is from.
        sources: the sources of its records.
        abstract_source: the source that the abstract is from; its terms hold for it.
    """

    id: int
    report_id: int
    source: str
    source_id: str
    record: Record
    active: bool
    decision: str | None = None
    decided_by: str | None = None
    decided_at: dt.datetime | None = None
    copies: int = 1
    origins: Mapping[str, int] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    abstract_source: str = ""

    @property
    def text_hash(self) -> str:
        """Of the title and abstract: what a decision says was shown."""
        return text_hash(self.record.title, self.record.abstract)


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


def _text(row: Any) -> Text:
    """A representative's text from a record, or from a row with the same columns."""
    return Text(
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


def record_of(row: RecordRow, position: int = 0) -> Record:
    """What a source says, from its row."""
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
    # Narrowed by the review of the report, never of the record: with both at hand SQLite goes
    # through all records of the review for a few reports.
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
        sources=(row.source,),
        abstract_source=row.source,
        record=record_of(row),
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
    """Representatives of reports, by report id, composed field by field of the active records.

    A report none of whose records counts is shown by all of them.
    """
    found: dict[int, list[StoredRecord]] = {}
    for part in batched(report_ids, CHUNK):
        rows = session.execute(
            _joined()
            .where(Report.review_id == review_id, Report.id.in_(part))
            .order_by(RecordRow.active.desc(), RecordRow.id)
        )
        for row in rows:
            found.setdefault(row[0].report_id, []).append(_stored(*row))
    return {report_id: composed(copies) for report_id, copies in found.items()}


def composed(copies: Sequence[StoredRecord]) -> StoredRecord:
    """The representative of a report out of its records, oldest first."""
    live = [copy for copy in copies if copy.active] or list(copies)
    if len(live) == 1:
        return live[0]
    record, origins = compose({copy.id: copy.record for copy in live})
    by_id = {copy.id: copy.source for copy in live}
    return replace(
        live[0],
        record=record,
        copies=len(live),
        origins=origins,
        sources=tuple(dict.fromkeys(by_id.values())),
        abstract_source=by_id[origins.get("abstract", live[0].id)],
    )


def of_report(session: ReadSession, review_id: int, report_id: int) -> list[StoredRecord]:
    """All records of a report, those that do not count included, oldest first."""
    rows = session.execute(
        _joined()
        .where(Report.review_id == review_id, Report.id == report_id)
        .order_by(RecordRow.id)
    )
    return [_stored(*row) for row in rows]


def reports_of_batch(session: ReadSession, batch_id: int) -> dict[int, int]:
    """Position in the file to report id, for the entries that are records."""
    rows = session.execute(
        select(BatchEntry.position, RecordRow.report_id)
        .join(RecordRow, RecordRow.id == BatchEntry.record_id)
        .where(BatchEntry.batch_id == batch_id)
    )
    return {row[0]: row[1] for row in rows}


def reports_of(session: ReadSession, record_ids: Iterable[int]) -> set[int]:
    """The reports in which these records are now."""
    found: set[int] = set()
    for part in batched(set(record_ids), CHUNK):
        query = select(RecordRow.report_id).where(RecordRow.id.in_(part))
        found.update(session.scalars(query))
    return found


@dataclass(frozen=True, slots=True)
class Filter:
    """What the record list is narrowed by; None and "" narrow nothing.

    Attributes:
        standing: ``counts`` (in the queue or decided), ``filtered``, ``waiting`` (of a run that
            has not ended or is held), ``pool`` or ``withdrawn``.
        marked: with a tag or star, as somebody sees them.
    """

    text: str = ""
    decision: str | None = None
    flag: str | None = None
    year_from: int | None = None
    year_to: int | None = None
    search_id: int | None = None
    standing: str = "counts"
    marked: Marked | None = None


STANDINGS = ("counts", "filtered", "waiting", "pool", "withdrawn")


def _standing(name: str) -> list[Any]:
    """Conditions on a record by what became of it.

    Raises:
        ValueError: there is no such standing.
    """
    if name not in STANDINGS:
        raise ValueError(f"standing must be one of {', '.join(STANDINGS)}, not {name!r}")
    if name == "counts":
        return [RecordRow.active.is_(True)]
    live = (
        select(BatchEntry.record_id)
        .join(Batch, Batch.id == BatchEntry.batch_id)
        .where(BatchEntry.record_id == RecordRow.id, Batch.withdrawn_at.is_(None))
    )
    conditions = [RecordRow.active.is_(False)]
    if name == "withdrawn":
        return [*conditions, ~live.exists()]
    kept = BatchEntry.fate != "filtered"
    if name == "pool":
        return [*conditions, live.where(kept, Batch.pooled.is_(True)).exists()]
    live = live.where(Batch.pooled.is_(False))
    kept = live.where(kept).exists()
    return [*conditions, live.exists(), ~kept if name == "filtered" else kept]


def _any_copy(column: Any) -> Any:
    """Whether any record that counts of the report, or the record itself, has a field."""
    other = aliased(RecordRow)
    filled = getattr(other, column.key).is_not(None)
    return (
        select(other.id)
        .where(
            or_(
                other.id == RecordRow.id,
                and_(other.report_id == RecordRow.report_id, other.active.is_(True)),
            ),
            filled,
        )
        .exists()
    )


def _narrowed(query: Any, review_id: int, wanted: Filter) -> Any:
    query = query.where(RecordRow.review_id == review_id, *_standing(wanted.standing))
    for word in wanted.text.split():
        escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        query = query.where(RecordRow.search_text.like(f"%{escaped}%", escape="\\"))
    if wanted.decision == "undecided":
        query = query.where(Report.decision_id.is_(None))
    elif wanted.decision:
        query = query.where(Decision.decision == wanted.decision)
    if wanted.flag == "no-abstract":
        query = query.where(~_any_copy(RecordRow.abstract))
    elif wanted.flag == "no-title":
        query = query.where(~_any_copy(RecordRow.title))
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
    if wanted.marked is not None:
        query = query.where(marks.condition(wanted.marked))
    return query


def listing(
    session: ReadSession, review_id: int, wanted: Filter, *, offset: int, limit: int
) -> tuple[int, list[StoredRecord]]:
    """How many match, and one page of them, in the order they came.

    What counts is listed by report, each shown by its representative and found by any of its
    records; what is filtered, waits or is withdrawn is listed record by record.
    """
    base = select(RecordRow.id, RecordRow.report_id).select_from(RecordRow)
    joined = base.join(Report, Report.id == RecordRow.report_id).outerjoin(
        Decision, Decision.id == Report.decision_id
    )
    found = _narrowed(joined, review_id, wanted).subquery()
    if wanted.standing != "counts":
        total = session.scalar(select(func.count()).select_from(found))
        rows = session.execute(
            _joined()
            .join(found, found.c.id == RecordRow.id)
            .order_by(RecordRow.id)
            .offset(offset)
            .limit(limit)
        )
        return total or 0, [_stored(*row) for row in rows]
    total = session.scalar(select(func.count(found.c.report_id.distinct())))
    # A report has the id that came with its oldest record.
    page = session.scalars(
        select(found.c.report_id).distinct().order_by(found.c.report_id).offset(offset).limit(limit)
    ).all()
    shown = by_reports(session, review_id, page)
    return total or 0, [shown[report_id] for report_id in page]


def matching(session: ReadSession, review_id: int, wanted: Filter) -> list[int]:
    """Reports that count and match, in the order they came."""
    joined = (
        select(RecordRow.report_id)
        .join(Report, Report.id == RecordRow.report_id)
        .outerjoin(Decision, Decision.id == Report.decision_id)
    )
    query = _narrowed(joined, review_id, replace(wanted, standing="counts"))
    return sorted(set(session.scalars(query)))


def every(
    session: ReadSession, review_id: int, *, abstracts_of: Container[str] | None = None
) -> Iterator[StoredRecord]:
    """Representatives of all reports that count, in the order they came, streamed.

    Args:
        session: a transaction.
        review_id: the review.
        abstracts_of: sources whose abstracts may be shown; None for all.
    """
    rows = session.execute(
        _joined()
        .where(RecordRow.review_id == review_id, RecordRow.active.is_(True))
        .order_by(RecordRow.report_id, RecordRow.id)
        .execution_options(yield_per=CHUNK)
    )
    stored = (_stored(*row) for row in rows)
    for _, found in groupby(stored, key=lambda each: each.report_id):
        yield composed(
            [
                copy
                if abstracts_of is None or copy.source in abstracts_of
                else replace(copy, record=replace(copy.record, abstract=None))
                for copy in found
            ]
        )


def copies(session: ReadSession, review_id: int) -> list[Text]:
    """All records that count, by report id: what a list of known records is matched with."""
    return _texts(session, review_id, RecordRow.active.is_(True))


def texts_of(session: ReadSession, review_id: int, record_ids: Sequence[int]) -> list[Text]:
    """Some records, by report id."""
    found: list[Text] = []
    for part in batched(sorted(record_ids), CHUNK):
        found += _texts(session, review_id, RecordRow.id.in_(part))
    return sorted(found, key=lambda text: (text.report_id, text.record_id))


def _texts(session: ReadSession, review_id: int, condition: Any) -> list[Text]:
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
        .where(RecordRow.review_id == review_id, condition)
        .order_by(RecordRow.report_id, RecordRow.id)
    )
    return [_text(row) for row in rows]


def texts(session: ReadSession, review_id: int) -> list[Text]:
    """Representatives of all active reports, by report id."""
    return shown(copies(session, review_id))


def shown(found: Iterable[Text]) -> list[Text]:
    """Representatives out of the texts of ``copies``."""
    result = []
    for _, group in groupby(found, key=lambda text: text.report_id):
        same = list(group)
        result.append(same[0] if len(same) == 1 else _composed_text(same))
    return result


def _composed_text(same: Sequence[Text]) -> Text:
    record, origins = compose(
        {
            text.record_id: Record(
                0,
                title=text.title,
                abstract=text.abstract,
                year=text.year,
                doi=text.doi,
                pmid=text.pmid,
                language=text.language,
                types=text.types,
            )
            for text in same
        }
    )
    keys = {text.record_id: text.title_key for text in same}
    return replace(
        same[0],
        title=record.title,
        abstract=record.abstract,
        year=record.year,
        doi=record.doi,
        pmid=record.pmid,
        title_key=keys[origins.get("title", same[0].record_id)],
        language=record.language,
        types=record.types,
    )


def filtered_ids(session: ReadSession, review_id: int, run_id: int | None = None) -> list[int]:
    """Records that are filtered, by id; those that one run brought on request."""
    query = select(RecordRow.id).where(RecordRow.review_id == review_id, *_standing("filtered"))
    if run_id is not None:
        query = query.where(
            select(BatchEntry.record_id)
            .join(Batch, Batch.id == BatchEntry.batch_id)
            .where(BatchEntry.record_id == RecordRow.id, Batch.run_id == run_id)
            .exists()
        )
    return list(session.scalars(query.order_by(RecordRow.id)))


def sample_of_filtered(
    session: ReadSession, review_id: int, *, size: int, seed: int, run_id: int | None = None
) -> tuple[int, list[int]]:
    """How many records are filtered, and ids of a random sample; one seed, one sample."""
    ids = filtered_ids(session, review_id, run_id)
    places = np.random.default_rng(seed).choice(len(ids), size=min(size, len(ids)), replace=False)
    return len(ids), [ids[int(place)] for place in sorted(places)]


@dataclass(frozen=True, slots=True)
class Brought:
    """A record as one search brought it; ``filtered`` where every entry of it was."""

    search_id: int
    text: Text
    filtered: bool


def brought(session: ReadSession, review_id: int) -> list[Brought]:
    """Records by the searches that brought them, without withdrawn files and the pool."""
    entries = (
        select(
            Batch.search_id,
            BatchEntry.record_id,
            func.min(case((BatchEntry.fate == "filtered", 1), else_=0)).label("filtered"),
        )
        .join(BatchEntry, BatchEntry.batch_id == Batch.id)
        .where(
            Batch.review_id == review_id,
            Batch.withdrawn_at.is_(None),
            Batch.pooled.is_(False),
        )
        .group_by(Batch.search_id, BatchEntry.record_id)
        .subquery()
    )
    rows = session.execute(
        select(RecordRow, entries.c.search_id, entries.c.filtered)
        .join(entries, entries.c.record_id == RecordRow.id)
        .order_by(entries.c.search_id, RecordRow.id)
    )
    return [
        Brought(
            search_id,
            _text(row),
            bool(filtered),
        )
        for row, search_id, filtered in rows
    ]


@dataclass(frozen=True, slots=True)
class Counts:
    """Where a review's reports stand; ``reports == decided + undecided``.

    Attributes:
        awaiting: of the undecided, those that somebody decided and others are still to.
        conflict: of the undecided, those on which people differ.
        records: that count; more than ``reports`` where several are one report.
        without_abstract: reports none of whose records has an abstract.
    """

    records: int
    reports: int
    without_abstract: int
    include: int
    exclude: int
    maybe: int
    awaiting: int
    conflict: int

    @property
    def decided(self) -> int:
        """Reports on which a decision counts."""
        return self.include + self.exclude + self.maybe

    @property
    def undecided(self) -> int:
        """Reports on which no decision counts yet."""
        return self.reports - self.decided


def live_reports(session: ReadSession, review_id: int) -> list[int]:
    """Ids of the reports that count."""
    return list(
        session.scalars(
            select(Report.id).where(Report.review_id == review_id, Report.active.is_(True))
        )
    )


def undecided(session: ReadSession, review_id: int) -> int:
    """How many reports have no decision that counts, conflicts left out: from an index alone."""
    return (
        session.scalar(
            select(func.count())
            .select_from(Report)
            .where(
                Report.review_id == review_id,
                Report.active.is_(True),
                Report.state.in_(UNDECIDED),
            )
        )
        or 0
    )


def counts(session: ReadSession, review_id: int) -> Counts:
    """Counts of a review, withdrawn files left out."""
    live = and_(RecordRow.review_id == review_id, RecordRow.active.is_(True))
    each = (
        select(
            func.count(RecordRow.id).label("records"), func.count(RecordRow.abstract).label("texts")
        )
        .where(live)
        .group_by(RecordRow.report_id)
        .subquery()
    )
    records, missing = session.execute(
        select(func.coalesce(func.sum(each.c.records), 0), func.count(case((each.c.texts == 0, 1))))
    ).one()
    rows = session.execute(
        select(func.coalesce(Decision.decision, Report.state).label("word"), func.count(Report.id))
        .select_from(Report)
        .outerjoin(Decision, Decision.id == Report.decision_id)
        .where(Report.review_id == review_id, Report.active.is_(True))
        .group_by("word")
    )
    by_decision: dict[str, int] = {row[0]: row[1] for row in rows}
    return Counts(
        records=int(records),
        reports=sum(by_decision.values()),
        without_abstract=missing,
        include=by_decision.get("include", 0),
        exclude=by_decision.get("exclude", 0),
        maybe=by_decision.get("maybe", 0),
        awaiting=by_decision.get("awaiting", 0),
        conflict=by_decision.get("conflict", 0),
    )


def of_batches(session: ReadSession, batch_ids: Sequence[int]) -> list[int]:
    """Ids of all records that files or pages brought."""
    found: set[int] = set()
    for part in batched(batch_ids, CHUNK):
        query = select(BatchEntry.record_id).where(BatchEntry.batch_id.in_(part)).distinct()
        found.update(session.scalars(query))
    return sorted(found)


def everything_of(session: ReadSession, review_id: int) -> list[StoredRecord]:
    """All records of a review, those that do not count included, oldest first."""
    rows = session.execute(_joined().where(RecordRow.review_id == review_id).order_by(RecordRow.id))
    return [_stored(*row) for row in rows]
