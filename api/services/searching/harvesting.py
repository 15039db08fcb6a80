"""A run walked page by page: hits counted, each page stored as received, the run ended."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass

from api.heartbeats import send_heartbeats
from api.services.duplicates.deduplicating import compare_new_records
from api.services.searching import sources, strategies
from api.services.searching.page_entries import find_known_relevant, key_entries
from api.services.searching.run_changes import list_unaccepted_warnings
from api.services.searching.strategies import CurrentStrategy
from api.settings import Settings
from harvest.errors import (
    Interrupted,
    MalformedPage,
    PlaceLost,
    ShortPage,
    SourceError,
    SourceUnavailable,
    StrategyError,
)
from harvest.http import masked
from harvest.local_filter import LocalFilter
from harvest.sources.protocol import Cursor, Page, Source
from harvest.sources.short_pages import note_short_page
from store.core import leases
from store.core.errors import Conflict, NotFound
from store.core.session import Store
from store.searching.ingest import FileInfo
from store.searching.runs import run_endings, run_progress, runs
from store.searching.runs.run_progress import NewPage, NewStart, Opening
from store.searching.runs.runs import RunInfo
from store.searching.strategies import NewHits, list_hits, store_hits

logger = logging.getLogger(__name__)

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class WalkOptions:
    """How a run is walked.

    Attributes:
        stop: set by the caller to stop the run; it can be resumed.
        due_only: leave the run alone if another process walks it.
        when_stopped: its state after ``stop``: "stopped", or "waiting" for the next worker.
        progress: called with records received and hits reported.
    """

    stop: threading.Event | None = None
    due_only: bool = False
    when_stopped: str = "stopped"
    progress: Progress | None = None


@dataclass(frozen=True, slots=True)
class _Claim:
    """A run that this process walks, until another takes it over.

    Attributes:
        store: the database; it refuses to write once the run is no longer ours.
    """

    store: Store
    run_id: int
    owner: str

    def halt(self, state: str, reason: str) -> None:
        """Stop the walk; what was stored stays, and the run can be resumed."""
        with suppress(Conflict), self.store.write() as session:
            run_progress.halt_run(session, self.run_id, self.owner, state=state, reason=reason)


def _claim(store: Store, run_id: int, *, due_only: bool) -> _Claim | None:
    """Claim a run; None if another process has it and ``due_only`` is set."""
    owner = leases.create_owner()
    with store.write() as session:
        if not run_progress.claim_run(session, run_id, owner, due_only=due_only):
            return None
    fenced = store.fenced(lambda session: run_progress.lock_owned_run(session, run_id, owner))
    return _Claim(fenced, run_id, owner)


@dataclass(slots=True)
class _Walk:
    """A walk under way."""

    claim: _Claim
    run: RunInfo
    strategy: CurrentStrategy
    source: Source
    local_filter: LocalFilter

    @property
    def store(self) -> Store:
        """The database."""
        return self.claim.store


def walk_run(
    store: Store, settings: Settings, run_id: int, options: WalkOptions = WalkOptions()
) -> RunInfo:
    """Walk a run to its end, or to where it cannot go on; what was received stays stored.

    Raises:
        Conflict: it has ended already.
    """
    claim = _claim(store, run_id, due_only=options.due_only)
    # One event for each walk: a run that is taken over ends alone, not with those next to it.
    ending = threading.Event()
    with store.read() as session:
        run = runs.get_run(session, run_id)
    if claim is None:
        return run
    try:
        strategy, local_filter = _read_strategy(store, run)
        with (
            sources.open_sources(settings, ending) as asked,
            send_heartbeats(
                claim.store, f"run-{run_id}", lost=ending.set, check=_stops(options, ending)
            ),
        ):
            source = asked.adapter(run.source)
            walk = _Walk(claim, run, strategy, source, local_filter)
            _open(walk)
            if _may_go_on(walk):
                _read_pages(walk, ending, options.progress or (lambda _done, _total: None))
    except Interrupted:
        claim.halt(options.when_stopped, "interrupted; it can continue from where it stopped")
    except Conflict as error:
        logger.info("%s", error)
    except SourceError as error:
        claim.halt("failed", f"{masked(error.message)} {error.remedy}")
    except _NoStrategy as error:
        claim.halt("failed", str(error))
    except BaseException as error:
        claim.halt("failed", f"{type(error).__name__}: {error}")
        raise
    with store.read() as session:
        return runs.get_run(session, run_id)


class _NoStrategy(Exception):
    """The version of the strategy that a run searches by cannot be used."""


def _read_strategy(store: Store, run: RunInfo) -> tuple[CurrentStrategy, LocalFilter]:
    """The strategy's version that a run searches by, and the filter that applies it again.

    Raises:
        _NoStrategy: it is gone, or cannot be read.
    """
    try:
        with store.read() as session:
            strategy = strategies.get_strategy(session, run.review_id, run.strategy_id)
        return strategy, LocalFilter(strategy.rendered(run.source, run.line))
    except (NotFound, StrategyError, LookupError, TypeError, ValueError) as error:
        raise _NoStrategy(
            f"The version of the strategy that this run searches by cannot be used ({error}). Save "
            "the strategy again, and start a new run."
        ) from error


def _stops(options: WalkOptions, ending: threading.Event) -> Callable[[], None]:
    """What ends a walk once its caller stops it."""

    def check() -> None:
        if options.stop is not None and options.stop.is_set():
            ending.set()

    return check


def _open(walk: _Walk) -> None:
    """Ask for the hits of each line and of the whole, once a run."""
    if walk.run.opened:
        return
    if walk.run.mode == "whole":
        _count_lines(walk)
    opened = walk.source.open(walk.run.queries)
    with walk.store.write() as session:
        run_progress.record_opening(
            session,
            walk.run.id,
            walk.claim.owner,
            Opening(
                reported=opened.reported,
                at_most=opened.at_most,
                understood=opened.understood,
                warnings=[asdict(warning) for warning in opened.warnings],
                notices=opened.notices,
                cursor=opened.cursor,
            ),
        )
    with walk.store.read() as session:
        walk.run = runs.get_run(session, walk.run.id)


def _count_lines(walk: _Walk) -> None:
    """Count the hits of each line, without those that were counted before an interruption."""
    strategy, run = walk.strategy, walk.run
    with walk.store.read() as session:
        counted = {hits.line for hits in list_hits(session, strategy.info.id, run_id=run.id)}
    for line in strategy.strategy.lines:
        if line in counted:
            continue
        count = sources.count_line(walk.source, strategy.strategy, line)
        with walk.store.write() as session:
            new = NewHits(
                source=run.source,
                line=line,
                hits=count.hits,
                at_most=count.at_most,
                problem=count.problem,
                run_id=run.id,
            )
            store_hits(session, strategy.info.id, new)


def _may_go_on(walk: _Walk) -> bool:
    """Whether the run may go on; a change that the source made to the query blocks it."""
    with walk.store.read() as session:
        warnings = list_unaccepted_warnings(session, walk.run)
    if not warnings:
        return True
    changes = "; ".join(f"{warning['kind']}: {warning['phrase']}" for warning in warnings)
    walk.claim.halt(
        "blocked",
        f"{walk.run.source} changed the query ({changes}). Change the strategy, or accept each "
        "of these in writing and resume.",
    )
    return False


def _read_pages(walk: _Walk, ending: threading.Event, progress: Progress) -> None:
    cursor = walk.run.cursor
    received = walk.run.received
    began_again = False
    progress(received, walk.run.reported)
    while cursor is not None:
        if ending.is_set():
            raise Interrupted("the run was stopped", source=walk.run.source)
        try:
            page = _read_page(walk, cursor)
        except PlaceLost as lost:
            if began_again:
                raise
            began_again = True
            cursor = _begin_again(walk, lost)
            continue
        received += len(page.entries)
        if page.cursor is not None and _place(page.cursor) == _place(cursor):
            # The walk would never end.
            raise SourceUnavailable(
                f"{walk.run.source} gave the same next page twice.",
                source=walk.run.source,
                remedy="Try again later.",
            )
        cursor = page.cursor
        progress(received, walk.run.reported)
    # Before its records join the queue, so that nobody is shown a copy of a record there.
    compare_new_records(walk.store, walk.run.review_id)
    with walk.store.write() as session:
        run_endings.finish_run(session, walk.run.id, walk.claim.owner)


def _read_page(walk: _Walk, cursor: Cursor) -> Page:
    """Ask for the page at a cursor and store it."""
    try:
        page = walk.source.step(walk.run.queries, cursor)
    except ShortPage:
        with walk.store.write() as session:
            note = note_short_page(cursor)
            run_progress.move_cursor(session, walk.run.id, walk.claim.owner, note)
        raise
    except MalformedPage as error:
        # Stored raw and marked; the walk stops here and asks for the same page when resumed.
        about = {"kind": "malformed"}
        _store_page(walk, Page(error.body, about, (), cursor, problem=error.message))
        raise
    _store_page(walk, page)
    return page


def _begin_again(walk: _Walk, lost: PlaceLost) -> Cursor:
    """Begin a list again whose place the source no longer knows; returns the new place."""
    reason = masked(lost.message).rstrip(".")
    start = NewStart(cursor=lost.start, repeated=lost.repeated, reason=reason)
    with walk.store.write() as session:
        run_progress.begin_again(session, walk.run.id, walk.claim.owner, start)
    return lost.start


def _place(cursor: Cursor) -> dict[str, object]:
    """What a cursor points at, without how much was received by then."""
    return {name: value for name, value in cursor.items() if name != "came"}


def _store_page(walk: _Walk, page: Page) -> None:
    entries = key_entries(walk.run.source, page.body, page.entries, walk.local_filter)
    file = FileInfo(
        name="",
        sha256=hashlib.sha256(page.body).hexdigest(),
        size=len(page.body),
        format=walk.run.source,
        columns=dict(page.about),
        notices=page.notices,
        problem=masked(page.problem) if page.problem else None,
    )
    with walk.store.write() as session:
        known = find_known_relevant(session, walk.run.review_id, entries.filtered)
        new = NewPage(
            file=file,
            body=page.body,
            content=entries.content,
            gold_filtered=known,
            cursor=page.cursor,
        )
        run_progress.add_page(session, walk.run, walk.claim.owner, new)
