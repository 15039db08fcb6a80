"""What entries of an imported file say about records, added once the import has ended."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select, update

from store.core.session import ReadSession, WriteSession
from store.core.tables import Batch, BatchEntry, RecordRow
from store.reviews import reviews
from store.searching import record_rows
from store.searching.record_rows import KeyedRecord


def find_stating(session: ReadSession, batch_id: int) -> set[int]:
    """Positions of a file's entries whose record was known before them."""
    query = select(BatchEntry.position).where(
        BatchEntry.batch_id == batch_id, BatchEntry.fate != "new"
    )
    return set(session.scalars(query))


def add_statements(session: WriteSession, batch_id: int, records: Sequence[KeyedRecord]) -> None:
    """Add what entries of an imported file say about records: empty fields, changes and notices.

    An entry is *changed* if it filled a field of a record that was known before it.
    """
    batch = session.get(Batch, batch_id)
    assert batch is not None
    reviews.lock_review(session, batch.review_id)
    session.refresh(batch)
    rows = _get_rows(session, batch_id, [record.record.position for record in records])
    for record in records:
        position = record.record.position
        row = rows.get(position)
        if row is not None and record_rows.update_from(session, batch, row, record):
            session.execute(
                update(BatchEntry)
                .where(
                    BatchEntry.batch_id == batch_id,
                    BatchEntry.position == position,
                    BatchEntry.fate == "same",
                )
                .values(fate="changed")
            )
    session.flush()


def _get_rows(
    session: ReadSession, batch_id: int, positions: Sequence[int]
) -> dict[int, RecordRow]:
    """Rows of the records at some places of a file, by place."""
    found = session.execute(
        select(BatchEntry.position, RecordRow)
        .join(RecordRow, RecordRow.id == BatchEntry.record_id)
        .where(BatchEntry.batch_id == batch_id, BatchEntry.position.in_(positions))
    )
    return {row[0]: row[1] for row in found}
