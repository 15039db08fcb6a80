"""What tests of runs share: a review with a strategy, and the three simulated sources."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from api.cli import app
from api.services.searching import accepting, harvesting, run_starts, strategies
from api.settings import Settings
from store.core.session import Store
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from store.searching.runs import runs
from store.searching.runs.runs import RunInfo
from store.searching.strategies import NewAcceptance
from tests.loopback.corpus import corpus
from tests.loopback.server import PATHS, Fault, Loopback, World
from tests.shared import ROOT

STRATEGY = """#1 child*[tiab] OR families[tiab] OR "Child"[mesh]
#2 "social work*"[tiab] OR "family court*"[tiab] OR safeguarding[tiab]
#3 #1 AND #2
"""


@dataclass
class Bench:
    """A review with simulated sources."""

    store: Store
    settings: Settings
    server: Loopback
    review: ReviewInfo
    person: PersonInfo

    def save(self, text: str = STRATEGY, *, accepted: bool = True) -> int:
        with self.store.write() as session:
            version = strategies.save_version(
                session, self.review.id, {"text": text}, reason=None, person_id=self.person.id
            )
        if accepted:
            for source, kind in (("openalex", "thesaurus"), ("europepmc", "explosion")):
                self.accept(source, kind)
        return version

    def accept(self, source: str, kind: str, leaf: str | None = None) -> int:
        acceptance = NewAcceptance(
            source=source, kind=kind, leaf=leaf, reason="the words are there"
        )
        return accepting.accept_losses(
            self.store, self.review.id, acceptance, person_id=self.person.id
        ).accepted

    def begin(self, source: str = "pubmed") -> int:
        (run_id,) = run_starts.start_runs(
            self.store, self.settings, self.review.id, source, searcher=self.person
        )
        return run_id

    def walk(self, run_id: int) -> RunInfo:
        return harvesting.walk_run(self.store, self.settings, run_id)

    def run(self, source: str = "pubmed") -> RunInfo:
        return self.walk(self.begin(source))

    def info(self, run_id: int) -> RunInfo:
        with self.store.read() as session:
            return runs.get_run(session, run_id)

    def fault(self, source: str, kind: str, **options: object) -> None:
        faults = self.server.world.faults.setdefault(source, [])
        faults.append(Fault(kind, **options))  # type: ignore[arg-type] # passed through

    def change_source(self, source: str, **values: object) -> None:
        """Change a source's settings."""
        config = self.settings.sources[source].model_copy(update=values)
        sources = {**self.settings.sources, source: config}
        self.settings = self.settings.model_copy(update={"sources": sources})

    def use_key(self) -> None:
        """Set an API key for OpenAlex, which is then asked by cursors."""
        self.change_source("openalex", api_key="sesame-open")

    def mend(self) -> None:
        """Remove all faults."""
        self.server.world.faults.clear()


@contextmanager
def bench(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo, *, size: int = 400
) -> Iterator[Bench]:
    """The three sources, with small pages and no waiting."""
    server = Loopback(World(corpus(size), hang=1.0))
    sources = {
        name: config.model_copy(
            update={
                "base_url": server.base_url(name),
                "interval": 0.0,
                "page_size": 25,
                "attempts": 2,
                "backoff": 0.01,
                "longest_wait": 0.5,
            }
        )
        for name, config in settings.sources.items()
        if name in PATHS
    }
    harvest = settings.harvest.model_copy(update={"allow_loopback": True})
    changed = settings.model_copy(update={"sources": sources, "harvest": harvest})
    try:
        yield Bench(store, changed, server, review, person)
    finally:
        server.close()


class Terminal:
    """The command line on its own data folder, with simulated sources."""

    def __init__(self, folder: Path, server: Loopback) -> None:
        self.folder = folder
        self.server = server
        self.environment = {
            **os.environ,
            **server.environment(),
            "WINNOW_DATA_DIR": str(folder / "data"),
        }
        for name in ("PUBMED", "EUROPEPMC", "OPENALEX"):
            self.environment[f"WINNOW_SOURCES__{name}__INTERVAL"] = "0"
            self.environment[f"WINNOW_SOURCES__{name}__PAGE_SIZE"] = "25"
            self.environment[f"WINNOW_SOURCES__{name}__BACKOFF"] = "0.01"

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "api.cli", *arguments],
            env=self.environment,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *arguments: str, code: int = 0) -> Any:
        # In this process, because starting one takes seconds.
        done = CliRunner().invoke(app, [*arguments, "--json"], env=self.environment)
        assert done.exit_code == code, done.output
        return json.loads(done.stdout)

    def say(self, *arguments: str, code: int = 0) -> str:
        """What a person reads, on one line."""
        done = CliRunner().invoke(app, list(arguments), env={**self.environment, "COLUMNS": "200"})
        assert done.exit_code == code, done.output
        return " ".join(done.output.split())
