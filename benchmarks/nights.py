"""What a night costs: a hundred living reviews at once, and new records into a large review's pool.

Run: python -m benchmarks.nights (a quarter of an hour).

1. 100 reviews, each harvested from three played sources. The first night asks for everything; the
   second, a week later, for what is new and changed: requests, seconds, memory of the worker. The
   pace of real sources is switched off: seconds are Winnow's own, and the pace adds its own.
2. A review of 100,000 records whose pool gets 300 more: seconds from their arrival to their scores,
   with vectors from words in place of the encoder's; the encoding of 300 texts is timed apart.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from api.protocol import ProtocolBody
from api.schedule import Schedule
from api.services import nights, pool_scores, strategies
from api.services.deduplicating import deduplicate_new
from api.services.importing import ImportRequest, import_file
from api.services.ranking import Ranker
from api.services.setup import open_store
from api.settings import Settings, load
from api.worker import Harvests
from benchmarks.harvest_kills import environment, settings_of
from benchmarks.measuring import ROOT, write
from benchmarks.speed import _csv, _keep_vectors, fresh, texts
from model.encode import Encoder
from store import decisions, people, pool, rankings, records, reviews, searches
from store import nights as stored
from tests.loopback.corpus import corpus
from tests.loopback.server import Loopback, World

_STRATEGY = """#1 child*[tiab] OR families[tiab]
#2 "social work*"[tiab] OR safeguarding[tiab]
#3 #1 AND #2
"""
_DAY = dt.datetime(2023, 3, 1, 6, tzinfo=dt.UTC)


def prepare(settings: Settings, number: int) -> None:
    """A store with so many living reviews that are due each night."""
    store = open_store(settings, create=True, first_person="bench").store
    with store.write() as session:
        (person,) = people.everyone(session)
        for at in range(number):
            review = reviews.create(
                session,
                slug=f"r{at}",
                title=f"Review {at}",
                protocol=ProtocolBody().stored(),
                person_id=person.id,
            )
            strategies.save(
                session, review.id, {"text": _STRATEGY}, reason=None, person_id=person.id
            )
            nights.set_schedule(
                session,
                settings,
                review.id,
                Schedule(on=True, cron="0 2 * * *"),
                person_id=person.id,
                moment=_DAY - dt.timedelta(days=1),
            )
    store.close()


def make_night(moment: dt.datetime) -> None:
    """One night as the worker makes it; prints what it took."""
    settings = load()
    store = open_store(settings, create=False).store
    started = time.perf_counter()
    nights.tick(store, settings, moment=moment)
    begun = time.perf_counter() - started
    harvests = Harvests(store, settings, done=lambda: None)
    while True:
        harvests.take_up()
        nights.end_over(store, moment=moment)
        with store.read() as session:
            if not stored.open_ones(session):
                break
        time.sleep(0.05)
    harvests.close()
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"seconds": seconds, "begun": begun, "peak_mib": peak / 1024}))


def many_reviews(number: int, *, size: int = 700) -> dict[str, Any]:
    """Two nights over so many reviews and three sources."""
    world = World(corpus(size), today=_DAY.date())
    server = Loopback(world)
    found: dict[str, Any] = {"reviews": number, "articles": size}
    with tempfile.TemporaryDirectory() as folder:
        values = environment(server, Path(folder))
        prepare(settings_of(values), number)
        for name, moment in (("first", _DAY), ("later", _DAY + dt.timedelta(days=7))):
            world.today = moment.date()
            server.forget()
            if name == "later":
                world.articles = [
                    dataclasses.replace(a, changed=moment.date(), title=f"{a.title}, revised")
                    if a.number % 20 == 0
                    else a
                    for a in world.articles
                ]
            world.asked.clear()
            process = subprocess.run(
                [sys.executable, "-m", "benchmarks.nights", "--night", moment.isoformat()],
                env=values,
                cwd=ROOT,
                check=True,
                capture_output=True,
                text=True,
            )
            found[name] = {
                **json.loads(process.stdout.splitlines()[-1]),
                "requests": {source: len(asked) for source, asked in world.asked.items()},
            }
    server.close()
    return found


def into_pool(size: int, new: int, repeats: int) -> dict[str, Any]:
    """New records into the pool of a large review: from their arrival to their scores."""
    documents, labels = texts(size + new * repeats)
    encoder = Encoder()
    started = time.perf_counter()
    list(encoder.encode(["A first text loads the model."]))
    loading = time.perf_counter() - started
    started = time.perf_counter()
    encoded = sum(len(piece) for piece in encoder.encode([d.prose for d in documents[-new:]]))
    assert encoded == new
    encoding = time.perf_counter() - started
    took: list[dict[str, float]] = []
    with fresh() as (settings, store, review_id, person):
        _keep_vectors(settings, documents)
        old = documents[:size]

        def bring(part: list[Any], day: str) -> None:
            request = ImportRequest(search_fields={"run_on": day})
            with tempfile.TemporaryFile() as stream:
                stream.write(_csv(part))
                import_file(store, review_id, stream, "made.csv", request, person_id=person)

        bring(old, "2026-01-01")
        with store.write() as session:
            pool.set_freeze(session, review_id, dt.date(2026, 1, 5), person_id=person)
        with store.read() as session:
            reports = sorted(records.live_reports(session, review_id))
        with store.write() as session:
            for at in range(400):
                place = at * (len(reports) // 400)
                word = "include" if labels[place] else "exclude"
                new_one = decisions.NewDecision(
                    token=f"t{at}", report_id=reports[place], decision=word
                )
                decisions.record(session, review_id, person, new_one)
        ranker = Ranker(store, settings)
        before = ranker.rank(review_id)
        assert before is not None
        for at in range(repeats):
            part = documents[size + at * new : size + (at + 1) * new]
            start = time.perf_counter()
            bring(part, f"2026-02-{at + 1:02d}")
            stored_at = time.perf_counter()
            scores = pool_scores.make(ranker, store, review_id)
            scored = time.perf_counter()
            assert scores
            took.append({"stored": stored_at - start, "scored": scored - stored_at})
        with store.read() as session:
            assert review_id not in rankings.due(session)
            waiting = len(pool.reports(session, review_id))
            assert len(searches.everything(session, review_id)) == 1 + repeats
        deduplicate_new(store, review_id)
    return {
        "records": size,
        "new": new,
        "repeats": repeats,
        "waiting": waiting,
        "seconds_to_stored": median(each["stored"] for each in took),
        "seconds_to_scores": median(each["scored"] for each in took),
        "seconds_in_all": median(each["stored"] + each["scored"] for each in took),
        "seconds_of_encoding": encoding,
        "seconds_of_loading": loading,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "decisions": int(np.minimum(400, size)),
    }


def main() -> None:
    """A night of a child process, or both measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--night", help="make one night in the store of the environment")
    parser.add_argument("--quick", action="store_true")
    chosen = parser.parse_args()
    if chosen.night:
        make_night(dt.datetime.fromisoformat(chosen.night))
        return
    figures: dict[str, Any] = {"many_reviews": many_reviews(5 if chosen.quick else 100)}
    print(json.dumps(figures["many_reviews"], indent=1))
    figures["into_pool"] = into_pool(*((2_000, 100, 2) if chosen.quick else (100_000, 300, 3)))
    print(json.dumps(figures["into_pool"], indent=1))
    write("nights-quick" if chosen.quick else "nights", figures)


if __name__ == "__main__":
    main()
