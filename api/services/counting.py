"""Hits of a strategy at the sources, before anything is downloaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from api.services import sources, strategies
from api.services.strategies import Current
from api.settings import Settings
from harvest.errors import SourceError, StrategyError
from harvest.http import Client, masked
from harvest.render.losses import Loss
from harvest.sources.protocol import Source
from harvest.sources.registry import SOURCES
from store import strategies as stored
from store.session import Store

Progress = Callable[[int, int], None]


def count(
    store: Store,
    settings: Settings,
    client: Client,
    found: Current,
    name: str,
    *,
    progress: Progress,
) -> dict[str, Any]:
    """Hits per line and for the whole at a source, what it would cost, and what the lost bring.

    The lines' hits are kept with the version.

    Raises:
        SourceError: the source cannot be asked.
        StrategyError: it cannot say anything of the strategy.
    """
    adapter = sources.adapter(settings, client, name)
    lines = list(found.strategy.lines)
    told = []
    for place, line in enumerate(lines, start=1):
        counted = sources.count_line(adapter, found.strategy, line)
        with store.write() as session:
            stored.add_hits(
                session,
                found.info.id,
                name,
                line,
                hits=counted.hits,
                at_most=counted.at_most,
                problem=counted.problem,
            )
        told.append(
            {
                "number": strategies.line_name(line),
                "hits": counted.hits,
                "at_most": counted.at_most,
                "problem": counted.problem,
            }
        )
        progress(place, len(lines) + 1)
    rendered = found.rendered(name)
    opened = adapter.open(rendered.queries)
    cost = sources.cost_of(adapter, opened)
    lost = _lost(sources.adapter(settings, client, "pubmed"), rendered.losses)
    price = {
        "requests": cost.requests,
        "minutes": cost.minutes,
        "cost_usd": cost.dollars,
        "budget_usd": cost.budget,
    }
    with store.write() as session:
        stored.add_hits(
            session,
            found.info.id,
            name,
            found.strategy.use,
            hits=opened.reported,
            at_most=opened.at_most,
            detail={**price, "lost": lost},
        )
    progress(len(lines) + 1, len(lines) + 1)
    return {
        "source": name,
        "lines": told,
        "whole": {
            "line": strategies.line_name(found.strategy.use),
            "hits": opened.reported,
            "at_most": opened.at_most,
            **price,
            "understood": opened.understood,
        },
        "warnings": [{"kind": w.kind, "phrase": w.phrase} for w in opened.warnings],
        "notices": list(opened.notices),
        "blocked": rendered.blocked,
        "lost": lost,
    }


def _lost(pubmed: Source, losses: tuple[Loss, ...]) -> list[dict[str, Any]]:
    """What the narrowing losses' leaves bring by themselves, counted where they can be said."""
    kinds = strategies.by_kind(loss for loss in losses if loss.direction == "narrows")
    counted: dict[str, int | None] = dict.fromkeys(kinds)
    problem: str | None = None
    try:
        counted = sources.hits_of_lost(pubmed, kinds)
    except SourceError as error:
        problem = masked(error.message)
    return [
        {
            "kind": kind,
            "leaves": len(lost),
            "accepted": all(loss.accepted for loss in lost),
            "counted_at": pubmed.name,
            "hits": counted[kind],
            "problem": problem,
        }
        for kind, lost in kinds.items()
    ]


def count_everywhere(
    store: Store, settings: Settings, review_id: int, *, progress: Progress
) -> list[str]:
    """Count at all sources; gives what went wrong at which."""
    with store.read() as session:
        found = strategies.current(session, review_id)
    problems = []
    with sources.client(settings) as client:
        each = len(found.strategy.lines) + 1
        for place, name in enumerate(SOURCES):

            def at(done: int, _total: int, before: int = place * each) -> None:
                progress(before + done, len(SOURCES) * each)

            try:
                count(store, settings, client, found, name, progress=at)
            except (SourceError, StrategyError) as error:
                problems.append(masked(f"{name}: {error.message} {error.remedy}"))
    return problems
