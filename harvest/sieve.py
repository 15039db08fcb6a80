"""The strategy applied again on our side, where a source found more than was asked for."""

from __future__ import annotations

from harvest.record import Record
from harvest.render.registry import Rendered
from harvest.strategy.match import matches, passage, without
from harvest.strategy.tree import Limit, Placed


class Sieve:
    """The tree as accepted for a source, applied to what the source gave.

    It is applied only where a translation broadened the strategy: a source that runs the strategy
    as it stands knows its own records better than we do. Limits are never applied again.
    """

    def __init__(self, rendered: Rendered) -> None:
        broadened = any(loss.direction == "broadens" for loss in rendered.losses)
        self._tree: Placed | None = None
        if broadened:
            self._tree = without(rendered.compiled.tree, Limit)

    @property
    def applies(self) -> bool:
        """Whether anything is filtered at all."""
        return self._tree is not None

    def rejects(self, record: Record) -> bool:
        """Whether the record is certainly not what the strategy asks for.

        What cannot be told from title, abstract and keywords is kept.
        """
        if self._tree is None:
            return False
        text = passage(record.title, record.abstract, record.keywords, record.language)
        return matches(self._tree, text) is False
