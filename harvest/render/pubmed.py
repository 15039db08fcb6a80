"""PubMed's search syntax. Strategies are written in it, so little is lost."""

from __future__ import annotations

import re

from harvest.render.losses import Compiled, RenderedLeaf
from harvest.strategy.tree import Leaf, LimitKind, Text
from harvest.strategy.write import leaf_text, tree_text

# PubMed truncates a word only after at least this many letters.
_STEM = 4


class PubMed:
    """PubMed's search syntax (PubMed help; NLM Technical Bulletin 2024 no. 458)."""

    name = "pubmed"
    outside: frozenset[LimitKind] = frozenset()

    def leaf(self, leaf: Leaf) -> RenderedLeaf:
        """A leaf in PubMed's syntax."""
        text = leaf_text(leaf)
        if isinstance(leaf, Text):
            if leaf.near is not None and leaf.truncated:
                # A truncated word turns proximity off, without a warning.
                return RenderedLeaf(text, "proximity-truncation", "unknown")
            stems = (word.split("*")[0] for word in leaf.words.split() if "*" in word)
            if any(len(re.sub(r"\W", "", stem)) < _STEM for stem in stems):
                return RenderedLeaf(text, "truncation", "unknown")
        return RenderedLeaf(text)


def queries(compiled: Compiled) -> list[str]:
    """The query to send: always one, however long."""
    return [tree_text(compiled.tree, compiled.leaf_texts.__getitem__)]
