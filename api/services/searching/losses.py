"""What a source's syntax cannot express of a strategy, and what a person may accept of that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import TypeAdapter

from harvest.errors import StrategyError
from harvest.render.losses import Loss
from harvest.render.registry import render
from harvest.strategy.tree import Strategy

# Changes that a source made to a query; accepted phrase by phrase, for one version only.
WARNINGS = ("field-not-found", "phrase-ignored", "quoted-phrase-not-found")

_LOSSES = TypeAdapter(list[Loss])


def dump_losses(losses: Iterable[Loss]) -> list[dict[str, Any]]:
    """Losses as JSON."""
    dumped: list[dict[str, Any]] = _LOSSES.dump_python(list(losses), mode="json")
    return dumped


def find_covered_losses(strategy: Strategy, source: str, kind: str, leaf: str | None) -> list[Loss]:
    """The narrowing losses of a kind at a source: those of one leaf, or of all if None."""
    try:
        losses = render(strategy, source).losses
    except StrategyError:
        return []
    return [
        loss
        for loss in losses
        if loss.direction == "narrows" and loss.kind == kind and leaf in (None, loss.leaf)
    ]


def group_by_kind(losses: Iterable[Loss]) -> dict[str, list[Loss]]:
    """Losses by their kind, in their order."""
    groups: dict[str, list[Loss]] = {}
    for loss in losses:
        groups.setdefault(loss.kind, []).append(loss)
    return groups


def group_blocking(losses: Sequence[Loss]) -> dict[str, list[Loss]]:
    """Losses that keep a run from starting, by kind."""
    return group_by_kind(loss for loss in losses if loss.blocks)
