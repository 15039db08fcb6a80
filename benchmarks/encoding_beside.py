"""A large import that is being encoded, beside a small review in which somebody decides.

Run: python -m benchmarks.encoding_beside (about fifteen minutes; the two cores must be idle). A
real server with its worker and encoder, on SQLite. It times a decision in the small review until
its new order is stored, before the import and from its end on; the first order by words of the
large review; and what worker and server hold in memory at rest, with the sample review.
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from api.protocol import ProtocolBody
from api.services.reviews.opening import open_store
from api.services.searching.importing import ImportRequest, import_file
from benchmarks.children import Child, command
from benchmarks.load_store import get_settings
from benchmarks.measuring import percentile, write
from benchmarks.served import count_cpu, count_memory, list_family, serve
from store.core.jobs import JobInfo, list_recent_jobs
from store.core.session import Store
from store.reviews import people, reviews
from store.reviews.reviews import NewReview
from store.screening import rankings

_SMALL, _BIG = "small", "big"
_BAR_SECONDS, _WORKER_BAR_MB, _SERVER_BAR_MB = 1.0, 300, 250
_VOCABULARY = 30_000
_LONGEST_WAIT = 3_600.0
# Seconds for which nothing happens before memory is at rest, and between two looks at an order.
_REST, _LOOK = 20.0, 0.01


@dataclass(frozen=True, slots=True)
class Sizes:
    """What is measured.

    Attributes:
        records: of the large import.
        small: records of the other review.
        before: decisions in it before the import.
        seconds: of decisions from the end of the import on.
        between: seconds between two decisions.
    """

    records: int = 20_000
    small: int = 500
    before: int = 30
    seconds: float = 180.0
    between: float = 1.0


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def write_file(path: Path, records: int, seed: int) -> None:
    """Write a table of invented texts, with words about as frequent as they are in real ones."""
    rng = random.Random(seed)
    words = [
        "".join(rng.choice("bcdfglmnprst") + rng.choice("aeiou") for _ in range(rng.randint(1, 4)))
        for _ in range(_VOCABULARY)
    ]
    weights = [1 / (place + 3) for place in range(_VOCABULARY)]
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["title", "abstract", "year"])
        for number in range(records):
            text = rng.choices(words, weights, k=rng.randint(90, 240))
            rows.writerow(
                [f"{' '.join(text[:12])} {number}", " ".join(text[12:]), 2000 + number % 25]
            )


@dataclass
class _Small:
    """The small review, and somebody who decides in it."""

    store: Store
    review_id: int
    url: str
    client: requests.Session
    decided: int = 0

    def decide(self) -> float:
        """Decide the next card; seconds until the order that knows it is stored."""
        hand = self.client.post(f"{self.url}/queue/next", json={"n": 1}, timeout=120).json()
        if not hand["cards"]:
            raise RuntimeError(
                "The small review has no records left, and no text of the large one is encoded. "
                "The encoder gives way to everything else: run this on an idle machine."
            )
        self.decided += 1
        relevant = self.decided % 3 == 1
        body = {
            "token": f"beside-{self.decided}",
            "report": hand["cards"][0]["report"],
            "decision": "include" if relevant else "exclude",
        }
        began = time.perf_counter()
        self.client.post(f"{self.url}/decisions", json=body, timeout=120).raise_for_status()
        while _count_known(self.store, self.review_id) < self.decided:
            if time.perf_counter() - began > _LONGEST_WAIT:
                raise TimeoutError("no order came")
            time.sleep(_LOOK)
        return time.perf_counter() - began


def _count_known(store: Store, review_id: int) -> int:
    with store.read() as session:
        newest = rankings.get_newest_ranking(session, review_id)
    return -1 if newest is None else newest.n_decisions


def _is_complete(store: Store, review_id: int) -> bool:
    with store.read() as session:
        newest = rankings.get_newest_ranking(session, review_id)
    return newest is not None and bool(newest.detail.get("meaning", {}).get("complete", True))


def _wait(happened: Any, what: str) -> None:
    began = time.monotonic()
    while not happened():
        if time.monotonic() - began > _LONGEST_WAIT:
            raise TimeoutError(what)
        time.sleep(0.2)


def measure(sizes: Sizes) -> dict[str, Any]:
    """Measure decisions beside a large import."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        settings = get_settings(data, "")
        store = open_store(settings, create=True, first_person="lead").store
        ids = _create_reviews(store)
        big, small = Path(folder) / "big.csv", Path(folder) / "small.csv"
        write_file(big, sizes.records, 1)
        write_file(small, sizes.small, 2)
        with small.open("rb") as stream:
            import_file(store, ids[_SMALL], stream, small.name, ImportRequest(), person_id=1)
        with store.write() as session:
            token = people.create_token(session, 1, "benchmark")[1]
        with serve(data) as (base, pid), requests.Session() as client:
            client.headers["authorization"] = f"Bearer {token}"
            beside = _Small(store, ids[_SMALL], f"{base}/api/v1/reviews/{_SMALL}", client)
            _say("encoding the small review")
            _wait(lambda: _is_complete(store, ids[_SMALL]), "the small review was not encoded")
            # The first two differ, so that a fit follows every later one.
            before = [beside.decide() for _ in range(2 + sizes.before)][2:]
            _say(f"a decision takes {percentile(before, 0.95):.2f} s (p95); importing")
            import_seconds = _import(data, big)
            found = _decide_beside(beside, ids[_BIG], sizes, pid)
        store.close()
    return {
        "records": sizes.records,
        "small": sizes.small,
        "import_s": round(import_seconds, 1),
        "before_p50_s": _round(before, 0.5),
        "before_p95_s": _round(before, 0.95),
        "bar_s": _BAR_SECONDS,
        **found,
    }


def _create_reviews(store: Store) -> dict[str, int]:
    with store.write() as session:
        return {
            slug: reviews.create_review(
                session, NewReview(slug, slug, ProtocolBody().stored()), person_id=1
            ).id
            for slug in (_SMALL, _BIG)
        }


def _import(data: Path, file: Path) -> float:
    began = time.monotonic()
    environment = {**os.environ, "WINNOW_DATA_DIR": str(data)}
    child = Child(command, "import", str(file), "--review", _BIG, "--json", environment=environment)
    if child.wait() != 0:
        raise RuntimeError(f"the import failed: {child.stdout.read()}")
    child.close()
    return time.monotonic() - began


def _decide_beside(beside: _Small, big: int, sizes: Sizes, pid: int) -> dict[str, Any]:
    """Decide from the end of the import on, while the large review is prepared and encoded."""
    ended, began, cpu = dt.datetime.now(dt.UTC), time.monotonic(), count_cpu(pid)
    first: float | None = None
    encoding: JobInfo | None = None
    until_first: list[float] = []
    waits: list[float] = []
    while first is None or encoding is None or time.monotonic() - began < sizes.seconds:
        waits.append(beside.decide())
        encoding = _find_encoding(beside.store, big) or encoding
        if first is None:
            until_first.append(waits[-1])
            made = _find_order_time(beside.store, big)
            if made is not None:
                first = (made - ended).total_seconds()
                _say(f"first order of the large review after {first:.0f} s")
        if time.monotonic() - began > _LONGEST_WAIT:
            raise TimeoutError("the large review got no order, or no text of it was encoded")
        time.sleep(sizes.between)
    return {
        "decisions": len(waits),
        "p50_s": _round(waits, 0.5),
        "p95_s": _round(waits, 0.95),
        "longest_s": round(max(waits), 3),
        "until_first_p95_s": _round(until_first, 0.95),
        "first_order_s": round(first, 1),
        "encoded": encoding.done,
        "to_encode": encoding.total,
        "cpu_s": round(count_cpu(pid) - cpu, 1),
    }


def _find_encoding(store: Store, review_id: int) -> JobInfo | None:
    with store.read() as session:
        listed = list_recent_jobs(session, review_id)
    return next((job for job in listed if job.kind == "embedding"), None)


def _find_order_time(store: Store, review_id: int) -> dt.datetime | None:
    with store.read() as session:
        newest = rankings.get_newest_ranking(session, review_id)
    return None if newest is None else newest.created_at


def _round(values: Sequence[float], share: float) -> float:
    return round(percentile(values, share), 3)


def measure_rest() -> dict[str, Any]:
    """What worker and server hold in memory at rest, after the sample review has been ranked."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        settings = get_settings(data, "")
        store = open_store(settings, create=True, first_person="lead").store
        with serve(data, "--sample", encoder__idle_seconds="5") as (base, pid):
            with store.read() as session:
                (sample,) = reviews.list_reviews(session)
            _wait(lambda: _is_complete(store, sample.id), "the sample was not encoded")
            requests.get(f"{base}/healthz", timeout=60).raise_for_status()
            _wait(lambda: not list(_list_pids(pid, "encoder_child")), "the encoder did not end")
            time.sleep(_REST)
            (worker,) = _list_pids(pid, "worker")
            found = {
                "worker_mb": round(count_memory(worker) / 2**20),
                "worker_bar_mb": _WORKER_BAR_MB,
                "server_mb": round(count_memory(pid) / 2**20),
                "server_bar_mb": _SERVER_BAR_MB,
            }
        store.close()
    return found


def _list_pids(pid: int, word: str) -> Iterator[int]:
    """The processes that a server has started with a word in their command lines."""
    for each, line in list_family(pid).items():
        if each != pid and any(word in part for part in line.split()):
            yield each


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=Sizes().records)
    parser.add_argument("--small", type=int, default=Sizes().small)
    parser.add_argument("--seconds", type=float, default=Sizes().seconds)
    parser.add_argument("--before", type=int, default=Sizes().before)
    parser.add_argument("--only", choices=("beside", "rest"), help="one of the two parts")
    parser.add_argument("--print", action="store_true", help="print the figures, write nothing")
    given = parser.parse_args()
    run: dict[str, Any] = {}
    if given.only != "rest":
        run |= measure(Sizes(given.records, given.small, given.before, given.seconds))
    if given.only != "beside":
        run["rest"] = measure_rest()
    print(json.dumps(run, indent=1))
    if given.print:
        return
    if given.only:
        sys.exit("only a run of both parts is written; use --print")
    write("encoding_beside", run)


if __name__ == "__main__":
    main()
