"""The public sources as this installation asks them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from api import __version__
from api.settings import Settings
from harvest.errors import SourceRefused, StrategyError
from harvest.http import Client, Pace
from harvest.render.losses import Loss
from harvest.render.registry import render
from harvest.sources.protocol import Opened, Source
from harvest.sources.registry import SOURCES, source
from harvest.strategy.tree import Strategy


@contextmanager
def client(settings: Settings, stop: threading.Event | None = None) -> Iterator[Client]:
    """The outbound client, paced together with all other processes of this installation."""
    contact = settings.harvest.contact
    about = f"mailto:{contact}" if contact else settings.base_url
    made = Client(
        agent=f"winnow-review/{__version__} ({about})",
        pace=Pace(settings.data_dir / "pace"),
        allow_loopback=settings.harvest.allow_loopback,
        stop=stop,
    )
    try:
        yield made
    finally:
        made.close()


def adapter(settings: Settings, made: Client, name: str) -> Source:
    """A source's adapter.

    Raises:
        ValueError: there is none of that name.
    """
    if name not in SOURCES:
        raise ValueError(f"there is no source {name!r}; the sources are: {', '.join(SOURCES)}")
    return source(name, made, settings.sources[name], settings.harvest.contact)


def listed(settings: Settings) -> list[dict[str, Any]]:
    """All sources with what each needs and allows, as JSON without secrets."""
    found = []
    for name in SOURCES:
        config = settings.sources[name]
        found.append(
            {
                "name": name,
                "title": config.title,
                "platform": config.platform,
                "searchable": True,
                "base_url": config.base_url,
                "needs": {
                    "key": "optional" if config.key_from else "none",
                    "key_set": bool(config.api_key),
                    "key_from": config.key_from or None,
                    "without_key": config.without_key,
                    "contact": "asked for"
                    if name == "pubmed" and not settings.harvest.contact
                    else None,
                },
                "terms": config.terms.model_dump(),
                "page_size": config.page_size,
                "seconds_between_requests": config.limits.interval,
                "daily_budget_usd": config.budget or None,
            }
        )
    return found


@dataclass(frozen=True, slots=True)
class Counted:
    """Hits of a line; None where the source cannot be asked for it, with the reason."""

    line: str
    hits: int | None
    at_most: bool
    problem: str | None


def count_line(found: Source, strategy: Strategy, line: str) -> Counted:
    """How many hits a line has at a source.

    Raises:
        SourceUnavailable: the source cannot be asked now.
    """
    try:
        opened = found.open(render(strategy, found.name, line).queries)
    except (StrategyError, SourceRefused) as error:
        return Counted(line, None, at_most=False, problem=error.message)
    return Counted(line, opened.reported, at_most=opened.at_most, problem=None)


@dataclass(frozen=True, slots=True)
class Cost:
    """What fetching everything takes.

    Attributes:
        minutes: at the source's pace, without its answering times.
        dollars: None where nothing costs.
        budget: what is free a day, or what is left of it where the source says so.
    """

    requests: int
    minutes: float
    dollars: float | None
    budget: float | None


def cost_of(found: Source, opened: Opened) -> Cost:
    """What fetching the results of a query takes."""
    config = found.config
    costs = config.cost > 0
    left = opened.budget_left if opened.budget_left is not None else config.budget
    return Cost(
        requests=opened.requests,
        minutes=round(opened.requests * config.limits.interval / 60, 2),
        dollars=round(opened.requests * config.cost, 4) if costs else None,
        budget=left if costs else None,
    )


def hits_of_lost(found: Source, losses: Mapping[str, Sequence[Loss]]) -> dict[str, int | None]:
    """Hits that the leaves of each kind of loss have by themselves, at a source that can say them.

    PubMed's syntax is the one that leaves are written in, so that it is asked.
    """
    counted: dict[str, int | None] = {}
    for kind, lost in losses.items():
        try:
            counted[kind] = found.open([" OR ".join(loss.leaf for loss in lost)]).reported
        except SourceRefused:
            counted[kind] = None
    return counted
