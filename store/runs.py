"""Runs of harvests: where each stands, and the pages it brought."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, func, select, update

from harvest.record import Rejected
from store import audit, filing, raw, reviews, run_pages, searches
from store.errors import Conflict, NotFound
from store.filing import FileInfo, Keyed
from store.run_outlines import CUT, is_cut
from store.session import ReadSession, WriteSession
from store.tables import (
    Batch,
    BatchEntry,
    BatchRejected,
    Identity,
    Run,
    Search,
    StrategyRow,
    now,
)

# A run of which nothing was heard for so long was left by whoever walked it.
SILENT = dt.timedelta(seconds=90)
OPEN = ("waiting", "running", "blocked", "stopped", "failed")
# What an entry is rejected for that the source listed and did not give.
MISSING = "asked for and not returned"


@dataclass(frozen=True, slots=True)
class RunInfo:
    """A run and its reconciliation.

    Attributes:
        state: ``waiting``, ``running``, ``blocked`` (a warning waits for a person), ``stopped``,
            ``failed``, ``complete`` or ``incomplete``.
        held: it has ended, and its records wait since a known relevant one was filtered.
        reported: hits that the source reported; ``at_most`` where queries overlap.
        received: entries of all pages, ``unique`` records among them; the other counts are fates.
        missing: entries that the source listed and did not give; they are among ``rejected``.
        mode: ``whole`` asks for everything, ``changes`` for what the source has indexed from day
            ``since`` to day ``until``.
        until: of a whole run the day that it began.
        pooled: its records wait in the pool.
    """

    id: int
    review_id: int
    search_id: int
    source: str
    strategy_id: int
    version: int
    line: str
    state: str
    held: bool
    queries: tuple[str, ...]
    losses: tuple[Mapping[str, Any], ...]
    understood: str | None
    reported: int | None
    at_most: bool
    opened: bool
    warnings: tuple[Mapping[str, str], ...]
    notices: tuple[str, ...]
    cursor: Mapping[str, Any] | None
    pages: int
    received: int
    unique: int
    new: int
    changed: int
    same: int
    filtered: int
    rejected: int
    missing: int
    problems: tuple[str, ...]
    gold_filtered: tuple[int, ...]
    stop_reason: str | None
    released_reason: str | None
    owner: str | None
    heartbeat_at: dt.datetime | None
    started_at: dt.datetime
    ended_at: dt.datetime | None
    person: str | None
    person_id: int | None
    mode: str = "whole"
    since: str | None = None
    until: str | None = None
    night_id: int | None = None
    pooled: bool = False

    @property
    def cut(self) -> bool:
        """Whether it was ended before its end: what it did not bring is asked for again."""
        return is_cut(self.problems)

    @property
    def good(self) -> bool:
        """Whether it went through all that it asked for."""
        return self.state in ("complete", "incomplete") and not self.cut

    @property
    def shortfall(self) -> int:
        """Hits that were reported and did not come as records or rejected entries."""
        came = (self.received if self.at_most else self.unique + self.rejected) - self.missing
        return max(0, (self.reported or 0) - came)


def create(
    session: WriteSession,
    review_id: int,
    *,
    source: str,
    strategy_id: int,
    line: str,
    queries: Sequence[str],
    losses: Sequence[Mapping[str, Any]],
    fields: Mapping[str, Any],
    person_id: int | None,
    mode: str = "whole",
    since: dt.date | None = None,
    until: dt.date | None = None,
    night_id: int | None = None,
) -> int:
    """A run that waits for its worker; it joins the search of the same version at the same source.

    Args:
        session: a transaction that writes.
        review_id: the review.
        source: the source's short name.
        strategy_id: the strategy version.
        line: its line.
        queries: what will be sent.
        losses: what the translation lost, as JSON.
        fields: what is stated of a new search.
        person_id: who starts it; None for the schedule.
        mode: ``whole`` or ``changes``.
        since: first day of what is asked for in ``changes``.
        until: the day of the run; None: today.
        night_id: the night that it belongs to.

    Raises:
        Conflict: another run of the same search has not ended.
    """
    search_id = session.scalar(
        select(Search.id)
        .where(
            Search.review_id == review_id,
            Search.kind == "api",
            Search.strategy_id == strategy_id,
            Search.source_name == source,
            Search.line == line,
        )
        .order_by(Search.id.desc())
        .limit(1)
    )
    if search_id is None:
        search_id = searches.create(
            session, review_id, kind="api", person_id=person_id, fields=fields
        )
        session.execute(
            update(Search)
            .where(Search.id == search_id)
            .values(strategy_id=strategy_id, source_name=source, line=line)
        )
    open_run = session.scalar(
        select(Run.id).where(Run.search_id == search_id, Run.state.in_(OPEN)).limit(1)
    )
    if open_run is not None:
        raise Conflict(f"run {open_run} of this search has not ended; resume it")
    row = Run(
        review_id=review_id,
        search_id=search_id,
        state="waiting",
        queries=list(queries),
        losses=list(losses),
        person_id=person_id,
        mode=mode,
        since=since.isoformat() if since else None,
        until=(until or now().date()).isoformat(),
        night_id=night_id,
    )
    session.add(row)
    session.flush()
    return row.id


def _row(session: ReadSession, run_id: int) -> Run:
    row = session.get(Run, run_id)
    if row is None:
        raise NotFound(f"there is no run {run_id}")
    return row


def by_id(session: ReadSession, run_id: int, review_id: int | None = None) -> RunInfo:
    """One run.

    Raises:
        NotFound: there is none of that number in the review.
    """
    found = _infos(session, Run.id == run_id)
    if not found or review_id not in (None, found[0].review_id):
        raise NotFound(f"there is no run {run_id} in this review")
    return found[0]


def everything(session: ReadSession, review_id: int, *, limit: int | None = None) -> list[RunInfo]:
    """Runs of a review, oldest first: all of them, or the newest so many."""
    if limit is None:
        return _infos(session, Run.review_id == review_id)
    newest = select(Run.id).where(Run.review_id == review_id).order_by(Run.id.desc()).limit(limit)
    return _infos(session, Run.id.in_(session.scalars(newest).all()))


def _infos(session: ReadSession, condition: Any) -> list[RunInfo]:
    fates = ("new", "changed", "same", "filtered")
    counted = (
        select(
            Batch.run_id,
            func.count(func.distinct(BatchEntry.record_id)).label("records"),
            *(func.sum(case((BatchEntry.fate == fate, 1), else_=0)).label(fate) for fate in fates),
        )
        .join(BatchEntry, BatchEntry.batch_id == Batch.id)
        .join(Run, Run.id == Batch.run_id)
        .where(condition)
        .group_by(Batch.run_id)
        .subquery()
    )
    in_pool = (
        select(Batch.run_id, func.max(case((Batch.pooled.is_(True), 1), else_=0)).label("pooled"))
        .join(Run, Run.id == Batch.run_id)
        .where(condition)
        .group_by(Batch.run_id)
        .subquery()
    )
    lost = (
        select(
            Batch.run_id,
            func.count().label("rejected"),
            func.sum(case((BatchRejected.reason == MISSING, 1), else_=0)).label("missing"),
        )
        .join(BatchRejected, BatchRejected.batch_id == Batch.id)
        .join(Run, Run.id == Batch.run_id)
        .where(condition)
        .group_by(Batch.run_id)
        .subquery()
    )
    rows = session.execute(
        select(
            Run,
            Search,
            StrategyRow.version,
            Identity.name,
            func.coalesce(counted.c.records, 0),
            *(func.coalesce(counted.c[fate], 0) for fate in fates),
            func.coalesce(lost.c.rejected, 0),
            func.coalesce(lost.c.missing, 0),
            func.coalesce(in_pool.c.pooled, 0),
        )
        .join(Search, Search.id == Run.search_id)
        .join(StrategyRow, StrategyRow.id == Search.strategy_id)
        .outerjoin(counted, counted.c.run_id == Run.id)
        .outerjoin(lost, lost.c.run_id == Run.id)
        .outerjoin(in_pool, in_pool.c.run_id == Run.id)
        .outerjoin(Identity, Identity.person_id == Run.person_id)
        .where(condition)
        .order_by(Run.id)
    )
    return [_info(*row) for row in rows]


def _info(
    row: Run,
    search: Search,
    version: int,
    person: str | None,
    unique: int,
    new: int,
    changed: int,
    same: int,
    filtered: int,
    rejected: int,
    missing: int,
    pooled: int,
) -> RunInfo:
    return RunInfo(
        id=row.id,
        review_id=row.review_id,
        search_id=row.search_id,
        source=search.source_name or "",
        strategy_id=search.strategy_id or 0,
        version=version,
        line=search.line or "",
        state=row.state,
        held=row.held,
        queries=tuple(row.queries),
        losses=tuple(row.losses),
        understood=row.understood,
        reported=row.reported,
        at_most=row.at_most,
        opened=row.opened_at is not None,
        warnings=tuple(row.warnings),
        notices=tuple(row.notices),
        cursor=row.cursor,
        pages=row.pages,
        received=row.received,
        unique=unique,
        new=int(new),
        changed=int(changed),
        same=int(same),
        filtered=int(filtered),
        rejected=rejected,
        missing=int(missing),
        problems=tuple(row.problems),
        gold_filtered=tuple(row.gold_filtered),
        stop_reason=row.stop_reason,
        released_reason=row.released_reason,
        owner=row.owner,
        heartbeat_at=row.heartbeat_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        person=person,
        person_id=row.person_id,
        mode=row.mode,
        since=row.since,
        until=row.until,
        night_id=row.night_id,
        pooled=bool(pooled),
    )


def due(session: ReadSession) -> list[int]:
    """Runs that a worker should walk: the waiting, and those that somebody left."""
    return list(due_at(session))


def due_at(session: ReadSession) -> dict[int, str]:
    """The same, each with its source."""
    silent = (Run.state == "running") & (
        Run.heartbeat_at.is_(None) | (Run.heartbeat_at < now() - SILENT)
    )
    rows = session.execute(
        select(Run.id, Search.source_name)
        .join(Search, Search.id == Run.search_id)
        .where((Run.state == "waiting") | silent)
        .order_by(Run.id)
    )
    return {number: source or "" for number, source in rows}


def claim(session: WriteSession, run_id: int, owner: str, *, due_only: bool) -> bool:
    """Take a run over; another who walks it is refused at the next page.

    Args:
        session: a transaction that writes.
        run_id: the run.
        owner: a word of the claimant's own.
        due_only: only if nobody walks it.

    Returns:
        Whether it is the claimant's now.

    Raises:
        NotFound: there is no such run.
        Conflict: it has ended.
    """
    row = session.get(Run, run_id, with_for_update=True)
    if row is None:
        raise NotFound(f"there is no run {run_id}")
    if row.state in ("complete", "incomplete"):
        raise Conflict(f"run {run_id} has ended: {row.state}")
    alive = row.heartbeat_at is not None and row.heartbeat_at > now() - SILENT
    if due_only and row.state != "waiting" and (row.state != "running" or alive):
        return False
    row.owner, row.heartbeat_at, row.state, row.stop_reason = owner, now(), "running", None
    return True


def _mine(session: WriteSession, run_id: int, owner: str) -> Run:
    row = session.get(Run, run_id, with_for_update=True)
    if row is None:
        raise NotFound(f"there is no run {run_id}")
    if row.owner != owner or row.state != "running":
        raise Conflict(f"run {run_id} was taken over or stopped by somebody else")
    row.heartbeat_at = now()
    return row


def opened(
    session: WriteSession,
    run_id: int,
    owner: str,
    *,
    reported: int,
    at_most: bool,
    understood: str,
    warnings: Sequence[Mapping[str, str]],
    notices: Sequence[str],
    cursor: Mapping[str, Any] | None,
) -> None:
    """Keep what the source says of the query, and where the walk begins."""
    row = _mine(session, run_id, owner)
    row.opened_at, row.reported, row.at_most = now(), reported, at_most
    row.understood, row.warnings, row.notices = understood, list(warnings), list(notices)
    row.cursor = None if cursor is None else dict(cursor)
    if row.mode == "whole":
        # What a night asks for is a part; the search's figures are of the last time it was whole.
        session.execute(
            update(Search)
            .where(Search.id == row.search_id)
            .values(reported=reported, run_on=row.until or now().date().isoformat())
        )


def beat(session: WriteSession, run_id: int, owner: str) -> None:
    """Say that the run is walked still.

    Raises:
        Conflict: somebody else took it over, or stopped it.
    """
    _mine(session, run_id, owner)


def add_page(
    session: WriteSession,
    run: RunInfo,
    owner: str,
    page: FileInfo,
    body: bytes,
    entries: Sequence[Keyed],
    rejected: Sequence[Rejected],
    *,
    filtered: Iterable[int],
    gold_filtered: Iterable[int],
    cursor: Mapping[str, Any] | None,
) -> int:
    """Store a page as it came, what was read of it, and where the walk goes on, at once.

    Returns:
        The page's number.

    Raises:
        Conflict: somebody else took the run over; nothing is stored.
    """
    row = _mine(session, run.id, owner)
    row.pages += 1
    row.received += len(entries) + len(rejected)
    row.cursor = None if cursor is None else dict(cursor)
    # A page that could not be read and is asked for again leaves no gap by itself.
    if page.problem and page.columns.get("kind") != "malformed":
        row.problems = [*row.problems, f"page {row.pages}: {page.problem}"]
    row.gold_filtered = sorted({*row.gold_filtered, *gold_filtered})
    numbered = FileInfo(
        name=f"{run.source}, run {run.id}, page {row.pages}",
        sha256=page.sha256,
        size=page.size,
        format=page.format,
        columns=page.columns,
        notices=page.notices,
        run_id=run.id,
        number=row.pages,
        problem=page.problem,
        searched_on=row.until,
    )
    batch_id = filing.add_page(
        session,
        run.review_id,
        run.search_id,
        numbered,
        entries,
        rejected,
        filtered=frozenset(filtered),
        person_id=run.person_id,
    )
    raw.keep_batch(session, batch_id, [body])
    return row.pages


def halt(
    session: WriteSession, run_id: int, owner: str, *, state: str, reason: str, remedy: str = ""
) -> None:
    """Stop a run that can be resumed: ``blocked``, ``stopped``, ``failed`` or ``waiting``."""
    row = session.get(Run, run_id, with_for_update=True)
    if row is None or row.owner != owner or row.state != "running":
        return
    row.state, row.stop_reason, row.owner = state, f"{reason} {remedy}".strip(), None


def stop(session: WriteSession, run_id: int, review_id: int, *, person_id: int | None) -> None:
    """Stop a run from outside; whoever walks it is refused at the next page.

    Raises:
        NotFound: the review has no such run.
        Conflict: it is not under way.
    """
    row = session.get(Run, run_id, with_for_update=True)
    if row is None or row.review_id != review_id:
        raise NotFound(f"there is no run {run_id} in this review")
    if row.state not in ("waiting", "running"):
        raise Conflict(f"run {run_id} is not under way: {row.state}")
    row.state, row.owner, row.stop_reason = "stopped", None, "stopped by a person"
    audit.append(
        session, "run.stopped", review_id=review_id, person_id=person_id, detail={"run": run_id}
    )


def again(session: WriteSession, run_id: int, review_id: int) -> None:
    """Let a run that was stopped, blocked or failed wait for a worker.

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


def finish(session: WriteSession, run_id: int, owner: str) -> str:
    """End a run whose walk is over: reconcile it, and let its records into the queue.

    Returns:
        ``complete`` or ``incomplete``.
    """
    row = _mine(session, run_id, owner)
    session.flush()
    found = by_id(session, run_id)
    complete = not found.problems and not found.missing and not found.shortfall
    row.state, row.owner, row.ended_at = "complete" if complete else "incomplete", None, now()
    row.stop_reason = "the source's last page was read" if found.pages else "no hits"
    row.held = bool(found.gold_filtered)
    session.flush()
    if not row.held:
        _let_in(session, row)
    if row.mode == "whole" and complete:
        run_pages.note_presence(session, row.id, found.source)
    _note(session, row, found)
    return row.state


def _note(session: WriteSession, row: Run, found: RunInfo) -> None:
    audit.append(
        session,
        "run.ended",
        review_id=row.review_id,
        person_id=row.person_id,
        detail={
            "run": row.id,
            "search": row.search_id,
            "state": row.state,
            "held": row.held,
            "reported": found.reported,
            "received": found.received,
            "unique": found.unique,
            "new": found.new,
            "filtered": found.filtered,
            "rejected": found.rejected,
        },
    )


def _let_in(session: WriteSession, row: Run) -> None:
    session.execute(update(Batch).where(Batch.run_id == row.id).values(held=False))
    searches.refresh_run(session, row.id)
    if not session.scalar(select(Batch.id).where(Batch.run_id == row.id, Batch.pooled.is_(True))):
        reviews.touch(session, row.review_id)


def give_up(session: WriteSession, run_id: int, *, reason: str) -> None:
    """End a run that did not come to its end: what it brought is kept, and another run follows."""
    row = session.get(Run, run_id, with_for_update=True)
    assert row is not None
    row.state, row.ended_at, row.cursor, row.owner = "incomplete", now(), None, None
    row.problems = [*row.problems, f"{CUT}: {row.stop_reason or reason}"]
    row.stop_reason = reason
    row.held = bool(row.gold_filtered)
    session.flush()
    if not row.held:
        _let_in(session, row)
    _note(session, row, by_id(session, run_id))


def of_night(session: ReadSession, night_id: int) -> list[RunInfo]:
    """Runs of a night, in the order they were begun."""
    return _infos(session, Run.night_id == night_id)


def join_night(session: WriteSession, run_id: int, night_id: int) -> None:
    """Let a run that did not come to its end wait for a worker again, as one of a night's."""
    row = session.get(Run, run_id, with_for_update=True)
    assert row is not None
    row.night_id, row.state, row.owner = night_id, "waiting", None


def release(
    session: WriteSession, run_id: int, review_id: int, *, reason: str, person_id: int | None
) -> None:
    """Let in the records of a run that is held, or that has stopped before its end.

    Raises:
        NotFound: the review has no such run.
        Conflict: it is under way, or its records are in already.
    """
    row = session.get(Run, run_id, with_for_update=True)
    if row is None or row.review_id != review_id:
        raise NotFound(f"there is no run {run_id} in this review")
    if row.state in ("waiting", "running"):
        raise Conflict(f"run {run_id} is under way; stop it first")
    ended = row.state in ("complete", "incomplete")
    if ended and not row.held:
        raise Conflict(f"the records of run {run_id} are in the queue already")
    if not ended:
        row.state, row.ended_at, row.cursor = "incomplete", now(), None
        row.problems = [*row.problems, f"{CUT}: {row.stop_reason}"]
    row.held, row.released_reason = False, reason
    session.flush()
    _let_in(session, row)
    audit.append(
        session,
        "run.released",
        review_id=review_id,
        person_id=person_id,
        detail={"run": run_id, "reason": reason, "gold": row.gold_filtered},
    )
