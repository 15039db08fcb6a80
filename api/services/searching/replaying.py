"""Stored pages of a run read again with today's parser, without asking the source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from api.services.searching import sources, strategies
from api.services.searching.page_entries import key_entries
from api.settings import Settings
from harvest.errors import MalformedPage
from harvest.local_filter import LocalFilter
from harvest.sources.protocol import Source
from store.core import raw
from store.core.errors import Conflict
from store.core.session import Store
from store.searching import ingest
from store.searching.runs import run_pages
from store.searching.runs.run_pages import PageInfo
from store.searching.runs.runs import RunInfo


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """What reading a run's pages again changed.

    Attributes:
        mended: records that say something different now, new ones included.
        unreadable: pages that cannot be read.
    """

    pages: int
    records: int
    rejected: int
    mended: int
    unreadable: int


def replay_run(
    store: Store,
    settings: Settings,
    run: RunInfo,
    *,
    person_id: int | None,
    progress: Callable[[int, int | None], None] | None = None,
) -> ReplayResult:
    """Read a run's stored pages again.

    Args:
        store: the database.
        settings: the sources.
        run: the run.
        person_id: who asks for it.
        progress: called with the pages read and all of them.

    Raises:
        Conflict: the run is under way.
    """
    if run.state in ("waiting", "running"):
        raise Conflict(f"run {run.id} is still running; stop it first")
    with store.read() as session:
        pages = run_pages.list_pages(session, run.id)
        strategy = strategies.get_strategy(session, run.review_id, run.strategy_id)
    local_filter = LocalFilter(strategy.rendered(run.source, run.line))
    results = []
    with sources.open_sources(settings) as asked:
        source = asked.adapter(run.source)
        for number, page in enumerate(pages, start=1):
            results.append(_replay_page(store, run, page, source, local_filter))
            if progress:
                progress(number, len(pages))
    result = _sum(results)
    with store.write() as session:
        run_pages.finish_replay(session, run.id, mended=result.mended, person_id=person_id)
    return result


@dataclass(frozen=True, slots=True)
class _PageResult:
    records: int
    rejected: int
    mended: int


def _sum(results: Sequence[_PageResult | None]) -> ReplayResult:
    read = [result for result in results if result is not None]
    return ReplayResult(
        pages=len(results),
        records=sum(result.records for result in read),
        rejected=sum(result.rejected for result in read),
        mended=sum(result.mended for result in read),
        unreadable=len(results) - len(read),
    )


def _replay_page(
    store: Store, run: RunInfo, page: PageInfo, source: Source, local_filter: LocalFilter
) -> _PageResult | None:
    """Read one page again; None if it cannot be read."""
    if page.about.get("kind") == "malformed":
        return None
    with store.write() as session:
        body = b"".join(raw.read_batch(session, page.batch_id))
        try:
            entries = key_entries(run.source, body, source.read(body, page.about), local_filter)
        except MalformedPage:
            return None
        mended = ingest.add_entries_again(session, page.batch_id, entries.content)
    return _PageResult(len(entries.records), len(entries.rejected), mended)
