"""What every source gives: hits before download, and pages one after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from harvest.http import Client
from harvest.record import Entry
from harvest.sources.config import SourceConfig

# JSON: it is stored with each page, and a walk goes on from it in another process.
Cursor = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Warned:
    """Something that a source did to a query: it may bring other records than were meant.

    Attributes:
        kind: ``field-not-found``, ``phrase-ignored`` or ``quoted-phrase-not-found``.
        phrase: the part of the query.
    """

    kind: str
    phrase: str


@dataclass(frozen=True, slots=True)
class Opened:
    """What a source says of a query before anything is downloaded.

    Attributes:
        reported: hits, summed over the queries.
        at_most: the queries may bring the same record, so that the union may be smaller.
        understood: the query as the source read it.
        warnings: what blocks a run until a person accepts it.
        requests: how many requests fetching everything takes, about.
        cursor: where the walk begins; None where there is nothing to fetch.
        notices: what the source says besides.
        budget_left: US dollars that are left today, where the source says so.
    """

    reported: int
    at_most: bool
    understood: str
    warnings: tuple[Warned, ...]
    requests: int
    cursor: Cursor | None
    notices: tuple[str, ...] = ()
    budget_left: float | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of a source, as it came and as it was read.

    Attributes:
        body: the bytes.
        about: what ``Source.read`` needs beside the bytes to read them again.
        entries: records and rejected entries.
        cursor: where the walk goes on; None at its end.
        problem: why this page leaves a gap; None where it does not.
        notices: what should be told of it.
    """

    body: bytes
    about: Mapping[str, Any]
    entries: tuple[Entry, ...]
    cursor: Cursor | None
    problem: str | None = None
    notices: tuple[str, ...] = field(default=())


class Source(Protocol):
    """A public source. It keeps nothing between calls: where a walk stands is in the cursor.

    All methods that ask the source raise ``harvest.errors.SourceError``.
    """

    name: str
    config: SourceConfig

    def open(self, queries: Sequence[str]) -> Opened:
        """Hits, warnings and cost of queries whose results are joined."""
        ...

    def step(self, queries: Sequence[str], cursor: Cursor) -> Page:
        """The page at a cursor."""
        ...

    def read(self, body: bytes, about: Mapping[str, Any]) -> tuple[Entry, ...]:
        """Read a page again, without the network.

        Raises:
            MalformedPage: it is not what it claims to be.
        """
        ...

    def identifier_query(self, pmid: str | None, doi: str | None) -> tuple[str, ...]:
        """Queries that find a record by its identifiers; none where it has none."""
        ...


Make = Callable[[Client, SourceConfig, str], Source]
