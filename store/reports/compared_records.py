"""What is compared of a record: read quickly, and seen to be unchanged without being parsed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import JSON, Text, select, type_coerce

from harvest.record import Author, Record
from store.core.chunks import CHUNK, batched
from store.core.session import ReadSession
from store.core.tables import RecordRow

# Fields that are compared. Whole rows take five times as long to read.
_COMPARED: Final = (
    *("title", "abstract", "year", "venue", "volume", "issue", "pages", "doi", "pmid"),
    *("authors", "types"),
)
# The values of these fields as the driver gives them: lists may be JSON text.
ComparedValues = tuple[Any, ...]


def _select_compared() -> Any:
    columns = (getattr(RecordRow, name) for name in _COMPARED)
    return select(
        RecordRow.id,
        # Most values are only looked at to see whether they have changed, so JSON stays as it is.
        *(type_coerce(each, Text) if isinstance(each.type, JSON) else each for each in columns),
    )


def get_compared_record(values: ComparedValues) -> Record:
    """A record with the fields that are compared, as its file was parsed."""
    *plain, authors, types = values
    if isinstance(authors, str):
        authors, types = json.loads(authors), json.loads(types)
    return Record(
        0,
        **dict(zip(_COMPARED, plain, strict=False)),
        authors=tuple(Author(name, collective) for name, collective in authors),
        types=tuple(types),
    )


def list_next_uncompared(
    session: ReadSession, review_id: int, *, limit: int
) -> dict[int, ComparedValues]:
    """What is compared of the oldest records that have not been compared yet, by id."""
    rows = session.execute(
        _select_compared()
        .where(RecordRow.review_id == review_id, RecordRow.paired.is_(False))
        .order_by(RecordRow.id)
        .limit(limit)
    )
    return {row[0]: tuple(row[1:]) for row in rows}


def get_parsed_records(session: ReadSession, record_ids: Iterable[int]) -> dict[int, Record]:
    """Records by id, as their files were parsed, with the fields that are compared."""
    records: dict[int, Record] = {}
    for part in batched(record_ids, CHUNK):
        for row in session.execute(_select_compared().where(RecordRow.id.in_(part))):
            records[row[0]] = get_compared_record(tuple(row[1:]))
    return records
