"""Kill runs at random points, and compare them with one that is not killed.

Run: python -m benchmarks.harvest_kills (about half an hour), also by `make soak`.

Each history is one store. A process searches three sources at once and is killed (SIGKILL) after a
random time, again and again, until one process may finish. The store must then hold the same as
after the run that was not killed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import sys
import tempfile
import threading
import time
import tomllib
from pathlib import Path
from typing import Any

from sqlalchemy import select

from api.protocol import ProtocolBody
from api.services.reviews.opening import open_store
from api.services.searching import accepting, harvesting, run_starts, strategies
from api.settings import Settings, load
from benchmarks.children import Child
from benchmarks.measuring import ROOT, write
from store.core.session import Store
from store.core.tables import Batch, BatchEntry, BatchRejected, RecordRow
from store.reviews import people, reviews
from store.reviews.reviews import NewReview
from store.searching import flow
from store.searching.runs import runs
from store.searching.strategies import NewAcceptance
from tests.loopback.corpus import corpus
from tests.loopback.server import Loopback, World

SOURCES = ("pubmed", "europepmc", "openalex")
_SAMPLE = ROOT / "configs" / "reviews" / "childrens-services-integration" / "strategy.toml"


def environment(server: Loopback, data: Path, database_url: str = "") -> dict[str, str]:
    """Environment of a child process: this server as the sources, small pages, no waiting."""
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
    """Create a store with a review whose sample strategy has its losses accepted."""
    store = open_store(settings, create=True, first_person="soak").store
    body = tomllib.loads(_SAMPLE.read_text(encoding="utf-8"))
    with store.write() as session:
        (person,) = people.list_people(session)
        review = reviews.create_review(
            session, NewReview("harvest", "Harvest", ProtocolBody().stored()), person_id=person.id
        )
        strategies.save_version(session, review.id, body, reason=None, person_id=person.id)
    for source, kind in (("openalex", "thesaurus"), ("europepmc", "explosion")):
        acceptance = NewAcceptance(
            source=source, kind=kind, leaf=None, reason="the words are in lines 1 to 4"
        )
        accepting.accept_losses(store, review.id, acceptance, person_id=person.id)
    return store, review.id, person


def prepare(settings: Settings) -> tuple[Store, int]:
    """Create such a store with three runs waiting to start."""
    store, review_id, person = searched(settings)
    run_starts.start_runs(store, settings, review_id, *SOURCES, searcher=person)
    return store, review_id


def walk_all(store: Store, settings: Settings, review_id: int) -> None:
    """Carry on with all runs that have not ended, in parallel."""
    with store.read() as session:
        open_runs = [r.id for r in runs.list_runs(session, review_id) if r.state in runs.OPEN]
    threads = [
        threading.Thread(target=harvesting.walk_run, args=(store, settings, number))
        for number in open_runs
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def dump(store: Store, review_id: int) -> dict[str, Any]:
    """What a store holds of a review, without ids and times; equal runs give equal dumps."""
    with store.read() as session:
        found = runs.list_runs(session, review_id)
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
            "filtered": sum(flow.count_filtered(session, review_id).values()),
            "flow": flow.count_flow(session, review_id),
        }


def fingerprint(dumped: dict[str, Any]) -> str:
    """A hash of a dump."""
    return hashlib.sha256(repr(dumped).encode()).hexdigest()[:16]


def child_walk() -> None:
    """The process that is killed: it says that it is ready, then fetches pages."""
    settings = load()
    store = open_store(settings, create=False).store
    print("ready", flush=True)
    with store.read() as session:
        (review,) = reviews.list_reviews(session)
    walk_all(store, settings, review.id)
    store.close()


def _start(values: dict[str, str]) -> Child:
    child = Child(child_walk, environment=values)
    assert child.stdout.readline() == "ready\n"
    return child


def kill_runs(kills: int, *, seed: int = 0, each: int = 5, size: int = 2000) -> dict[str, Any]:
    """Kill runs at random points.

    Args:
        kills: how many kills in all.
        seed: for the random times.
        each: at most this many kills in one history.
        size: number of articles in the made-up corpus.

    Returns:
        The number of kills, of kills that hit a run in progress, and of histories that ended with
        a different store than the run that was not killed.
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
                    child = _start(values)
                    time.sleep(chance.uniform(0, seconds / 3))
                    child.kill()
                    done += 1
                    with store.read() as session:
                        found = runs.list_runs(session, review_id)
                    hit += any(run.state == "running" for run in found)
                    pages = max(pages, sum(run.pages for run in found))
                    if not any(run.state in runs.OPEN for run in found):
                        break
                last = _start(values)
                last.wait()
                last.close()
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
    """Kill runs and write benchmarks/results/harvest_kills.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    chosen = parser.parse_args()
    figures = kill_runs(chosen.kills)
    print(json.dumps(figures, indent=1))
    write("harvest_kills", figures)
    if figures["different"]:
        sys.exit(f"FAILED: {figures['different']} histories ended with a different store")


if __name__ == "__main__":
    main()
