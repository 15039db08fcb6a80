"""The interface of a source: hits before the download, then one page after another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from harvest.http import Client
from harvest.record import Entry
from harvest.sources.config import SourceConfig

# JSON: it is stored with each page, so that another process can continue from it.
Cursor = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class QueryWarning:
    """A change that a source made to a query, so that it may find other records than intended.

    Attributes:
        kind: ``field-not-found``, ``phrase-ignored`` or ``quoted-phrase-not-found``.
        phrase: the part of the query.
    """

    kind: str
    phrase: str


@dataclass(frozen=True, slots=True)
class QueryPreview:
    """A source's answer to a query before anything is downloaded.

    Attributes:
        reported: hits, summed over the queries.
        at_most: whether several queries may find the same record, so that there may be fewer.
        understood: the query as the source understood it.
        warnings: these block a run until a person accepts them.
        requests: roughly how many requests it takes to fetch everything.
        cursor: where to start; None if there is nothing to fetch.
        notices: other messages from the source.
        budget_left: US dollars left today, if the source says so.
        key_needed: why all of it can be fetched only with an API key; None if it needs none.
    """

    reported: int
    at_most: bool
    understood: str
    warnings: tuple[QueryWarning, ...]
    requests: int
    cursor: Cursor | None
    notices: tuple[str, ...] = ()
    budget_left: float | None = None
    key_needed: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of a source, raw and parsed.

    Attributes:
        body: the raw bytes.
        about: what ``Source.read`` needs besides the bytes to parse them again.
        entries: records and rejected entries.
        cursor: where to continue; None at the end.
        problem: why records are missing from this page; None if none are.
        notices: messages to show.
    """

    body: bytes
    about: Mapping[str, Any]
    entries: tuple[Entry, ...]
    cursor: Cursor | None
    problem: str | None = None
    notices: tuple[str, ...] = field(default=())


class Source(Protocol):
    """A public source. It keeps no state between calls: the cursor holds the position.

    All methods that send requests raise ``harvest.errors.SourceError``.
    """

    name: str
    config: SourceConfig

    def open(self, queries: Sequence[str]) -> QueryPreview:
        """Hits, warnings and cost of queries whose results are combined."""
        ...

    def step(self, queries: Sequence[str], cursor: Cursor) -> Page:
        """The page at a cursor.

        Raises:
            PlaceLost: the source no longer knows the place; the walk can begin again.
            ShortPage: the page has fewer records than the source promised.
        """
        ...

    def read(self, body: bytes, about: Mapping[str, Any]) -> tuple[Entry, ...]:
        """Parse a page again, without the network.

        Raises:
            MalformedPage: it cannot be parsed.
        """
        ...

    def identifier_query(self, pmid: str | None, doi: str | None) -> tuple[str, ...]:
        """Queries that find a record by its identifiers; empty if it has none."""
        ...


SourceFactory = Callable[[Client, SourceConfig, str], Source]
