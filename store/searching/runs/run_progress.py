"""Runs under way: which worker owns them, the pages they store, and how they stop and resume."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update

from store.core import audit, leases, raw
from store.core.errors import Conflict, LeaseLost, NotFound
from store.core.session import ReadSession, WriteSession
from store.core.tables import Run, Search, now
from store.searching import ingest
from store.searching.ingest import BatchContent, FileInfo
from store.searching.runs.runs import RunInfo


def get_due_sources(session: ReadSession) -> dict[int, str]:
    """Runs that need a worker, each with the short name of its source."""
    rows = session.execute(
        select(Run.id, Search.source_name, Run.state, Run.owner, Run.heartbeat_at)
        .join(Search, Search.id == Run.search_id)
        .where(Run.state.in_(("waiting", "running")))
        .order_by(Run.id)
    )
    return {
        number: source or ""
        for number, source, state, owner, heartbeat_at in rows
        if state == "waiting" or leases.is_free(owner, heartbeat_at)
    }


def claim_run(session: WriteSession, run_id: int, owner: str, *, due_only: bool) -> bool:
    """Take a run over; a worker that had it before can no longer write anything of it.

    Args:
        session: a transaction that writes.
        run_id: the run.
        owner: a name that only the claiming worker uses.
        due_only: claim it only if no worker has it.

    Returns:
        Whether the worker owns it now.

    Raises:
        NotFound: there is no such run.
        Conflict: it has ended.
    """
    row = session.get(Run, run_id, with_for_update=True)
    if row is None:
        raise NotFound(f"there is no run {run_id}")
    if row.state in ("complete", "incomplete"):
        raise Conflict(f"run {run_id} has ended: {row.state}")
    lost = row.state == "running" and leases.is_free(row.owner, row.heartbeat_at)
    if due_only and row.state != "waiting" and not lost:
        return False
    row.owner, row.heartbeat_at, row.state, row.stop_reason = owner, now(), "running", None
    return True


def lock_owned_run(session: WriteSession, run_id: int, owner: str) -> Run:
    """The run, locked, for the worker that owns it; note that it is still alive.

    Raises:
        NotFound: there is no such run.
        LeaseLost: another worker took it over, or somebody stopped it.
    """
    row = session.get(Run, run_id, with_for_update=True)
    if row is None:
        raise NotFound(f"there is no run {run_id}")
    if row.owner != owner or row.state != "running":
        raise LeaseLost(f"run {run_id} was taken over or stopped by somebody else")
    row.heartbeat_at = now()
    session.flush()
    return row


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What a source said when the run's queries were opened.

    Attributes:
        reported: how many hits the source reported.
        at_most: whether ``reported`` is a sum over queries that may share hits.
        understood: the query as the source understood it.
        cursor: where the first page starts; None if there are no hits.
    """

    reported: int
    at_most: bool
    understood: str
    warnings: Sequence[Mapping[str, str]]
    notices: Sequence[str]
    cursor: Mapping[str, Any] | None


def record_opening(session: WriteSession, run_id: int, owner: str, opening: Opening) -> None:
    """Keep what the source said about the queries, and where the first page starts.

    Raises:
        LeaseLost: another worker took the run over, or somebody stopped it.
    """
    row = lock_owned_run(session, run_id, owner)
    row.opened_at, row.reported, row.at_most = now(), opening.reported, opening.at_most
    row.understood = opening.understood
    row.warnings, row.notices = list(opening.warnings), list(opening.notices)
    row.cursor = None if opening.cursor is None else dict(opening.cursor)
    if row.mode == "whole":
        # Other runs ask for changes only; a search's figures are those of its last whole run.
        session.execute(
            update(Search)
            .where(Search.id == row.search_id)
            .values(reported=opening.reported, run_on=row.until or now().date().isoformat())
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPage:
    """A page of a run to be stored.

    Attributes:
        file: what is kept about the page; its name, run, number and day are filled in here.
        body: the bytes as they came.
        content: what was read from them.
        gold_filtered: ids of known relevant records among those filtered.
        cursor: where the next page starts; None after the last one.
    """

    file: FileInfo
    body: bytes
    content: BatchContent
    gold_filtered: Iterable[int]
    cursor: Mapping[str, Any] | None


def add_page(session: WriteSession, run: RunInfo, owner: str, page: NewPage) -> int:
    """Store a page's bytes, its entries and the next cursor in one transaction.

    Returns:
        The page's number.

    Raises:
        LeaseLost: another worker took the run over; nothing is stored.
    """
    row = lock_owned_run(session, run.id, owner)
    records, rejected = tuple(page.content.records), tuple(page.content.rejected)
    row.pages += 1
    row.received += len(records) + len(rejected)
    row.cursor = None if page.cursor is None else dict(page.cursor)
    # A malformed page is asked for again, so it leaves no gap.
    if page.file.problem and page.file.columns.get("kind") != "malformed":
        row.problems = [*row.problems, f"page {row.pages}: {page.file.problem}"]
    row.gold_filtered = sorted({*row.gold_filtered, *page.gold_filtered})
    file = dataclasses.replace(
        page.file,
        name=f"{run.source}, run {run.id}, page {row.pages}",
        run_id=run.id,
        number=row.pages,
        searched_on=row.until,
    )
    content = BatchContent(records, rejected, page.content.filtered)
    batch_id = ingest.add_page(session, run.search_id, file, content, person_id=run.person_id)
    raw.store_batch(session, batch_id, [page.body])
    return row.pages


def move_cursor(session: WriteSession, run_id: int, owner: str, cursor: Mapping[str, Any]) -> None:
    """Note more about the place where a run continues.

    Raises:
        LeaseLost: another worker took the run over, or somebody stopped it.
    """
    lock_owned_run(session, run_id, owner).cursor = dict(cursor)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewStart:
    """A walk that begins again, because the source no longer knew the place.

    Attributes:
        cursor: where it begins.
        repeated: entries that it has received already and will receive again.
        reason: what the source said.
    """

    cursor: Mapping[str, Any]
    repeated: int
    reason: str


def begin_again(session: WriteSession, run_id: int, owner: str, start: NewStart) -> None:
    """Let a run's walk begin again from the start of a list; what was stored stays.

    Raises:
        LeaseLost: another worker took the run over, or somebody stopped it.
    """
    row = lock_owned_run(session, run_id, owner)
    row.cursor = dict(start.cursor)
    row.repeated += start.repeated
    entry = (
        f"{now():%Y-%m-%d %H:%M} UTC, after page {row.pages}: the source no longer knew the place "
        f"to continue from ({start.reason}). The list was read again from its start. Records that "
        "had come already count once."
    )
    row.log = [*row.log, entry]


def halt_run(session: WriteSession, run_id: int, owner: str, *, state: str, reason: str) -> None:
    """Stop a run that can be resumed: ``blocked``, ``stopped``, ``failed`` or ``waiting``."""
    row = session.get(Run, run_id, with_for_update=True)
    if row is None or row.owner != owner or row.state != "running":
        return
    row.state, row.stop_reason, row.owner = state, reason, None


def stop_run(session: WriteSession, run_id: int, review_id: int, *, person_id: int | None) -> None:
    """Stop a run on a person's word; its worker is refused at the next page.

    Raises:
        NotFound: the review has no such run.
        Conflict: it is not under way.
    """
    row = session.get(Run, run_id, with_for_update=True)
    if row is None or row.review_id != review_id:
        raise NotFound(f"there is no run {run_id} in this review")
    if row.state not in ("waiting", "running"):
        raise Conflict(f"run {run_id} is not running: {row.state}")
    row.state, row.owner, row.stop_reason = "stopped", None, "stopped by a person"
    audit.append_event(
        session, "run.stopped", review_id=review_id, person_id=person_id, detail={"run": run_id}
    )


def restart_run(session: WriteSession, run_id: int, review_id: int) -> None:
    """Let a run that was stopped, blocked or failed wait for a worker again.

    Raises:
        NotFound: the review has no such run.
        Conflict: it is under way or has ended.
    """
    row = session.get(Run, run_id, with_for_update=True)
    if row is None or row.review_id != review_id:
        raise NotFound(f"there is no run {run_id} in this review")
    if row.state not in ("stopped", "blocked", "failed"):
        raise Conflict(f"run {run_id} cannot be resumed: {row.state}")
    row.state, row.owner = "waiting", None


def add_to_night(session: WriteSession, run_id: int, night_id: int) -> None:
    """Let an unfinished run wait for a worker again, as a run of this night."""
    row = session.get(Run, run_id, with_for_update=True)
    assert row is not None
    row.night_id, row.state, row.owner = night_id, "waiting", None
