"""The import of a file in pieces that nobody sees: begun, filled, ended at once, or taken away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, delete, func, select, update

from store.core import audit
from store.core.errors import Conflict, NotFound
from store.core.session import ReadSession, WriteSession, execute_plain
from store.core.tables import (
    Batch,
    BatchEntry,
    BatchRaw,
    BatchRejected,
    Event,
    Intake,
    PairKey,
    RecordRow,
    Report,
    ReportState,
    Search,
    now,
)
from store.reports import counters
from store.reviews import changes, reviews
from store.searching import batches, ingest, pool_membership, search_days, searches
from store.searching.ingest import FileInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class NewImport:
    """A file to be imported.

    Attributes:
        request: how, as JSON.
        search_id: the search that it belongs to; None for a new one with ``search_fields``.
    """

    name: str
    sha256: str
    size: int
    request: Mapping[str, Any]
    search_id: int | None
    search_fields: Mapping[str, Any]


def create_import(
    session: WriteSession, review_id: int, new: NewImport, *, person_id: int | None, owner: str
) -> int:
    """Begin an import: its search and its file are there, and nobody sees them.

    Raises:
        NotFound: the review has no such search.
        ValueError: a field of the new search is unknown.
    """
    reviews.lock_review(session, review_id)
    intake = Intake(
        review_id=review_id,
        person_id=person_id,
        name=new.name,
        sha256=new.sha256,
        size=new.size,
        request=dict(new.request),
        state="under way",
        stage="bytes",
        owner=owner,
        heartbeat_at=now(),
    )
    session.add(intake)
    session.flush()
    search_id = new.search_id
    if search_id is None:
        search_id = searches.create_search(
            session, review_id, kind="file", person_id=person_id, fields=new.search_fields
        )
        session.execute(update(Search).where(Search.id == search_id).values(intake_id=intake.id))
    else:
        searches.get_search(session, review_id, search_id)
    file = FileInfo(
        name=new.name, sha256=new.sha256, size=new.size, format="", columns={}, notices=()
    )
    batch = ingest.create_batch(session, search_id, file, person_id=person_id, intake_id=intake.id)
    intake.batch_id = batch.id
    session.flush()
    return intake.id


def get_search_of(session: ReadSession, batch_id: int) -> tuple[int, str | None]:
    """The search that a file belongs to, seen or not, and the source stated for it."""
    row = session.execute(
        select(Search.id, Search.source)
        .join(Batch, Batch.search_id == Search.id)
        .where(Batch.id == batch_id)
    ).one()
    return row[0], row[1]


def count_pieces(session: ReadSession, batch_id: int) -> int:
    """How many pieces of a file's bytes are stored."""
    query = select(func.count()).select_from(BatchRaw).where(BatchRaw.batch_id == batch_id)
    return session.scalar(query) or 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a file says besides its entries.

    Attributes:
        search_fields: what the file states of its search, where nobody has.
        total: its entries.
    """

    format: str
    columns: Mapping[str, Any]
    notices: tuple[str, ...]
    search_fields: Mapping[str, Any]
    total: int


def store_head(session: WriteSession, intake_id: int, head: Head) -> None:
    """Keep what a file says besides its entries; its entries come next."""
    intake, batch = _rows(session, intake_id)
    batch.format, batch.columns, batch.notices = head.format, dict(head.columns), list(head.notices)
    if head.search_fields:
        session.execute(
            update(Search)
            .where(Search.id == batch.search_id, Search.intake_id == intake_id)
            .values(**head.search_fields)
        )
    intake.stage, intake.position, intake.total = "entries", 0, head.total
    session.flush()


# Built once: to build a statement takes longer than to run it.
_OF_INTAKE = update(Intake).where(Intake.id == bindparam("moved"))
_MOVE = _OF_INTAKE.values(position=bindparam("to"))
_MOVE_ON = _OF_INTAKE.values(position=bindparam("to"), stage=bindparam("next"))


def move(session: WriteSession, intake_id: int, *, position: int, stage: str | None = None) -> None:
    """Note how far an import has got, in the transaction that stores it."""
    values: dict[str, Any] = {"moved": intake_id, "to": position}
    if stage is None:
        execute_plain(session, _MOVE, values)
    else:
        execute_plain(session, _MOVE_ON, values | {"next": stage})


def update_membership(session: WriteSession, intake_id: int) -> bool:
    """Note whether a file belongs to the pool now; True if that has changed since it began.

    Its records have to be refreshed then, piece by piece.
    """
    _, batch = _rows(session, intake_id)
    search = session.get(Search, batch.search_id)
    assert search is not None
    batch.created_at = now()
    batch.searched_on = search_days.find_search_day(search.run_on, batch.created_at)
    membership = pool_membership.get_membership(session, batch.review_id)
    pooled = membership.is_pooled(search, batch.searched_on, batch.created_at)
    changed, batch.pooled = pooled != batch.pooled, pooled
    session.flush()
    return changed


def refresh_piece(session: WriteSession, batch_id: int, after: int, size: int) -> int | None:
    """Update which records of the next entries count; gives the last place, or None at the end."""
    positions = session.scalars(
        select(BatchEntry.position)
        .where(BatchEntry.batch_id == batch_id, BatchEntry.position > after)
        .order_by(BatchEntry.position)
        .limit(size)
    ).all()
    if not positions:
        return None
    batches.refresh_records(
        session,
        select(BatchEntry.record_id).where(
            BatchEntry.batch_id == batch_id, BatchEntry.position.in_(positions)
        ),
    )
    return positions[-1]


def end_import(session: WriteSession, intake_id: int) -> None:
    """Let everybody see an import: one short change, however many records it has."""
    intake, batch = _rows(session, intake_id)
    reviews.lock_review(session, intake.review_id)
    intake.state, intake.closed, intake.ended_at = "ended", False, now()
    intake.stage, intake.position = "statements", 0
    session.flush()
    changes.note_rule_change(session, intake.review_id)
    n_rejected = session.scalar(
        select(func.count()).select_from(BatchRejected).where(BatchRejected.batch_id == batch.id)
    )
    if not batch.pooled:
        reviews.request_ranking(session, intake.review_id)
    audit.append_event(
        session,
        "file.imported",
        review_id=intake.review_id,
        person_id=intake.person_id,
        detail={
            "file": batch.id,
            "search": batch.search_id,
            "name": intake.name,
            "sha256": intake.sha256,
            "records": (intake.total or 0) - (n_rejected or 0),
            "rejected": n_rejected or 0,
        },
    )


def finish_import(session: WriteSession, intake_id: int) -> None:
    """Nothing of an import is left to do; what it said of earlier records is used from now on."""
    _, batch = _rows(session, intake_id)
    # Otherwise the order and the figures made since the import was seen are still right.
    if batch.n_changed:
        changes.note_text_change(session, batch.review_id)
        if not batch.pooled:
            reviews.request_ranking(session, batch.review_id)
    session.execute(update(Intake).where(Intake.id == intake_id).values(state="done", owner=None))
    counters.fold_counts(session)


def leave_import(session: WriteSession, intake_id: int, *, reason: str, owner: str | None) -> None:
    """Begin to take an import away that failed or was cancelled; nobody has seen any of it."""
    intake, batch = _rows(session, intake_id)
    intake.state, intake.reason, intake.owner = "leaving", reason, owner
    batch.withdrawn_at = now()
    session.flush()


def cancel_import(
    session: WriteSession, review_id: int, intake_id: int, *, person_id: int | None, reason: str
) -> None:
    """Stop an import because a person asks for it; it is then taken away.

    Raises:
        NotFound: the review has no such import.
        Conflict: its records are in the review already, or it is being taken away.
    """
    intake = session.get(Intake, intake_id, with_for_update=True)
    if intake is None or intake.review_id != review_id:
        raise NotFound(f"there is no import {intake_id} in this review")
    if intake.state != "under way":
        ended = intake.state in ("ended", "done")
        raise Conflict(
            f"import {intake_id} has ended; withdraw its file instead"
            if ended
            else f"import {intake_id} has already failed or been cancelled"
        )
    leave_import(session, intake_id, reason=reason, owner=None)
    intake.stage = "cancelled"
    audit.append_event(
        session,
        "import.cancelled",
        review_id=review_id,
        person_id=person_id,
        detail={"import": intake_id, "name": intake.name},
    )


def remove_piece(session: WriteSession, intake_id: int, size: int) -> bool:
    """Take away the next part of an import that failed or was cancelled; False at its end.

    Records that another file or page has by now stay. The last part leaves only the log.
    """
    intake = session.get(Intake, intake_id)
    assert intake is not None
    batch_id = intake.batch_id
    if batch_id is None:
        return False
    reviews.lock_review(session, intake.review_id)
    entries = session.execute(
        select(BatchEntry.position, BatchEntry.record_id)
        .where(BatchEntry.batch_id == batch_id)
        .order_by(BatchEntry.position)
        .limit(size)
    ).all()
    if entries:
        _remove_entries(session, intake_id, batch_id, [(row[0], row[1]) for row in entries])
        return True
    for table, place in ((BatchRejected, BatchRejected.position), (BatchRaw, BatchRaw.piece)):
        limit = size if table is BatchRejected else 1
        first = select(place).where(table.batch_id == batch_id).order_by(place).limit(limit)
        places = session.scalars(first).all()
        if places:
            session.execute(delete(table).where(table.batch_id == batch_id, place.in_(places)))
            return True
    session.execute(delete(Batch).where(Batch.id == batch_id))
    session.execute(delete(Search).where(Search.intake_id == intake_id))
    intake.batch_id, intake.owner, intake.ended_at = None, None, now()
    intake.state = "cancelled" if intake.stage == "cancelled" else "failed"
    intake.closed = False
    if intake.state == "failed":
        audit.append_event(
            session,
            "import.failed",
            review_id=intake.review_id,
            person_id=intake.person_id,
            detail={"import": intake_id, "name": intake.name, "reason": intake.reason},
        )
    return False


def _remove_entries(
    session: WriteSession, intake_id: int, batch_id: int, entries: list[tuple[int, int]]
) -> None:
    positions, ids = [at for at, _ in entries], {record_id for _, record_id in entries}
    session.execute(
        delete(BatchEntry).where(
            BatchEntry.batch_id == batch_id, BatchEntry.position.in_(positions)
        )
    )
    kept = set(session.scalars(select(BatchEntry.record_id).where(BatchEntry.record_id.in_(ids))))
    own = ids - kept
    if own:
        reports = session.scalars(
            select(RecordRow.own_report_id).where(RecordRow.id.in_(own))
        ).all()
        session.execute(delete(Event).where(Event.record_id.in_(own)))
        session.execute(delete(PairKey).where(PairKey.record_id.in_(own)))
        session.execute(delete(RecordRow).where(RecordRow.id.in_(own)))
        session.execute(delete(ReportState).where(ReportState.report_id.in_(reports)))
        session.execute(delete(Report).where(Report.id.in_(reports)))
    if kept:
        batches.refresh_records(session, select(RecordRow.id).where(RecordRow.id.in_(kept)))


def _rows(session: WriteSession, intake_id: int) -> tuple[Intake, Batch]:
    intake = session.get(Intake, intake_id)
    assert intake is not None
    batch = session.get(Batch, intake.batch_id)
    assert batch is not None
    return intake, batch
