"""For the conformance suite: a simulated source, its adapter, and a walk through its pages."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from harvest.http import Client
from harvest.record import Record, Rejected
from harvest.sources.config import SourceConfig
from harvest.sources.protocol import Cursor, Page, Source
from harvest.sources.registry import create_source
from tests.loopback.corpus import corpus
from tests.loopback.server import Fault, Loopback, World

CONFIG = tomllib.loads(
    (Path(__file__).parents[2] / "configs" / "sources.toml").read_text(encoding="utf-8")
)
# In each source's syntax: most of the corpus, part of it, nothing.
QUERIES = {
    "pubmed": ("study[tiab] OR survey[tiab] OR evaluation[tiab]", "nowhereword[tiab]"),
    "europepmc": (
        "(TITLE:study OR ABSTRACT:study) OR TITLE:survey OR TITLE:evaluation",
        "TITLE:nowhereword",
    ),
    "openalex": (
        "title_and_abstract.search.exact:study OR survey OR evaluation",
        "title_and_abstract.search.exact:nowhereword",
    ),
}
# Services whose answers hold records.
RECORDS = {"pubmed": "efetch.fcgi", "europepmc": "searchPOST", "openalex": "works"}
SIZE = 230


@dataclass
class Site:
    """A source on this machine."""

    source: Source
    server: Loopback
    stop: Event
    many: tuple[str, ...]
    none: tuple[str, ...]

    @property
    def asked(self) -> list[tuple[str, dict[str, str]]]:
        return self.server.world.asked.get(self.source.name, [])

    def fault(self, kind: str, **options: Any) -> None:
        self.server.world.faults.setdefault(self.source.name, []).append(Fault(kind, **options))

    def walk(self, cursor: Cursor | None = None, *, pages: int | None = None) -> list[Page]:
        """Pages from a cursor, or from the start."""
        at = self.source.open(self.many).cursor if cursor is None else cursor
        found: list[Page] = []
        while at is not None and (pages is None or len(found) < pages):
            found.append(self.source.step(self.many, at))
            at = found[-1].cursor
        return found


def ids(pages: Sequence[Page]) -> list[str]:
    """Accession numbers of all records, in the order received."""
    entries = [entry for page in pages for entry in page.entries]
    return [str(entry.accession) for entry in entries if isinstance(entry, Record)]


def rejected(pages: Sequence[Page]) -> list[Rejected]:
    """All rejected entries."""
    return [e for page in pages for e in page.entries if isinstance(e, Rejected)]


@contextmanager
def site(name: str, *, cap: int = 9999, **changes: Any) -> Iterator[Site]:
    """A source simulated by the loopback server, with short waits."""
    server = Loopback(World(corpus(SIZE), cap=cap, hang=1.0))
    stop = Event()
    client = Client(agent="Winnow tests", allow_loopback=True, stop=stop)
    values = {
        **CONFIG[name],
        "base_url": server.base_url(name),
        "interval": 0.0,
        "page_size": 40,
        "timeout": 5.0,
        "attempts": 3,
        "backoff": 0.01,
        "longest_wait": 1.0,
        **changes,
    }
    try:
        yield Site(
            create_source(name, client, SourceConfig(**values), "someone@example.org"),
            server,
            stop,
            (QUERIES[name][0],),
            (QUERIES[name][1],),
        )
    finally:
        client.close()
        server.close()
