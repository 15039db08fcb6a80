"""What is compared of a record: read quickly, and seen to be unchanged without being parsed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import JSON, BindParameter, Text, bindparam, select, type_coerce, update

from harvest.record import Author, Record
from store.core.chunks import CHUNK, batched
from store.core.new_rows import table_of
from store.core.session import ReadSession, WriteSession, execute_plain
from store.core.tables import RecordRow
from store.reports.pairs import uncompared
from store.reviews import changes

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


_NEXT: Final = (
    _select_compared()
    .where(RecordRow.review_id == bindparam("of_review"), *uncompared())
    .order_by(RecordRow.id)
    .limit(bindparam("most"))
)
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_BY_ID: Final = _select_compared().where(RecordRow.id.in_(_IDS))
_NEXT_IDS: Final = (
    select(RecordRow.id)
    .where(RecordRow.review_id == bindparam("of_review"), *uncompared())
    .order_by(RecordRow.id)
    .limit(bindparam("most"))
)
_MARK_COMPARED: Final = (
    update(table_of(RecordRow)).where(RecordRow.id.in_(_IDS)).values(paired=True)
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
    rows = execute_plain(session, _NEXT, {"of_review": review_id, "most": limit})
    return {row[0]: tuple(row[1:]) for row in rows}


def list_uncompared_ids(session: ReadSession, review_id: int, *, limit: int) -> list[int]:
    """The oldest records that have not been compared yet."""
    rows = execute_plain(session, _NEXT_IDS, {"of_review": review_id, "most": limit})
    return list(rows.scalars())


def mark_compared(session: WriteSession, review_id: int, record_ids: Sequence[int]) -> None:
    """Record that these records, as they are now, have been compared with the others."""
    # Figures say how many wait; no state of a report changes.
    changes.next_state_change(session, review_id)
    for part in batched(record_ids, CHUNK):
        execute_plain(session, _MARK_COMPARED, {"ids": part})


def get_parsed_records(session: ReadSession, record_ids: Iterable[int]) -> dict[int, Record]:
    """Records by id, as their files were parsed, with the fields that are compared."""
    records: dict[int, Record] = {}
    for part in batched(record_ids, CHUNK):
        for row in execute_plain(session, _BY_ID, {"ids": part}):
            records[row[0]] = get_compared_record(tuple(row[1:]))
    return records
