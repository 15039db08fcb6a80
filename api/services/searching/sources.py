"""The public sources as this installation asks them: what they need, hits, costs."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from api import __version__
from api.settings import Settings
from harvest.errors import QueryRefused, StrategyError
from harvest.http import Client
from harvest.pace import Pace
from harvest.render.losses import Loss
from harvest.render.registry import render
from harvest.sources import registry
from harvest.sources.protocol import QueryPreview, Source
from harvest.sources.registry import SOURCES
from harvest.sources.responses import explain_key
from harvest.strategy.tree import Strategy
from harvest.waits import Waits


@contextmanager
def open_client(
    settings: Settings,
    stop: threading.Event | None = None,
    *,
    ports: Collection[int] | None = None,
) -> Iterator[Client]:
    """The client for outgoing requests, which shares its pace with all our other processes.

    It connects to ``ports`` alone; None allows all.
    """
    contact = settings.harvest.contact
    about = f"mailto:{contact}" if contact else settings.base_url
    client = Client(
        agent=f"winnow-review/{__version__} ({about})",
        pace=Pace(settings.data_dir / "pace"),
        waits=Waits(settings.data_dir / "pace"),
        allow_loopback=settings.harvest.allow_loopback,
        ports=ports,
        stop=stop,
    )
    try:
        yield client
    finally:
        client.close()


@dataclass(frozen=True, slots=True)
class OpenSources:
    """The sources, ready to be asked."""

    settings: Settings
    client: Client

    def adapter(self, name: str) -> Source:
        """A source by its short name.

        Raises:
            ValueError: no source has that name.
        """
        if name not in SOURCES:
            raise ValueError(f"there is no source {name!r}; the sources are: {', '.join(SOURCES)}")
        return registry.create_source(
            name, self.client, self.settings.sources[name], self.settings.harvest.contact
        )


@contextmanager
def open_sources(settings: Settings, stop: threading.Event | None = None) -> Iterator[OpenSources]:
    """The sources as this installation asks them, until the caller is done or ``stop`` is set."""
    with open_client(settings, stop) as client:
        yield OpenSources(settings, client)


@dataclass(frozen=True, slots=True)
class SourceNeeds:
    """What a source asks of those who use it.

    Attributes:
        key: ``optional`` or ``none``.
        key_set: whether this installation has one.
        key_from: where to get one.
        without_key: what holds without one.
        largest_without_key: hits of one query that can be fetched without one; None for all.
        contact: ``asked for`` if the source wants an address and none is set.
    """

    key: str
    key_set: bool
    key_from: str | None
    without_key: str
    largest_without_key: int | None
    contact: str | None


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """A public source, what it needs and on which terms; without secrets."""

    name: str
    title: str
    platform: str
    searchable: bool
    base_url: str
    needs: SourceNeeds
    terms: Mapping[str, Any]
    page_size: int
    seconds_between_requests: float
    daily_budget_usd: float | None


def list_sources(settings: Settings) -> list[SourceInfo]:
    """All sources with what each needs and allows."""
    return [_describe(settings, name) for name in SOURCES]


def _describe(settings: Settings, name: str) -> SourceInfo:
    config = settings.sources[name]
    asks_contact = name == "pubmed" and not settings.harvest.contact
    return SourceInfo(
        name=name,
        title=config.title,
        platform=config.platform,
        searchable=True,
        base_url=config.base_url,
        needs=SourceNeeds(
            key="optional" if config.key_from else "none",
            key_set=bool(config.api_key),
            key_from=config.key_from or None,
            without_key=config.without_key,
            largest_without_key=config.largest_without_key or None,
            contact="asked for" if asks_contact else None,
        ),
        terms=config.terms.model_dump(),
        page_size=config.page_size,
        seconds_between_requests=config.limits.interval,
        daily_budget_usd=config.budget or None,
    )


def explain_missing_key(settings: Settings, name: str, hits: int | None = None) -> str | None:
    """What a missing API key means for a search at a source; None if nothing is missing.

    Args:
        settings: the sources.
        name: the source.
        hits: the strategy's hits when they were last counted; None if they were not.
    """
    config = settings.sources[name]
    if config.api_key or not config.largest_without_key:
        return None
    beyond = (
        f" The strategy had {hits:,} hits when they were last counted, so a run needs a key."
        if hits is not None and hits > config.largest_without_key
        else ""
    )
    return (
        f"{config.title}: no API key is set. {config.without_key}{beyond} "
        f"{explain_key(name, config)}"
    )


@dataclass(frozen=True, slots=True)
class LineCount:
    """Hits of a line; None if the source cannot be asked for it, with the reason."""

    line: str
    hits: int | None
    at_most: bool
    problem: str | None


def count_line(source: Source, strategy: Strategy, line: str) -> LineCount:
    """How many hits a line has at a source.

    Raises:
        SourceError: the source cannot be asked now, whatever the line.
    """
    try:
        opened = source.open(render(strategy, source.name, line).queries)
    except (StrategyError, QueryRefused) as error:
        return LineCount(line, None, at_most=False, problem=error.message)
    return LineCount(line, opened.reported, at_most=opened.at_most, problem=None)


@dataclass(frozen=True, slots=True)
class Cost:
    """What fetching everything takes.

    Attributes:
        minutes: at the source's pace, without the time it takes to answer.
        cost_usd: None if nothing costs.
        budget_usd: what is free a day, or what is left of it if the source says so.
    """

    requests: int
    minutes: float
    cost_usd: float | None
    budget_usd: float | None


def estimate_cost(source: Source, opened: QueryPreview) -> Cost:
    """What fetching the results of a query takes."""
    config = source.config
    costs = config.cost > 0
    left = opened.budget_left if opened.budget_left is not None else config.budget
    return Cost(
        requests=opened.requests,
        minutes=round(opened.requests * config.limits.interval / 60, 2),
        cost_usd=round(opened.requests * config.cost, 4) if costs else None,
        budget_usd=left if costs else None,
    )


def count_lost_hits(source: Source, losses: Mapping[str, Sequence[Loss]]) -> dict[str, int | None]:
    """Hits that the leaves of each kind of loss have on their own, by kind.

    Leaves are written in PubMed's syntax, so PubMed is the source to ask.
    """
    counted: dict[str, int | None] = {}
    for kind, lost in losses.items():
        try:
            counted[kind] = source.open([" OR ".join(loss.leaf for loss in lost)]).reported
        except QueryRefused:
            counted[kind] = None
    return counted
