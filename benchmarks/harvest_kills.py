"""Harvests that are killed at random points, beside one that is not.

Run: python -m benchmarks.harvest_kills (about half an hour), also by `make soak`.

Each history is one store: three sources are harvested at once by a process that is killed
(SIGKILL) after a random while, again and again, until a process is let finish. What is stored then
must be what the unbroken harvest stored.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from pathlib import Path
from typing import Any

from sqlalchemy import select

from api.protocol import ProtocolBody
from api.services import harvesting, strategies
from api.services.setup import open_store
from api.settings import Settings, load
from benchmarks.measuring import ROOT, write
from store import flow, people, reviews, runs
from store.session import Store
from store.tables import Batch, BatchEntry, BatchRejected, RecordRow
from tests.loopback.corpus import corpus
from tests.loopback.server import Loopback, World

SOURCES = ("pubmed", "europepmc", "openalex")
_SAMPLE = ROOT / "configs" / "reviews" / "childrens-services-integration" / "strategy.toml"


def environment(server: Loopback, data: Path, database_url: str = "") -> dict[str, str]:
    """Settings of a child process: this server for the sources, small pages, no waiting."""
    found = {
        **os.environ,
        **server.environment(),
        "WINNOW_DATA_DIR": str(data),
        "WINNOW_DATABASE_URL": database_url,
    }
    for name in SOURCES:
        found[f"WINNOW_SOURCES__{name.upper()}__INTERVAL"] = "0"
        found[f"WINNOW_SOURCES__{name.upper()}__PAGE_SIZE"] = "60"
        found[f"WINNOW_SOURCES__{name.upper()}__BACKOFF"] = "0.05"
    found["WINNOW_SOURCES__PUBMED__LARGEST_RESULT"] = "300"
    return found


def settings_of(values: dict[str, str]) -> Settings:
    """The same settings in this process."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(values)
    try:
        return load()
    finally:
        os.environ.clear()
        os.environ.update(before)


def searched(settings: Settings) -> tuple[Store, int, people.PersonInfo]:
    """A store with a review and the sample strategy, its losses accepted; and who did so."""
    store = open_store(settings, create=True, first_person="soak").store
    body = tomllib.loads(_SAMPLE.read_text(encoding="utf-8"))
    with store.write() as session:
        (person,) = people.everyone(session)
        review = reviews.create(
            session,
            slug="harvest",
            title="Harvest",
            protocol=ProtocolBody().stored(),
            person_id=person.id,
        )
        strategies.save(session, review.id, body, reason=None, person_id=person.id)
        for source, kind in (("openalex", "thesaurus"), ("europepmc", "explosion")):
            strategies.accept(
                session,
                review.id,
                source=source,
                kind=kind,
                leaf=None,
                reason="the words are in lines 1 to 4",
                person_id=person.id,
            )
    return store, review.id, person


def prepare(settings: Settings) -> tuple[Store, int]:
    """The same with three runs that wait."""
    store, review_id, person = searched(settings)
    harvesting.begin(store, settings, review_id, *SOURCES, person_id=person.id, person=person.name)
    return store, review_id


def walk_all(store: Store, settings: Settings, review_id: int) -> None:
    """Walk all runs that have not ended, side by side."""
    with store.read() as session:
        open_runs = [r.id for r in runs.everything(session, review_id) if r.state in runs.OPEN]
    threads = [
        threading.Thread(target=harvesting.walk, args=(store, settings, number))
        for number in open_runs
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def dump(store: Store, review_id: int) -> dict[str, Any]:
    """What a store holds of a review, without ids and moments: equal dumps are equal harvests."""
    with store.read() as session:
        found = runs.everything(session, review_id)
        records = {
            row.id: (row.source, row.source_id)
            for row in session.scalars(select(RecordRow).where(RecordRow.review_id == review_id))
        }
        texts = sorted(
            (row.source, row.source_id, row.title, row.abstract, row.doi, row.active)
            for row in session.scalars(select(RecordRow).where(RecordRow.review_id == review_id))
        )
        groups: dict[int, list[tuple[str, str]]] = {}
        for row in session.scalars(select(RecordRow).where(RecordRow.review_id == review_id)):
            groups.setdefault(row.report_id, []).append((row.source, row.source_id))
        fates = sorted(
            (batch.run_id, batch.number, entry.position, *records[entry.record_id], entry.fate)
            for batch, entry in session.execute(
                select(Batch, BatchEntry).join(BatchEntry, BatchEntry.batch_id == Batch.id)
            )
        )
        rejected = sorted(
            (batch.run_id, batch.number, lost.position, lost.reason, lost.excerpt)
            for batch, lost in session.execute(
                select(Batch, BatchRejected).join(BatchRejected, BatchRejected.batch_id == Batch.id)
            )
        )
        pages = sorted((b.run_id, b.number, b.sha256) for b in session.scalars(select(Batch)))
        return {
            "runs": [
                (r.source, r.state, r.reported, r.received, r.unique, r.pages, r.cursor)
                for r in found
            ],
            "records": texts,
            "fates": fates,
            "rejected": rejected,
            "pages": pages,
            "reports": sorted(sorted(copies) for copies in groups.values()),
            "filtered": sum(flow.filtered(session, review_id).values()),
            "flow": flow.flow(session, review_id),
        }


def fingerprint(dumped: dict[str, Any]) -> str:
    """A short name of what was dumped."""
    return hashlib.sha256(repr(dumped).encode()).hexdigest()[:16]


def _child() -> None:
    """The process that is killed: says that it is ready and walks."""
    settings = load()
    store = open_store(settings, create=False).store
    print("ready", flush=True)
    with store.read() as session:
        (review,) = reviews.everything(session)
    walk_all(store, settings, review.id)
    store.close()


def _start(values: dict[str, str]) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.harvest_kills", "--child"],
        env=values,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def kill_runs(kills: int, *, seed: int = 0, each: int = 5, size: int = 2000) -> dict[str, Any]:
    """Kill so many harvests at random points.

    Args:
        kills: kill points in all.
        seed: of the random whiles.
        each: kill points of one history at most.
        size: articles of the made-up corpus.

    Returns:
        Numbers of kills, of those that hit a harvest under way, and of histories that ended with
        another store than the unbroken harvest's.
    """
    chance = random.Random(seed)
    server = Loopback(World(corpus(size), cap=300, delay=0.01))
    done = hit = histories = different = pages = 0
    try:
        with tempfile.TemporaryDirectory() as folder:
            settings = settings_of(environment(server, Path(folder)))
            store, review_id = prepare(settings)
            started = time.monotonic()
            walk_all(store, settings, review_id)
            seconds = time.monotonic() - started
            expected = dump(store, review_id)
            store.close()
        while done < kills:
            histories += 1
            with tempfile.TemporaryDirectory() as folder:
                values = environment(server, Path(folder))
                store, review_id = prepare(settings_of(values))
                for _ in range(min(each, kills - done)):
                    process = _start(values)
                    time.sleep(chance.uniform(0, seconds / 3))
                    process.kill()
                    process.communicate()
                    done += 1
                    with store.read() as session:
                        found = runs.everything(session, review_id)
                    hit += any(run.state == "running" for run in found)
                    pages = max(pages, sum(run.pages for run in found))
                    if not any(run.state in runs.OPEN for run in found):
                        break
                _start(values).communicate()
                ended = dump(store, review_id)
                store.close()
                different += ended != expected
    finally:
        server.close()
    return {
        "kills": done,
        "under_way": hit,
        "histories": histories,
        "different": different,
        "records": len(expected["records"]),
        "pages": len(expected["pages"]),
        "reports": len(expected["reports"]),
        "filtered": expected["filtered"],
        "store": fingerprint(expected),
    }


def main() -> None:
    """Kill so many harvests and write benchmarks/results/harvest_kills.json."""
    if "--child" in sys.argv:
        _child()
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    chosen = parser.parse_args()
    figures = kill_runs(chosen.kills)
    print(json.dumps(figures, indent=1))
    write("harvest_kills", figures)
    if figures["different"]:
        sys.exit(f"FAILED: {figures['different']} histories ended with another store")


if __name__ == "__main__":
    main()
