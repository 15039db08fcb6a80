"""PubMed's syntax: the one our strategies are written in, so that little is lost."""

from __future__ import annotations

import re

from harvest.render.losses import Compiled, Said
from harvest.strategy.tree import Leaf, LimitKind, Text
from harvest.strategy.write import leaf_text, tree_text

# PubMed cuts words only after this many letters.
_STEM = 4


class PubMed:
    """PubMed's search syntax (PubMed help; NLM Technical Bulletin 2024 no. 458)."""

    name = "pubmed"
    outside: frozenset[LimitKind] = frozenset()

    def leaf(self, leaf: Leaf) -> Said:
        """A leaf as PubMed says it."""
        text = leaf_text(leaf)
        if isinstance(leaf, Text):
            if leaf.near is not None and leaf.truncated:
                # A cut word turns nearness off without a word of warning.
                return Said(text, "proximity-truncation", "unknown")
            stems = (word.split("*")[0] for word in leaf.words.split() if "*" in word)
            if any(len(re.sub(r"\W", "", stem)) < _STEM for stem in stems):
                return Said(text, "truncation", "unknown")
        return Said(text)


def queries(compiled: Compiled) -> list[str]:
    """The query as it is sent; one, however long."""
    return [tree_text(compiled.tree, compiled.said.__getitem__)]
