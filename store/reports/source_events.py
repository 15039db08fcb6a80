"""Events from sources: notices, changed fields, and records that vanish or return."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import func, insert, select

from harvest.record import StatusNotice
from store.core.chunks import CHUNK, batched
from store.core.session import ReadSession, WriteSession
from store.core.tables import Batch, Event, RecordRow, Run, now

_LONGEST_KEY = 200
# How much of a changed text an event shows, in characters from its beginning.
_EXCERPT = 2000


def _key(notice: str | None) -> str:
    key = notice or ""
    return key if len(key) <= _LONGEST_KEY else hashlib.sha256(key.encode()).hexdigest()


def _add(session: WriteSession, rows: Sequence[dict[str, Any]]) -> None:
    """Add events that do not exist yet. The caller holds the lock of the review."""
    for part in batched(rows, CHUNK):
        ids = {row["record_id"] for row in part}
        existing = set(
            session.execute(
                select(Event.record_id, Event.kind, Event.key).where(Event.record_id.in_(ids))
            )
        )
        by_key = {(row["record_id"], row["kind"], row["key"]): row for row in part}
        new = [row for key, row in by_key.items() if key not in existing]
        if new:
            session.execute(insert(Event), new)


def add_notice_events(
    session: WriteSession, batch: Batch, notices: Iterable[tuple[int, str, Sequence[StatusNotice]]]
) -> None:
    """Raise events for the notices that sources publish about reports.

    Args:
        session: a writing session that holds the lock of the review.
        batch: the file or page with the notices.
        notices: record id, source and the notices about the record.
    """
    moment = now()
    _add(
        session,
        [
            {
                "review_id": batch.review_id,
                "record_id": record_id,
                "kind": status.kind,
                "key": _key(status.pmid or status.doi or status.notice),
                "source": source,
                "batch_id": batch.id,
                "run_id": batch.run_id,
                "detail": {"notice": status.notice, "pmid": status.pmid, "doi": status.doi},
                "at": moment,
            }
            for record_id, source, status_notices in notices
            for status in status_notices
        ],
    )


def add_change_event(
    session: WriteSession,
    batch: Batch,
    row: RecordRow,
    fields: Mapping[str, tuple[Any, Any]],
) -> None:
    """Raise an event because a source has changed what it says about a record.

    Args:
        session: a writing session that holds the lock of the review.
        batch: the file or page with the change.
        row: the record.
        fields: for each changed field, the value before and after.
    """
    after = json.dumps({name: after for name, (_, after) in sorted(fields.items())})
    excerpts = {
        name: {"before": _excerpt(before), "after": _excerpt(after)}
        for name, (before, after) in fields.items()
    }
    earlier = session.scalar(
        select(func.count())
        .select_from(Event)
        .where(Event.record_id == row.id, Event.kind == "changed")
    )
    # A text can change, change back, and change again: each time is a separate event.
    key = f"{earlier or 0}:{hashlib.sha256(after.encode()).hexdigest()}"
    event = {
        "review_id": batch.review_id,
        "record_id": row.id,
        "kind": "changed",
        "key": key,
        "source": row.source,
        "batch_id": batch.id,
        "run_id": batch.run_id,
        "detail": {"fields": excerpts},
        "at": now(),
    }
    _add(session, [event])


def _excerpt(value: Any) -> Any:
    return value[:_EXCERPT] if isinstance(value, str) else value


def add_presence_events(
    session: WriteSession, run: Run, source: str, *, gone: Iterable[int], came: Iterable[int]
) -> None:
    """Raise an event for each record that a complete run misses, or finds again.

    Args:
        session: a writing session that holds the lock of the review.
        run: the run, which read every page of its search.
        source: its source.
        gone: records that earlier runs of the same search found and this one did not.
        came: records that this one found.
    """
    gone, came = sorted(set(gone)), sorted(set(came))
    last = _get_last_presence(session, [*gone, *came])
    rows = [("vanished", number) for number in gone if last.get(number) != "vanished"]
    rows += [("returned", number) for number in came if last.get(number) == "vanished"]
    _add(
        session,
        [
            {
                "review_id": run.review_id,
                "record_id": record_id,
                "kind": kind,
                "key": str(run.id),
                "source": source,
                "batch_id": None,
                "run_id": run.id,
                "detail": {},
                "at": now(),
            }
            for kind, record_id in rows
        ],
    )


def _get_last_presence(session: ReadSession, record_ids: Sequence[int]) -> dict[int, str]:
    """The latest of the events "vanished" and "returned", by record id."""
    kinds: dict[int, str] = {}
    for part in batched(record_ids, CHUNK):
        rows = session.execute(
            select(Event.record_id, Event.kind)
            .where(Event.record_id.in_(part), Event.kind.in_(("vanished", "returned")))
            .order_by(Event.id)
        )
        kinds.update({row[0]: row[1] for row in rows})
    return kinds
