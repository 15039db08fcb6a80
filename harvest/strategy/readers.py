"""Readers of strategies: one for each platform's syntax that Winnow reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from harvest.errors import ForeignSyntax
from harvest.strategy.parse import parse
from harvest.strategy.syntax import NAMES, Syntax, recognise
from harvest.strategy.tree import Strategy


class Reader(Protocol):
    """Reads strategies in one platform's syntax."""

    name: Syntax

    def read(self, text: str, *, use: str | None = None) -> Strategy:
        """A strategy from its text.

        Args:
            text: the strategy, with or without numbered lines.
            use: name of the line to run; None for the last.

        Raises:
            StrategyError: it cannot be read.
        """
        ...


class PubMedReader:
    """Reads PubMed's syntax."""

    name: Syntax = "pubmed"

    def read(self, text: str, *, use: str | None = None) -> Strategy:
        """A strategy from its text; see ``Reader``."""
        return parse(text, use=use)


PUBMED: Final[Reader] = PubMedReader()
READERS: Final[Mapping[Syntax, Reader]] = {PUBMED.name: PUBMED}


def find_reader(text: str, declared: Syntax | None = None) -> Reader:
    """The reader of a strategy.

    Args:
        text: the strategy.
        declared: the syntax that the searcher states; None to recognise it.

    Raises:
        ForeignSyntax: it is in a syntax that Winnow does not read, whatever the searcher states.
    """
    found = recognise(text)
    syntax = declared or found.syntax
    if syntax in READERS and found.syntax in READERS:
        return READERS[syntax]
    unread = declared if declared and declared not in READERS else found.syntax
    if unread == declared:
        message = f"Winnow does not read the syntax of {NAMES[unread]} yet."
    elif unread == "unknown":
        message = f"{found.mark!r} is not PubMed's syntax; several platforms write it so."
    else:
        message = f"This looks like the syntax of {NAMES[unread]}: {found.mark!r}."
    raise ForeignSyntax(
        message,
        syntax=unread,
        remedy="Write the strategy in PubMed's syntax (https://pubmed.ncbi.nlm.nih.gov/help/), or "
        "search on that platform and import the file.",
        line=found.line,
    )
