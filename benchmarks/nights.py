"""Measure a scheduled search of 100 living reviews, and new records for a large review's pool.

Run: python -m benchmarks.nights (a quarter of an hour).

1. 100 reviews, each searched at three simulated sources. The first night asks for everything; the
   second, a week later, for what is new and changed. Requests, seconds and the worker's memory are
   measured. The pace of real sources is switched off, so the seconds are Winnow's own.
2. A review of 100,000 records whose pool gets 300 more: seconds from their arrival to their scores,
   with vectors made from words. Encoding 300 texts is timed separately.
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
from api.services.duplicates.deduplicating import compare_new_records
from api.services.living import night_runs, schedules
from api.services.ranking import pool_scores
from api.services.ranking.ranker import Ranker
from api.services.reviews.opening import open_store
from api.services.searching import strategies
from api.services.searching.importing import ImportRequest, import_file
from api.settings import Settings, load
from api.worker.worker import Harvests
from benchmarks.harvest_kills import environment, settings_of
from benchmarks.measuring import ROOT, write
from benchmarks.speed import _csv, _keep_vectors, fresh, texts
from model.encode import Encoder
from store.reports.reports import list_active_reports
from store.reviews import people, reviews
from store.reviews.reviews import NewReview
from store.screening import decisions, rankings
from store.searching import pool, pool_membership, searches
from store.searching.nights import list_unfinished_nights
from tests.loopback.corpus import corpus
from tests.loopback.server import Loopback, World

_STRATEGY = """#1 child*[tiab] OR families[tiab]
#2 "social work*"[tiab] OR safeguarding[tiab]
#3 #1 AND #2
"""
_DAY = dt.datetime(2023, 3, 1, 6, tzinfo=dt.UTC)


def prepare(settings: Settings, number: int) -> None:
    """Create a store with living reviews that are due each night."""
    store = open_store(settings, create=True, first_person="bench").store
    with store.write() as session:
        (person,) = people.list_people(session)
        for at in range(number):
            review = reviews.create_review(
                session,
                NewReview(f"r{at}", f"Review {at}", ProtocolBody().stored()),
                person_id=person.id,
            )
            strategies.save_version(
                session, review.id, {"text": _STRATEGY}, reason=None, person_id=person.id
            )
    changes = {"on": True, "cron": "0 2 * * *"}
    since = _DAY - dt.timedelta(days=1)
    with store.read() as session:
        review_ids = [review.id for review in reviews.list_reviews(session)]
    for review_id in review_ids:
        schedules.set_schedule(
            store, settings, review_id, changes, person_id=person.id, moment=since
        )
    store.close()


def make_night(moment: dt.datetime) -> None:
    """Run one night as the worker does, and print what it took."""
    settings = load()
    store = open_store(settings, create=False).store
    started = time.perf_counter()
    night_runs.run_due(store, settings, moment=moment)
    begun = time.perf_counter() - started
    harvests = Harvests(store, settings, done=lambda: None)
    while True:
        harvests.take_up()
        night_runs.end_finished_nights(store, moment=moment)
        with store.read() as session:
            if not list_unfinished_nights(session):
                break
        time.sleep(0.05)
    harvests.close()
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"seconds": seconds, "begun": begun, "peak_mib": peak / 1024}))


def many_reviews(number: int, *, size: int = 700) -> dict[str, Any]:
    """Run two nights of several reviews at three sources."""
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
    """Time new records for the pool of a large review, from their arrival to their scores."""
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
            pool_membership.set_freeze_date(
                session, review_id, dt.date(2026, 1, 5), person_id=person
            )
        with store.read() as session:
            reports = sorted(list_active_reports(session, review_id))
        with store.write() as session:
            for at in range(400):
                place = at * (len(reports) // 400)
                word = "include" if labels[place] else "exclude"
                new_one = decisions.NewDecision(
                    token=f"t{at}", report_id=reports[place], decision=word
                )
                decisions.record_decision(session, review_id, person, new_one)
        ranker = Ranker(store, settings)
        before = ranker.rank(review_id)
        assert before is not None
        for at in range(repeats):
            part = documents[size + at * new : size + (at + 1) * new]
            start = time.perf_counter()
            bring(part, f"2026-02-{at + 1:02d}")
            stored_at = time.perf_counter()
            scores = pool_scores.score_pool(ranker, store, review_id)
            scored = time.perf_counter()
            assert scores
            took.append({"stored": stored_at - start, "scored": scored - stored_at})
        with store.read() as session:
            assert review_id not in rankings.list_reviews_to_rank(session)
            waiting = len(pool.list_reports(session, review_id))
            assert len(searches.list_searches(session, review_id)) == 1 + repeats
        compare_new_records(store, review_id)
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
    """Run one night in a child process, or take both measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--night", help="run one night in the store that the environment names")
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
