"""Hits of a strategy at the sources, counted before anything is downloaded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

from api.services.searching import sources, strategies
from api.services.searching.losses import group_by_kind
from api.services.searching.sources import LineCount, OpenSources
from api.services.searching.strategies import CurrentStrategy, line_name
from api.settings import Settings
from harvest.errors import SourceError, StrategyError
from harvest.http import masked
from harvest.render.losses import Loss
from harvest.sources.protocol import QueryPreview, QueryWarning, Source
from harvest.sources.registry import SOURCES
from harvest.sources.responses import explain_key
from store.core import jobs
from store.core.session import Store
from store.searching.strategies import NewHits, store_hits

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineHits:
    """Hits of one line; None if the source cannot be asked for it, with the reason."""

    number: int | str
    hits: int | None
    at_most: bool
    problem: str | None


@dataclass(frozen=True, slots=True)
class WholeHits:
    """Hits of the whole strategy, and what fetching them would take.

    Attributes:
        line: the line that is the strategy.
        at_most: the hits are a sum over queries that may overlap.
        minutes: at the source's pace, without the time it takes to answer.
        cost_usd: None if nothing costs.
        budget_usd: what is free a day, or what is left of it if the source says so.
        understood: the query as the source read it.
    """

    line: int | str
    hits: int
    at_most: bool
    requests: int
    minutes: float
    cost_usd: float | None
    budget_usd: float | None
    understood: str


@dataclass(frozen=True, slots=True)
class LostHits:
    """Hits that the leaves of one kind of narrowing loss have on their own.

    Attributes:
        leaves: how many leaves.
        accepted: whether somebody accepted all of them.
        counted_at: the source that can express them.
        hits: None if it could not be asked, with the ``problem``.
    """

    kind: str
    leaves: int
    accepted: bool
    counted_at: str
    hits: int | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class SourceCount:
    """Hits of a strategy at one source, by line and as a whole.

    Attributes:
        key_needed: why all of it can be fetched only with an API key; None if it needs none.
    """

    source: str
    lines: tuple[LineHits, ...]
    whole: WholeHits
    warnings: tuple[QueryWarning, ...]
    notices: tuple[str, ...]
    blocked: bool
    lost: tuple[LostHits, ...]
    key_needed: str | None = None


@dataclass(frozen=True, slots=True)
class CountProblem:
    """Why hits could not be counted at a source."""

    source: str
    message: str


def count_at_source(
    store: Store, asked: OpenSources, current: CurrentStrategy, name: str, *, progress: Progress
) -> SourceCount:
    """Count the hits of each line and of the whole at a source, and what fetching would cost.

    The hits are stored with the strategy's version.

    Args:
        store: the database.
        asked: the sources.
        current: the strategy.
        name: the source.
        progress: called with the questions answered and all of them.

    Raises:
        SourceError: the source cannot be asked.
        StrategyError: it cannot express anything of the strategy.
    """
    source = asked.adapter(name)
    total = len(current.strategy.lines) + 1
    lines = []
    for number, line in enumerate(current.strategy.lines, start=1):
        count = sources.count_line(source, current.strategy, line)
        _store_line(store, current, name, count)
        lines.append(
            LineHits(
                number=line_name(line),
                hits=count.hits,
                at_most=count.at_most,
                problem=count.problem,
            )
        )
        progress(number, total)
    rendered = current.rendered(name)
    opened = source.open(rendered.queries)
    whole = _whole(source, current, opened)
    lost = _count_lost(asked.adapter("pubmed"), rendered.losses)
    _store_whole(store, current, name, whole, lost)
    progress(total, total)
    return SourceCount(
        source=name,
        lines=tuple(lines),
        whole=whole,
        warnings=opened.warnings,
        notices=opened.notices,
        blocked=rendered.blocked,
        lost=lost,
        key_needed=(
            f"{opened.key_needed} {explain_key(name, source.config)}" if opened.key_needed else None
        ),
    )


def count_or_explain(
    store: Store, asked: OpenSources, current: CurrentStrategy, name: str, *, progress: Progress
) -> SourceCount | CountProblem:
    """Count as ``count_at_source`` does; if that fails, say why: other sources may answer."""
    try:
        return count_at_source(store, asked, current, name, progress=progress)
    except (SourceError, StrategyError) as error:
        return CountProblem(name, masked(f"{error.message} {error.remedy}"))


def _whole(source: Source, current: CurrentStrategy, opened: QueryPreview) -> WholeHits:
    return WholeHits(
        line=line_name(current.strategy.use),
        hits=opened.reported,
        at_most=opened.at_most,
        **asdict(sources.estimate_cost(source, opened)),
        understood=opened.understood,
    )


def _store_whole(
    store: Store,
    current: CurrentStrategy,
    source: str,
    whole: WholeHits,
    lost: tuple[LostHits, ...],
) -> None:
    detail = {
        "requests": whole.requests,
        "minutes": whole.minutes,
        "cost_usd": whole.cost_usd,
        "budget_usd": whole.budget_usd,
        "lost": [asdict(item) for item in lost],
    }
    new = NewHits(
        source=source,
        line=current.strategy.use,
        hits=whole.hits,
        at_most=whole.at_most,
        detail=detail,
    )
    with store.write() as session:
        store_hits(session, current.info.id, new)


def _store_line(store: Store, current: CurrentStrategy, source: str, count: LineCount) -> None:
    with store.write() as session:
        new = NewHits(
            source=source,
            line=count.line,
            hits=count.hits,
            at_most=count.at_most,
            problem=count.problem,
        )
        store_hits(session, current.info.id, new)


def _count_lost(pubmed: Source, losses: Iterable[Loss]) -> tuple[LostHits, ...]:
    """Hits of the narrowing losses' leaves at a source that can express them."""
    kinds = group_by_kind(loss for loss in losses if loss.direction == "narrows")
    hits: dict[str, int | None] = dict.fromkeys(kinds)
    problem: str | None = None
    try:
        hits = sources.count_lost_hits(pubmed, kinds)
    except SourceError as error:
        problem = masked(error.message)
    return tuple(
        LostHits(
            kind=kind,
            leaves=len(lost),
            accepted=all(loss.accepted for loss in lost),
            counted_at=pubmed.name,
            hits=hits[kind],
            problem=problem,
        )
        for kind, lost in kinds.items()
    )


def start_count(store: Store, review_id: int) -> int:
    """Start a job that counts the newest version's hits at all sources; returns its id.

    Raises:
        NotFound: the review has no strategy.
    """
    with store.write() as session:
        strategies.get_current(session, review_id)
        return jobs.start_job(session, review_id, "hits")


def count_at_all_sources(
    store: Store, settings: Settings, review_id: int, progress: Progress
) -> list[str]:
    """Count at all sources; returns what went wrong and where."""
    with store.read() as session:
        current = strategies.get_current(session, review_id)
    problems = []
    questions = len(current.strategy.lines) + 1
    with sources.open_sources(settings) as asked:
        for place, name in enumerate(SOURCES):

            def count_on(done: int, _total: int, before: int = place * questions) -> None:
                progress(before + done, len(SOURCES) * questions)

            counted = count_or_explain(store, asked, current, name, progress=count_on)
            if isinstance(counted, CountProblem):
                problems.append(f"{name}: {counted.message}")
            elif counted.key_needed:
                problems.append(counted.key_needed)
    return problems
