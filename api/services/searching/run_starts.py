"""Runs started: by a person at the sources they choose, or by the schedule at one source."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from api.refusals import Blocked
from api.services.searching import strategies
from api.services.searching.losses import dump_losses, group_blocking
from api.services.searching.sources import explain_missing_key
from api.services.searching.strategies import CurrentStrategy
from api.settings import Settings
from harvest.render.registry import Rendered
from harvest.render.window import Window, restrict_to_window
from harvest.strategy.write import leaf_text
from store.core.session import ReadSession, Store, WriteSession
from store.reviews import reviews
from store.reviews.people import PersonInfo
from store.searching.runs import runs
from store.searching.runs.runs import NewRun
from store.searching.strategies import list_hits

SCHEDULE = "Winnow, by the review's schedule"


@dataclass(frozen=True, slots=True)
class NightWindow:
    """What a night asks a source for.

    Attributes:
        night_id: the night.
        since: first day of what was indexed or changed; None for everything.
        until: the day of the run.
    """

    night_id: int
    since: dt.date | None
    until: dt.date


@dataclass(frozen=True, slots=True)
class _Start:
    """A run to be stored.

    Attributes:
        current: the strategy.
        rendered: the line that is run, in the source's syntax.
        line: its name.
        searcher: the person who starts it; None for the schedule.
        window: what a night asks for; None for everything.
    """

    current: CurrentStrategy
    rendered: Rendered
    line: str
    searcher: PersonInfo | None = None
    window: NightWindow | None = None


def start_runs(
    store: Store,
    settings: Settings,
    review_id: int,
    *sources: str,
    searcher: PersonInfo,
    line: str | None = None,
) -> list[int]:
    """Start runs of the newest strategy version; they wait for somebody to walk them.

    Either all of them start or none.

    Args:
        store: the database.
        settings: the sources.
        review_id: the review.
        sources: their short names; one that is named twice counts once.
        searcher: who starts them.
        line: the line that is run; None for the strategy's own.

    Returns:
        The runs' ids, in the order of the sources.

    Raises:
        Blocked: a source would find less than the strategy asks for, and nobody accepted that.
        StrategyError: a source is unknown, or cannot express anything of the strategy.
        NotFound: the review has no strategy.
        Conflict: a run of the same search has not ended.
    """
    with store.write() as session:
        reviews.lock_review(session, review_id)
        current = strategies.get_current(session, review_id)
        line = line or current.strategy.use
        starts = [
            _Start(current, current.rendered(source, line), line, searcher)
            for source in dict.fromkeys(sources)
        ]
        for start in starts:
            _check_losses(start.rendered)
        return [_start(session, settings, review_id, start) for start in starts]


def list_key_advice(
    session: ReadSession, settings: Settings, review_id: int, names: Sequence[str]
) -> list[str]:
    """What the newest version's runs at these sources will miss without an API key, in sentences.

    Raises:
        NotFound: the review has no strategy.
    """
    current = strategies.get_current(session, review_id)
    counted = {
        hits.source: hits.hits
        for hits in list_hits(session, current.info.id)
        if hits.line == current.strategy.use
    }
    advice = (explain_missing_key(settings, name, counted.get(name)) for name in names)
    return [words for words in advice if words]


def start_night_run(
    session: WriteSession, settings: Settings, review_id: int, source: str, window: NightWindow
) -> int:
    """Start a night's run at one source; returns its id.

    Raises:
        Blocked: the source would find less than the strategy asks for, and nobody accepted that.
        StrategyError: the source is unknown, or cannot express anything of the strategy.
        NotFound: the review has no strategy.
        Conflict: a run of the same search has not ended.
    """
    reviews.lock_review(session, review_id)
    current = strategies.get_current(session, review_id)
    rendered = current.rendered(source)
    _check_losses(rendered)
    start = _Start(current, rendered, current.strategy.use, window=window)
    return _start(session, settings, review_id, start)


def _check_losses(rendered: Rendered) -> None:
    blocking = group_blocking(rendered.losses)
    if not blocking:
        return
    kinds = "; ".join(
        f"{kind}: {', '.join(loss.leaf for loss in losses[:3])}"
        + (f" and {len(losses) - 3} more" if len(losses) > 3 else "")
        for kind, losses in blocking.items()
    )
    raise Blocked(
        f"{rendered.source} would find less than the strategy asks for ({kinds}).",
        source=rendered.source,
        kinds=tuple(sorted(blocking)),
    )


def _start(session: WriteSession, settings: Settings, review_id: int, start: _Start) -> int:
    rendered, window = start.rendered, start.window
    config = settings.sources[rendered.source]
    queries: Sequence[str] = rendered.queries
    since = window.since if window else None
    if window and window.since:
        queries = restrict_to_window(rendered.source, queries, Window(window.since, window.until))
    limits = "; ".join(leaf_text(limit) for limit in rendered.compiled.limits)
    new = NewRun(
        source=rendered.source,
        strategy_id=start.current.info.id,
        line=start.line,
        queries=queries,
        losses=dump_losses(rendered.losses),
        fields={
            "source": config.title,
            "platform": config.platform,
            "strategy": "\n".join(rendered.queries),
            "limits": limits or None,
            "searcher": start.searcher.name if start.searcher else SCHEDULE,
        },
        mode="whole" if since is None else "changes",
        since=since,
        until=window.until if window else None,
        night_id=window.night_id if window else None,
    )
    person_id = start.searcher.id if start.searcher else None
    return runs.create_run(session, review_id, new, person_id=person_id)
