"""Renders a strategy for any of the sources."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from harvest.errors import StrategyError
from harvest.render import europepmc, openalex, pubmed
from harvest.render.losses import Compiled, Dialect, Loss, compile_strategy
from harvest.strategy.tree import Strategy


@dataclass(frozen=True, slots=True)
class Writer:
    """A source's dialect, and the function that turns a compiled strategy into queries."""

    dialect: Dialect
    queries: Callable[[Compiled], list[str]]


WRITERS: Mapping[str, Writer] = {
    "pubmed": Writer(pubmed.PubMed(), pubmed.queries),
    "europepmc": Writer(europepmc.EuropePmc(), europepmc.queries),
    "openalex": Writer(openalex.OpenAlex(), openalex.queries),
}


@dataclass(frozen=True, slots=True)
class Rendered:
    """A strategy in a source's syntax.

    Attributes:
        queries: sent one by one; their results are combined.
        compiled: the tree that the source searches, and what the translation lost.
    """

    source: str
    queries: tuple[str, ...]
    compiled: Compiled

    @property
    def losses(self) -> tuple[Loss, ...]:
        """Everything that the translation changed or dropped."""
        return self.compiled.losses

    @property
    def blocked(self) -> bool:
        """Whether there is a narrowing loss that nobody has accepted."""
        return self.compiled.blocked


def render(strategy: Strategy, source: str, line: str | None = None) -> Rendered:
    """Render a strategy line in a source's syntax.

    Raises:
        StrategyError: the source is unknown, or its syntax cannot express any of the strategy.
    """
    if source not in WRITERS:
        raise StrategyError(
            f"There is no source named {source!r}.",
            remedy=f"The sources are: {', '.join(WRITERS)}.",
        )
    writer = WRITERS[source]
    compiled = compile_strategy(strategy, writer.dialect, line)
    return Rendered(source, tuple(writer.queries(compiled)), compiled)
