"""Runs of harvests: begun, walked page by page, ended, read again."""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from api.protocol import ProtocolBody
from api.refusals import Blocked
from api.services import sources, strategies
from api.services.deduplicating import deduplicate_new
from api.services.importing import key
from api.services.matching import known_of
from api.settings import Settings
from harvest.errors import Interrupted, MalformedPage, SourceError, SourceUnavailable
from harvest.http import masked
from harvest.record import Record, Rejected
from harvest.render.registry import Rendered
from harvest.render.window import Window, within
from harvest.sieve import Sieve
from harvest.sources.config import SourceConfig
from harvest.sources.protocol import Cursor, Page, Source
from harvest.strategy.write import leaf_text
from harvest.text import title_key
from model.evaluate import MATCHED, Held, match
from store import filing, gold, raw, reviews, run_pages, runs
from store import strategies as stored
from store.errors import Conflict
from store.filing import FileInfo, Keyed
from store.runs import RunInfo
from store.session import ReadSession, Store, WriteSession

logger = logging.getLogger(__name__)

# Seconds between two signs of life of a run; a person's "stop" in the page is seen as soon.
_BEAT = 2.0
# Seconds until a run sees that its process is to stop.
_BLINK = 0.1
Progress = Callable[[int, int | None], None]


def begin(
    store: Store,
    settings: Settings,
    review_id: int,
    *names: str,
    person_id: int | None,
    person: str | None,
    line: str | None = None,
) -> list[int]:
    """Runs of the newest strategy version at sources, waiting for whoever walks them.

    All begin, or none does.

    Raises:
        Blocked: narrowing losses stand at one of them.
        StrategyError: a source is unknown, or cannot say anything of the strategy.
        NotFound: the review has no strategy.
        Conflict: a run of the same search has not ended.
    """
    with store.write() as session:
        found = strategies.current(session, review_id)
        chosen = line or found.strategy.use
        rendered = {name: found.rendered(name, chosen) for name in names}
        for each in rendered.values():
            _check_losses(each)
        return [
            _begin(
                session,
                review_id,
                each,
                settings.sources[name],
                strategy_id=found.info.id,
                line=chosen,
                person_id=person_id,
                person=person,
            )
            for name, each in rendered.items()
        ]


def begin_at_night(
    session: WriteSession,
    settings: Settings,
    review_id: int,
    name: str,
    *,
    night_id: int,
    since: dt.date | None,
    until: dt.date,
) -> int:
    """A run of a night at one source: of what is new since a day, or of everything.

    Raises:
        Blocked: narrowing losses stand there.
        StrategyError: the source is unknown, or cannot say anything of the strategy.
        NotFound: the review has no strategy.
        Conflict: a run of the same search has not ended.
    """
    found = strategies.current(session, review_id)
    rendered = found.rendered(name)
    _check_losses(rendered)
    return _begin(
        session,
        review_id,
        rendered,
        settings.sources[name],
        strategy_id=found.info.id,
        line=found.strategy.use,
        person_id=None,
        person="Winnow, by the review's schedule",
        since=since,
        until=until,
        night_id=night_id,
    )


def _begin(
    session: WriteSession,
    review_id: int,
    rendered: Rendered,
    config: SourceConfig,
    *,
    strategy_id: int,
    line: str,
    person_id: int | None,
    person: str | None,
    since: dt.date | None = None,
    until: dt.date | None = None,
    night_id: int | None = None,
) -> int:
    queries: Sequence[str] = rendered.queries
    if since is not None and until is not None:
        queries = within(rendered.source, queries, Window(since, until))
    limits = "; ".join(leaf_text(limit) for limit in rendered.compiled.limits)
    return runs.create(
        session,
        review_id,
        source=rendered.source,
        strategy_id=strategy_id,
        line=line,
        queries=queries,
        losses=[strategies.loss_json(loss) for loss in rendered.losses],
        fields={
            "source": config.title,
            "platform": config.platform,
            "strategy": "\n".join(rendered.queries),
            "limits": limits or None,
            "searcher": person,
        },
        person_id=person_id,
        mode="whole" if since is None else "changes",
        since=since,
        until=until,
        night_id=night_id,
    )


def _check_losses(rendered: Rendered) -> None:
    standing = strategies.narrowing(rendered.losses)
    if not standing:
        return
    words = "; ".join(
        f"{kind}: {', '.join(loss.leaf for loss in losses[:3])}"
        + (f" and {len(losses) - 3} more" if len(losses) > 3 else "")
        for kind, losses in standing.items()
    )
    kinds = " ".join(sorted(standing))
    raise Blocked(
        f"{rendered.source} would find less than the strategy asks for ({words}).",
        remedy="Replace the leaves there (`winnow strategy map`), or accept it in writing: "
        f"`winnow strategy accept --source {rendered.source} --kind KIND --reason TEXT` "
        f"(kinds: {kinds}).",
    )


@dataclass(slots=True)
class _Walk:
    """What a walk works with."""

    store: Store
    run: RunInfo
    owner: str
    source: Source
    sieve: Sieve


def walk(
    store: Store,
    settings: Settings,
    run_id: int,
    *,
    stop: threading.Event | None = None,
    due_only: bool = False,
    when_stopped: str = "stopped",
    progress: Progress | None = None,
) -> RunInfo:
    """Walk a run to its end, or to where it cannot go on; what came stays stored.

    Args:
        store: the database.
        settings: sources, pace, data folder.
        run_id: the run.
        stop: set by whoever wants it to stop; it can be resumed.
        due_only: leave it alone if somebody else walks it.
        when_stopped: its state after ``stop``: "stopped", or "waiting" for the next worker.
        progress: told records received and reported.

    Raises:
        Conflict: it has ended already.
    """
    owner = secrets.token_hex(8)
    # Its own: a run that is taken over ends alone, not together with those beside it.
    own = threading.Event()
    with store.write() as session:
        mine = runs.claim(session, run_id, owner, due_only=due_only)
    with store.read() as session:
        run = runs.by_id(session, run_id)
        if not mine:
            return run
        found = strategies.by_id(session, run.review_id, run.strategy_id)
    try:
        with (
            sources.client(settings, own) as client,
            _beating(store, run_id, owner, own, stop or threading.Event()),
        ):
            work = _Walk(
                store,
                run,
                owner,
                sources.adapter(settings, client, run.source),
                Sieve(found.rendered(run.source, run.line)),
            )
            _open(work, found)
            if _warned(work):
                _pages(work, own, progress or (lambda _done, _total: None))
    except Interrupted:
        _halt(store, run_id, owner, when_stopped, "interrupted", "It goes on from there.")
    except Conflict as error:
        logger.info("%s", error)
    except SourceError as error:
        _halt(store, run_id, owner, "failed", masked(error.message), error.remedy)
    except BaseException as error:
        _halt(store, run_id, owner, "failed", f"{type(error).__name__}: {error}")
        raise
    with store.read() as session:
        return runs.by_id(session, run_id)


def _halt(store: Store, run_id: int, owner: str, state: str, reason: str, remedy: str = "") -> None:
    with store.write() as session:
        runs.halt(session, run_id, owner, state=state, reason=reason, remedy=remedy)


@contextmanager
def _beating(
    store: Store, run_id: int, owner: str, own: threading.Event, stop: threading.Event
) -> Iterator[None]:
    """Give signs of life while a source lets us wait; a run that was taken over is let go."""
    ended = threading.Event()

    def beat() -> None:
        due = time.monotonic() + _BEAT
        while not ended.wait(_BLINK):
            if stop.is_set():
                own.set()
            if time.monotonic() < due:
                continue
            due = time.monotonic() + _BEAT
            try:
                with store.write() as session:
                    runs.beat(session, run_id, owner)
            except Conflict:
                own.set()
                return
            except Exception:
                # The walk itself meets the same trouble and tells it.
                logger.exception("run %s gave no sign of life", run_id)

    thread = threading.Thread(target=beat, daemon=True, name=f"run-{run_id}")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _open(work: _Walk, found: strategies.Current) -> None:
    """Hits per line and for the whole, asked once a run."""
    if work.run.opened:
        return
    if work.run.mode == "whole":
        _count_lines(work, found)
    opened = work.source.open(work.run.queries)
    with work.store.write() as session:
        runs.opened(
            session,
            work.run.id,
            work.owner,
            reported=opened.reported,
            at_most=opened.at_most,
            understood=opened.understood,
            warnings=[asdict(warning) for warning in opened.warnings],
            notices=opened.notices,
            cursor=opened.cursor,
        )
    with work.store.read() as session:
        work.run = runs.by_id(session, work.run.id)


def _count_lines(work: _Walk, found: strategies.Current) -> None:
    """Hits of each line by itself; a night that asks for a part only does not ask for these."""
    with work.store.read() as session:
        asked = {h.line for h in stored.hits(session, found.info.id, run_id=work.run.id)}
    for line in found.strategy.lines:
        if line in asked:
            continue
        counted = sources.count_line(work.source, found.strategy, line)
        with work.store.write() as session:
            runs.beat(session, work.run.id, work.owner)
            stored.add_hits(
                session,
                found.info.id,
                work.run.source,
                line,
                hits=counted.hits,
                at_most=counted.at_most,
                problem=counted.problem,
                run_id=work.run.id,
            )


def unaccepted(session: ReadSession, run: RunInfo) -> list[dict[str, str]]:
    """Warnings of a run that nobody has accepted for its strategy version."""
    given = stored.by_id(session, run.review_id, run.strategy_id).acceptances
    accepted = {(a.kind, a.leaf) for a in given if a.source == run.source}
    return [dict(w) for w in run.warnings if (w["kind"], w["phrase"]) not in accepted]


def _warned(work: _Walk) -> bool:
    """Whether the run may go on; what the source changed in the query blocks it."""
    with work.store.read() as session:
        standing = unaccepted(session, work.run)
    if not standing:
        return True
    words = "; ".join(f"{w['kind']}: {w['phrase']}" for w in standing)
    _halt(
        work.store,
        work.run.id,
        work.owner,
        "blocked",
        f"{work.run.source} changed the query ({words}).",
        "Mend the strategy, or accept each in writing (`winnow strategy accept --source "
        f"{work.run.source} --kind KIND --leaf PHRASE --reason TEXT`) and resume.",
    )
    return False


def _pages(work: _Walk, stop: threading.Event, progress: Progress) -> None:
    cursor = work.run.cursor
    done = work.run.received
    progress(done, work.run.reported)
    while cursor is not None:
        if stop.is_set():
            raise Interrupted("the run was stopped", source=work.run.source)
        try:
            page = work.source.step(work.run.queries, cursor)
        except MalformedPage as error:
            # Kept raw and marked; the walk stops here and asks for the same page when resumed.
            page = Page(error.body, {"kind": "malformed"}, (), cursor, problem=error.message)
            _keep(work, page)
            raise
        done += _keep(work, page)
        if page.cursor is not None and _place(page.cursor) == _place(cursor):
            # It would be walked for ever.
            raise SourceUnavailable(
                f"{work.run.source} named the place that it gave before as the next.",
                source=work.run.source,
                remedy="Try again later; a night asks anew.",
            )
        cursor = page.cursor
        progress(done, work.run.reported)
    # Before its records come into the queue: nobody is shown a copy of what is there already.
    deduplicate_new(work.store, work.run.review_id)
    with work.store.write() as session:
        runs.finish(session, work.run.id, work.owner)


def _place(cursor: Cursor) -> dict[str, object]:
    """Where a cursor stands, without how much has come by then."""
    return {name: value for name, value in cursor.items() if name != "came"}


def _keep(work: _Walk, page: Page) -> int:
    """Store a page; gives the number of its entries."""
    entries, rejected = _keyed(work.run.source, page.body, page.entries)
    filtered = {e.record.position for e in entries if work.sieve.rejects(e.record)}
    with work.store.write() as session:
        runs.add_page(
            session,
            work.run,
            work.owner,
            FileInfo(
                name="",
                sha256=hashlib.sha256(page.body).hexdigest(),
                size=len(page.body),
                format=work.run.source,
                columns=dict(page.about),
                notices=page.notices,
                problem=masked(page.problem) if page.problem else None,
            ),
            page.body,
            entries,
            rejected,
            filtered=filtered,
            gold_filtered=_gold_among(
                session, work.run.review_id, [e for e in entries if e.record.position in filtered]
            ),
            cursor=page.cursor,
        )
    return len(page.entries)


def _keyed(
    source: str, body: bytes, found: Sequence[Record | Rejected]
) -> tuple[list[Keyed], list[Rejected]]:
    sha256 = hashlib.sha256(body).hexdigest()
    entries = [
        key(
            entry,
            source=source,
            source_id=entry.accession or f"{sha256}#{entry.position}",
            fallback=f"{sha256}#{entry.position}",
            certain=entry.accession is not None,
        )
        for entry in found
        if isinstance(entry, Record)
    ]
    return entries, [entry for entry in found if isinstance(entry, Rejected)]


def _gold_among(session: ReadSession, review_id: int, filtered: Sequence[Keyed]) -> list[int]:
    """Known relevant records among the filtered, by their ids."""
    if not filtered:
        return []
    known = [known_of(info) for info in gold.everything(session, review_id)]
    if not known:
        return []
    held = [
        Held(
            report_id=entry.record.position,
            title_key=title_key(entry.record.title)[: filing.TITLE_KEY_LENGTH],
            year=entry.record.year,
            doi=entry.record.doi,
            pmid=entry.record.pmid,
            source_id=entry.source_id,
            language=entry.record.language,
            types=entry.record.types,
        )
        for entry in filtered
    ]
    limits = ProtocolBody.model_validate(reviews.protocol(session, review_id).body).scope
    return [m.known.number for m in match(known, held, limits) if m.state == MATCHED]


@dataclass(frozen=True, slots=True)
class Replayed:
    """What reading a run's pages again changed."""

    pages: int
    records: int
    rejected: int
    mended: int
    unreadable: int


def replay(
    store: Store,
    settings: Settings,
    run: RunInfo,
    *,
    person_id: int | None,
    progress: Progress | None = None,
) -> Replayed:
    """Read a run's stored pages again with the parser as it is now, without the network.

    Raises:
        Conflict: the run is under way.
    """
    if run.state in ("waiting", "running"):
        raise Conflict(f"run {run.id} is under way; stop it first")
    with store.read() as session:
        pages = run_pages.pages(session, run.id)
        found = strategies.by_id(session, run.review_id, run.strategy_id)
    sieve = Sieve(found.rendered(run.source, run.line))
    count = {"records": 0, "rejected": 0, "mended": 0, "unreadable": 0}
    with sources.client(settings) as client:
        source = sources.adapter(settings, client, run.source)
        for place, page in enumerate(pages, start=1):
            if page.about.get("kind") == "malformed":
                count["unreadable"] += 1
                continue
            with store.write() as session:
                body = b"".join(raw.of_batch(session, page.batch_id))
                try:
                    read = source.read(body, page.about)
                except MalformedPage:
                    count["unreadable"] += 1
                    continue
                entries, rejected = _keyed(run.source, body, read)
                count["records"] += len(entries)
                count["rejected"] += len(rejected)
                count["mended"] += filing.file_again(
                    session,
                    run.review_id,
                    page.batch_id,
                    entries,
                    rejected,
                    filtered=frozenset(
                        e.record.position for e in entries if sieve.rejects(e.record)
                    ),
                )
            if progress:
                progress(place, len(pages))
    with store.write() as session:
        run_pages.replayed(session, run.id, mended=count["mended"], person_id=person_id)
    return Replayed(pages=len(pages), **count)


def as_json(run: RunInfo) -> dict[str, object]:
    """A run as JSON, with its reconciliation."""
    return {
        "run": run.id,
        "search": run.search_id,
        "source": run.source,
        "strategy_version": run.version,
        "line": int(run.line) if run.line.isdigit() else run.line,
        "mode": run.mode,
        "since": run.since,
        "until": run.until,
        "night": run.night_id,
        "pooled": run.pooled,
        "state": "held" if run.held else run.state,
        "outcome": run.state,
        "held": run.held,
        "sent": list(run.queries),
        "understood": run.understood,
        "reported": run.reported,
        "reported_at_most": run.at_most,
        "received": run.received,
        "unique": run.unique,
        "new": run.new,
        "changed": run.changed,
        "same": run.same,
        "filtered": run.filtered,
        "rejected": run.rejected,
        "missing": run.missing,
        "shortfall": run.shortfall if run.state in ("complete", "incomplete") else None,
        "pages": run.pages,
        "problems": list(run.problems),
        "warnings": [dict(warning) for warning in run.warnings],
        "notices": list(run.notices),
        "known_relevant_filtered": list(run.gold_filtered),
        "stop_reason": run.stop_reason,
        "released_reason": run.released_reason,
        "started_at": run.started_at.isoformat(),
        "ended_at": run.ended_at.isoformat() if run.ended_at else None,
    }
