"""Apply the strategy again to the records that a source found with a broader query."""

from __future__ import annotations

from harvest.record import Record
from harvest.render.registry import Rendered
from harvest.strategy.match import create_passage, drop_leaves, matches
from harvest.strategy.tree import Expanded, Limit


class LocalFilter:
    """Rejects records that the strategy, as accepted for a source, does not match.

    It is used only if the translation broadened the strategy. A source that runs the strategy as
    written knows its own records better than we do. Limits are never applied again.
    """

    def __init__(self, rendered: Rendered) -> None:
        broadened = any(loss.direction == "broadens" for loss in rendered.losses)
        self._tree: Expanded | None = None
        if broadened:
            self._tree = drop_leaves(rendered.compiled.tree, Limit)

    @property
    def applies(self) -> bool:
        """Whether this filter is used for the source."""
        return self._tree is not None

    def rejects(self, record: Record) -> bool:
        """Whether the record certainly does not match the strategy.

        A record is kept if title, abstract and keywords do not settle the question.
        """
        if self._tree is None:
            return False
        text = create_passage(record.title, record.abstract, record.keywords, record.language)
        return matches(self._tree, text) is False
