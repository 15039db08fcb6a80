"""Measure how long an import holds the writer's lock while people screen.

Run: python -m benchmarks.import_locks [RECORDS] (minutes). A file is imported, comparing included,
while another thread decides on records of the same review. Each transaction that writes is timed
from when it has the lock until it is committed, in elapsed time and in the thread's own computing
time: the two differ by how busy the machine is.
"""

from __future__ import annotations

import io
import random
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from api.protocol import ProtocolBody
from api.services.pieces import spare_loaded_code
from api.services.reviews.opening import open_store
from api.services.screening import deciding
from api.services.searching.importing import ImportRequest, import_file
from api.settings import load
from benchmarks.measuring import percentile, write
from store.core.session import Store, WriteSession
from store.reports.reports import list_active_reports
from store.reviews import people, reviews
from store.reviews.reviews import NewReview
from store.screening.decisions import NewDecision

_WORDS = 4_000
_SCREENED = 2_000


class TimedStore(Store):
    """A store that notes how long each transaction held the writer's lock."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        # By the function that wrote: elapsed and computing seconds.
        self.holds: dict[str, list[tuple[float, float]]] = defaultdict(list)

    @contextmanager
    def write(self) -> Iterator[WriteSession]:
        """A transaction that writes, timed until it is committed."""
        # The frames above are those of the context manager.
        caller = sys._getframe(2).f_code.co_name
        began = None
        try:
            with super().write() as session:
                began = time.perf_counter(), time.thread_time()
                yield session
        finally:
            if began is not None:
                held = time.perf_counter() - began[0], time.thread_time() - began[1]
                self.holds[caller].append(held)


def make_table(number: int, seed: int) -> bytes:
    """A table of made-up records with titles and abstracts of the usual length."""
    chance = random.Random(seed)
    words = [f"w{n:04}{chance.choice('aeiou')}" for n in range(_WORDS)]

    def text(length: int) -> str:
        return " ".join(chance.choices(words, k=length))

    rows = [
        f"{text(12)},{text(180)},{chance.randint(1990, 2025)},10.{seed}/{n}\n"
        for n in range(number)
    ]
    return ("title,abstract,year,doi\n" + "".join(rows)).encode()


def _screen(
    store: Store, review_id: int, person_id: int, done: threading.Event, waits: list[float]
) -> None:
    """Decide on one record after the other until the import has ended."""
    with store.read() as session:
        reports = list_active_reports(session, review_id)
    for report_id in reports:
        if done.wait(0.05):
            return
        new = NewDecision(token=f"t{report_id}", report_id=report_id, decision="exclude")
        began = time.perf_counter()
        deciding.record_decision(store, review_id, person_id, new)
        waits.append(time.perf_counter() - began)


def measure(records: int) -> dict[str, Any]:
    """Import a file of this many records while somebody screens."""
    spare_loaded_code()
    with tempfile.TemporaryDirectory() as folder:
        settings = load(data_dir=Path(folder))
        open_store(settings, create=True, first_person="bench").store.close()
        store = TimedStore(settings.store_url)
        with store.read() as session:
            person = people.list_people(session)[0]
        with store.write() as session:
            review = reviews.create_review(
                session, NewReview("b", "B", ProtocolBody().stored()), person_id=person.id
            )
        request = ImportRequest()

        def run(name: str, raw: bytes) -> None:
            import_file(store, review.id, io.BytesIO(raw), name, request, person_id=person.id)

        run("first.csv", make_table(_SCREENED, 1))
        raw = make_table(records, 2)
        store.holds.clear()
        done, waits = threading.Event(), list[float]()
        screener = threading.Thread(target=_screen, args=(store, review.id, person.id, done, waits))
        screener.start()
        began, cpu = time.perf_counter(), time.process_time()
        run("second.csv", raw)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        done.set()
        screener.join()
        store.close()
    holds = {name: times for name, times in store.holds.items() if name != "record_decision"}
    elapsed = sorted(held for times in holds.values() for held, _ in times)
    computing = sorted(held for times in holds.values() for _, held in times)
    return {
        "records": records,
        "seconds": seconds,
        "cpu_seconds": cpu,
        "transactions": len(elapsed),
        "longest_ms": 1000 * elapsed[-1],
        "longest_cpu_ms": 1000 * computing[-1],
        "p99_ms": 1000 * percentile(elapsed, 0.99),
        "median_ms": 1000 * percentile(elapsed, 0.5),
        "decisions": len(waits),
        "decision_p99_ms": 1000 * percentile(waits, 0.99),
        "decision_longest_ms": 1000 * max(waits),
        "by_step": {
            name: {
                "transactions": len(times),
                "longest_ms": 1000 * max(held for held, _ in times),
                "longest_cpu_ms": 1000 * max(held for _, held in times),
            }
            for name, times in sorted(holds.items())
        },
    }


def main() -> None:
    """Measure and write ``import_locks.json``."""
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    write("import_locks", measure(records))


if __name__ == "__main__":
    main()
