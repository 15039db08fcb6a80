"""Stored records, and each report's representative, which is composed from its records."""

from __future__ import annotations

import datetime as dt
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from sqlalchemy import bindparam, case, exists, select

from harvest.record import Author, Record
from store.core.chunks import CHUNK, batched
from store.core.errors import NotFound
from store.core.session import ReadSession, execute_plain
from store.core.tables import BatchEntry, Decision, Event, RecordRow, Report, ReportState, is_shown
from store.reports.report_states import at_stage
from store.reports.representative import compose_record, hash_text
from store.reviews.imported_people import person_name
from store.rules.agreed_decision import IMPORT


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A stored record, or the representative of a report.

    Attributes:
        copies: number of active records in the report.
        origins: for a representative of several records: for each field, the id of the record that
            it comes from.
        sources: the sources of its records.
        abstract_source: the source of the abstract, whose licence terms apply to it.
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
        """Hash of the title and abstract. A decision stores it to say which text was shown."""
        return hash_text(self.record.title, self.record.abstract)


def record_from_row(row: Any, position: int = 0) -> Record:
    """Rebuild a record from its row, or from its columns."""
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


def select_stored() -> Any:
    """A query for records with the decision on their report; ``stored_record`` takes its rows."""
    # Filter on the review of the report, never that of the record: given both, SQLite reads every
    # record of the review to find a few reports.
    # A file may say when a decision was made; when it was imported says nothing about that.
    made_at = case((Decision.kind == IMPORT, Decision.decided_at), else_=Decision.recorded_at)
    return (
        select(RecordRow, Decision.decision, person_name(Decision.person_id), made_at)
        .join(Report, Report.id == RecordRow.report_id)
        .join(ReportState, at_stage())
        .outerjoin(Decision, Decision.id == ReportState.decision_id)
    )


def stored_record(
    row: Any, decision: str | None, name: str | None, at: Any, *, active: bool | None = None
) -> StoredRecord:
    """Build a record from a row of ``select_stored``, or from the columns of a record."""
    return StoredRecord(
        id=row.id,
        report_id=row.report_id,
        source=row.source,
        source_id=row.source_id,
        sources=(row.source,),
        abstract_source=row.source,
        record=record_from_row(row),
        active=row.active if active is None else active,
        decision=decision,
        decided_by=name,
        decided_at=at,
    )


def get_record(session: ReadSession, review_id: int, record_id: int) -> StoredRecord:
    """One record.

    Raises:
        NotFound: the review has no such record.
    """
    row = session.execute(
        select_stored().where(
            RecordRow.id == record_id,
            RecordRow.review_id == review_id,
            is_shown(RecordRow.intake_id),
        )
    ).first()
    if row is None:
        raise NotFound(f"there is no record {record_id} in this review")
    return stored_record(*row)


def get_representatives(
    session: ReadSession, review_id: int, report_ids: Sequence[int]
) -> dict[int, StoredRecord]:
    """Representatives by report id, each composed field by field from the report's active records.

    If a report has no active record, all its records are used.
    """
    by_report: dict[int, list[StoredRecord]] = {}
    for part in batched(report_ids, CHUNK):
        rows = session.execute(
            select_stored()
            .where(Report.review_id == review_id, Report.id.in_(part))
            .order_by(RecordRow.active.desc(), RecordRow.id)
        )
        for row in rows:
            by_report.setdefault(row[0].report_id, []).append(stored_record(*row))
    return {report_id: compose_representative(copies) for report_id, copies in by_report.items()}


_CARD_RECORDS = (
    select(*(column for column in RecordRow.__table__.columns if column.key != "search_text"))
    .add_columns(
        RecordRow.active.label("shown"),
        exists().where(Event.record_id == RecordRow.id).label("has_event"),
    )
    .where(RecordRow.report_id.in_(bindparam("ids", expanding=True)))
    .order_by(RecordRow.active.desc(), RecordRow.id)
)


def list_record_rows(session: ReadSession, report_id: int) -> Sequence[Any]:
    """The columns of a report's records, active ones first, with ``shown`` for those."""
    return execute_plain(session, _CARD_RECORDS, {"ids": [report_id]}).all()


@dataclass(frozen=True, slots=True)
class CardRecords:
    """What cards show of reports without a decision.

    Attributes:
        representatives: by report.
        with_events: reports that have a record with an event of any kind.
    """

    representatives: Mapping[int, StoredRecord]
    with_events: Sequence[int]


def get_card_records(session: ReadSession, report_ids: Sequence[int]) -> CardRecords:
    """Representatives of reports that have no decision, by one quick query for each few hundred."""
    by_report: dict[int, list[StoredRecord]] = {}
    with_events: dict[int, None] = {}
    for part in batched(report_ids, CHUNK):
        for row in execute_plain(session, _CARD_RECORDS, {"ids": part}):
            stored = stored_record(row, None, None, None, active=row.shown)
            by_report.setdefault(row.report_id, []).append(stored)
            if row.has_event:
                with_events[row.report_id] = None
    found = {report_id: compose_representative(copies) for report_id, copies in by_report.items()}
    return CardRecords(found, list(with_events))


def compose_representative(copies: Sequence[StoredRecord]) -> StoredRecord:
    """Compose the representative of a report from its records, oldest first."""
    active = [copy for copy in copies if copy.active] or list(copies)
    if len(active) == 1:
        return active[0]
    record, origins = compose_record({copy.id: copy.record for copy in active})
    by_id = {copy.id: copy.source for copy in active}
    return replace(
        active[0],
        record=record,
        copies=len(active),
        origins=origins,
        sources=tuple(dict.fromkeys(by_id.values())),
        abstract_source=by_id[origins.get("abstract", active[0].id)],
    )


def list_records_of_report(
    session: ReadSession, review_id: int, report_id: int
) -> list[StoredRecord]:
    """All records of a report, including those that do not count, oldest first."""
    rows = session.execute(
        select_stored()
        .where(Report.review_id == review_id, Report.id == report_id, is_shown(RecordRow.intake_id))
        .order_by(RecordRow.id)
    )
    return [stored_record(*row) for row in rows]


def get_active_representatives(
    session: ReadSession, report_ids: Sequence[int], *, abstracts_of: Container[str] | None = None
) -> list[StoredRecord]:
    """The representatives of some reports that count, composed of their active records alone.

    Args:
        session: a reading session.
        report_ids: the reports, a few hundred at most.
        abstracts_of: sources whose abstracts may be passed on; None for all.

    Returns:
        The representatives, by report id.
    """
    rows = session.execute(
        select_stored()
        .where(
            RecordRow.report_id.in_(report_ids),
            RecordRow.active.is_(True),
            Report.active.is_(True),
        )
        .order_by(RecordRow.report_id, RecordRow.id)
    )
    stored = (stored_record(*row) for row in rows)
    return [
        compose_representative(
            [
                copy
                if abstracts_of is None or copy.source in abstracts_of
                else replace(copy, record=replace(copy.record, abstract=None))
                for copy in copies
            ]
        )
        for _, copies in groupby(stored, key=lambda record: record.report_id)
    ]


def list_record_ids_of_batches(session: ReadSession, batch_ids: Sequence[int]) -> list[int]:
    """Ids of all records in some files or pages."""
    record_ids: set[int] = set()
    for part in batched(batch_ids, CHUNK):
        query = select(BatchEntry.record_id).where(BatchEntry.batch_id.in_(part)).distinct()
        record_ids.update(session.scalars(query))
    return sorted(record_ids)


def get_reports_by_position(session: ReadSession, batch_id: int) -> dict[int, int]:
    """Report ids by position in the file, for the entries that are records."""
    rows = session.execute(
        select(BatchEntry.position, RecordRow.report_id)
        .join(RecordRow, RecordRow.id == BatchEntry.record_id)
        .where(BatchEntry.batch_id == batch_id)
    )
    return {row[0]: row[1] for row in rows}


def find_reports_of_records(session: ReadSession, record_ids: Iterable[int]) -> set[int]:
    """Find the reports that these records are in now."""
    report_ids: set[int] = set()
    for part in batched(set(record_ids), CHUNK):
        query = select(RecordRow.report_id).where(RecordRow.id.in_(part))
        report_ids.update(session.scalars(query))
    return report_ids
