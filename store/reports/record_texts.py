"""Texts of records and reports: what ranking, matching and comparing read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from sqlalchemy import case, func, select

from harvest.record import Record
from store.core.chunks import CHUNK, batched
from store.core.session import ReadSession
from store.core.tables import Batch, BatchEntry, RecordRow, is_shown
from store.reports.representative import compose_record


@dataclass(frozen=True, slots=True)
class RecordText:
    """The fields of a record, or of a representative, that ranking and matching need."""

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


def _text(row: Any) -> RecordText:
    """Build a text from a record's row, or from a row with the same columns."""
    return RecordText(
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


def list_record_texts(session: ReadSession, review_id: int) -> list[RecordText]:
    """Texts of all records that count, by report id and record id."""
    return _list_texts(session, review_id, RecordRow.active.is_(True))


def get_texts(session: ReadSession, review_id: int, record_ids: Sequence[int]) -> list[RecordText]:
    """Texts of some records, by report id and record id."""
    texts: list[RecordText] = []
    for part in batched(sorted(record_ids), CHUNK):
        texts += _list_texts(session, review_id, RecordRow.id.in_(part))
    return sorted(texts, key=lambda text: (text.report_id, text.record_id))


# Columns rather than whole rows: a review may have a hundred thousand records.
_COLUMNS = (
    *(RecordRow.report_id, RecordRow.id, RecordRow.title, RecordRow.abstract, RecordRow.year),
    *(RecordRow.doi, RecordRow.pmid, RecordRow.title_key, RecordRow.source_id),
    *(RecordRow.language, RecordRow.types),
)


def _list_texts(session: ReadSession, review_id: int, condition: Any) -> list[RecordText]:
    rows = session.execute(
        select(*_COLUMNS)
        .where(RecordRow.review_id == review_id, condition)
        .order_by(RecordRow.report_id, RecordRow.id)
    )
    return [_text(row) for row in rows]


def list_report_texts(session: ReadSession, review_id: int) -> list[RecordText]:
    """Texts of the representatives of all reports that count, by report id."""
    return compose_report_texts(list_record_texts(session, review_id))


def compose_report_texts(texts: Iterable[RecordText]) -> list[RecordText]:
    """Compose the texts of representatives from record texts, which are ordered by report."""
    composed = []
    for _, group in groupby(texts, key=lambda text: text.report_id):
        copies = list(group)
        composed.append(copies[0] if len(copies) == 1 else _compose_text(copies))
    return composed


def _compose_text(copies: Sequence[RecordText]) -> RecordText:
    record, origins = compose_record(
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
            for text in copies
        }
    )
    keys = {text.record_id: text.title_key for text in copies}
    return replace(
        copies[0],
        title=record.title,
        abstract=record.abstract,
        year=record.year,
        doi=record.doi,
        pmid=record.pmid,
        title_key=keys[origins.get("title", copies[0].record_id)],
        language=record.language,
        types=record.types,
    )


@dataclass(frozen=True, slots=True)
class SearchedRecord:
    """A record that a search found; ``filtered`` if all its entries in that search were."""

    search_id: int
    text: RecordText
    filtered: bool


def list_searched_records(session: ReadSession, review_id: int) -> list[SearchedRecord]:
    """Records by the searches that found them, without withdrawn files and the pool."""
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
            is_shown(Batch.intake_id),
        )
        .group_by(Batch.search_id, BatchEntry.record_id)
        .subquery()
    )
    rows = session.execute(
        select(*_COLUMNS, entries.c.search_id, entries.c.filtered)
        .join(entries, entries.c.record_id == RecordRow.id)
        .order_by(entries.c.search_id, RecordRow.id)
    )
    return [SearchedRecord(row.search_id, _text(row), bool(row.filtered)) for row in rows]


def list_titles(session: ReadSession, review_id: int) -> list[tuple[int, int, str]]:
    """Report id, record id and title of each record that counts and has a title."""
    rows = session.execute(
        select(RecordRow.report_id, RecordRow.id, RecordRow.title)
        .where(RecordRow.review_id == review_id, RecordRow.active.is_(True), RecordRow.title != "")
        .order_by(RecordRow.id)
    )
    return [(report_id, record_id, title) for report_id, record_id, title in rows if title]
