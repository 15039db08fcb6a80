"""Runs of searches at sources: what each asks for, its state, and the counts of what it found."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, func, select, update

from harvest.record import NOT_RETURNED
from store.core.errors import Conflict, NotFound
from store.core.session import ReadSession, WriteSession
from store.core.tables import (
    Batch,
    BatchEntry,
    BatchRejected,
    Identity,
    Run,
    Search,
    StrategyRow,
    now,
)
from store.reviews import reviews
from store.searching import searches
from store.searching.runs.run_outlines import was_cut_short

OPEN = ("waiting", "running", "blocked", "stopped", "failed")


@dataclass(frozen=True, slots=True)
class RunInfo:
    """A run and its reconciliation.

    Attributes:
        state: ``waiting``, ``running``, ``blocked`` (a warning needs a person), ``stopped``,
            ``failed``, ``complete`` or ``incomplete``.
        held: it has ended, but its records wait because a known relevant one was filtered.
        reported: hits that the source reported; ``at_most`` if its queries may share hits.
        received: entries of all pages; ``unique`` counts different records among them, and the
            other counts are fates.
        missing: entries that the source listed but did not send; they count as ``rejected`` too.
        rejected_once: different ones among the rejected.
        repeated: entries that came again, because a walk began again.
        log: what else happened during the run, in sentences.
        mode: ``whole`` asks for everything, ``changes`` for what the source has indexed from day
            ``since`` to day ``until``.
        until: for a whole run the day on which it was started.
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
    rejected_once: int
    repeated: int
    problems: tuple[str, ...]
    log: tuple[str, ...]
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
        """Whether somebody ended it early; the next run asks for the rest."""
        return was_cut_short(self.problems)

    @property
    def good(self) -> bool:
        """Whether it got everything that it asked for."""
        return self.state in ("complete", "incomplete") and not self.cut

    @property
    def shortfall(self) -> int:
        """Reported hits that came neither as records nor as rejected entries."""
        by_entries = self.received - self.repeated
        by_records = self.unique + self.rejected_once
        came = (by_entries if self.at_most else by_records) - self.missing
        return max(0, (self.reported or 0) - came)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """A run to be created.

    Attributes:
        source: the source's short name.
        strategy_id: the strategy version, ``line`` the line of it that is run.
        queries: what will be sent.
        losses: what was lost in translation to the source's syntax, as JSON.
        fields: what is stated of the search, if the run starts a new one.
        mode: ``whole`` or ``changes``.
        since: first day to ask for, in mode ``changes``.
        until: the day of the run; None for today.
        night_id: the scheduled night that it belongs to.
    """

    source: str
    strategy_id: int
    line: str
    queries: Sequence[str]
    losses: Sequence[Mapping[str, Any]]
    fields: Mapping[str, Any]
    mode: str = "whole"
    since: dt.date | None = None
    until: dt.date | None = None
    night_id: int | None = None


def create_run(session: WriteSession, review_id: int, new: NewRun, *, person_id: int | None) -> int:
    """Create a run that waits for a worker.

    It joins the search of the same strategy line at the same source, if there is one.

    Args:
        session: a transaction that writes.
        review_id: the review.
        new: the run.
        person_id: who starts it; None for the schedule.

    Raises:
        Conflict: another run of the same search has not ended.
    """
    reviews.lock_review(session, review_id)
    search_id = session.scalar(
        select(Search.id)
        .where(
            Search.review_id == review_id,
            Search.kind == "api",
            Search.strategy_id == new.strategy_id,
            Search.source_name == new.source,
            Search.line == new.line,
        )
        .order_by(Search.id.desc())
        .limit(1)
    )
    if search_id is None:
        search_id = searches.create_search(
            session, review_id, kind="api", person_id=person_id, fields=new.fields
        )
        session.execute(
            update(Search)
            .where(Search.id == search_id)
            .values(strategy_id=new.strategy_id, source_name=new.source, line=new.line)
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
        queries=list(new.queries),
        losses=list(new.losses),
        person_id=person_id,
        mode=new.mode,
        since=new.since.isoformat() if new.since else None,
        until=(new.until or now().date()).isoformat(),
        night_id=new.night_id,
    )
    session.add(row)
    session.flush()
    return row.id


def get_run(session: ReadSession, run_id: int, review_id: int | None = None) -> RunInfo:
    """One run.

    Raises:
        NotFound: the review has no such run.
    """
    runs = _list_infos(session, Run.id == run_id)
    if not runs or review_id not in (None, runs[0].review_id):
        raise NotFound(f"there is no run {run_id} in this review")
    return runs[0]


def list_runs(session: ReadSession, review_id: int, *, limit: int | None = None) -> list[RunInfo]:
    """Runs of a review, oldest first: all of them, or the newest ``limit``."""
    if limit is None:
        return _list_infos(session, Run.review_id == review_id)
    newest = select(Run.id).where(Run.review_id == review_id).order_by(Run.id.desc()).limit(limit)
    return _list_infos(session, Run.id.in_(session.scalars(newest).all()))


_COUNTED = (Batch.n_new, Batch.n_changed, Batch.n_same, Batch.n_filtered, Batch.n_rejected)


def _list_infos(session: ReadSession, condition: Any) -> list[RunInfo]:
    # What triggers count for each page; only different records must be counted here.
    counted = (
        select(
            Batch.run_id,
            *(func.sum(column).label(column.key) for column in _COUNTED),
            func.max(case((Batch.pooled.is_(True), 1), else_=0)).label("pooled"),
        )
        .join(Run, Run.id == Batch.run_id)
        .where(condition)
        .group_by(Batch.run_id)
        .subquery()
    )
    found = (
        select(Batch.run_id, func.count(func.distinct(BatchEntry.record_id)).label("records"))
        .join(BatchEntry, BatchEntry.batch_id == Batch.id)
        .join(Run, Run.id == Batch.run_id)
        .where(condition)
        .group_by(Batch.run_id)
        .subquery()
    )
    rejected = (
        select(
            Batch.run_id,
            func.sum(case((BatchRejected.reason == NOT_RETURNED, 1), else_=0)).label("missing"),
            func.count(func.distinct(func.nullif(BatchRejected.excerpt, ""))).label("named"),
            func.count(func.nullif(BatchRejected.excerpt, "")).label("with_text"),
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
            func.coalesce(found.c.records, 0),
            *(func.coalesce(counted.c[column.key], 0) for column in _COUNTED),
            func.coalesce(rejected.c.missing, 0),
            # Without a text we cannot tell whether two are the same.
            func.coalesce(counted.c.n_rejected - rejected.c.with_text + rejected.c.named, 0),
            func.coalesce(counted.c.pooled, 0),
        )
        .join(Search, Search.id == Run.search_id)
        .join(StrategyRow, StrategyRow.id == Search.strategy_id)
        .outerjoin(counted, counted.c.run_id == Run.id)
        .outerjoin(found, found.c.run_id == Run.id)
        .outerjoin(rejected, rejected.c.run_id == Run.id)
        .outerjoin(Identity, Identity.person_id == Run.person_id)
        .where(condition)
        .order_by(Run.id)
    )
    return [
        _info(run, search, version, person, counts)
        for run, search, version, person, *counts in map(tuple, rows)
    ]


def _info(
    row: Run, search: Search, version: int, person: str | None, counts: Sequence[int]
) -> RunInfo:
    unique, new, changed, same, filtered, rejected, missing, once, pooled = map(int, counts)
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
        new=new,
        changed=changed,
        same=same,
        filtered=filtered,
        rejected=rejected,
        missing=missing,
        rejected_once=once,
        repeated=row.repeated,
        problems=tuple(row.problems),
        log=tuple(row.log),
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


def list_runs_of_night(session: ReadSession, night_id: int) -> list[RunInfo]:
    """Runs of a scheduled night, in the order in which they were started."""
    return _list_infos(session, Run.night_id == night_id)
