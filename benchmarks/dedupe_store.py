"""Deduplicate new records against a store: 300 against 30,000, and 5,000 against 500,000.

Run: python -m benchmarks.dedupe_store [--quick]. The store is SQLite on this machine's disk.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import itertools
import resource
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from api.protocol import ProtocolBody
from api.services.duplicates.deduplicating import compare_new_records
from api.services.reviews.opening import open_store
from api.services.searching.record_keys import keyed_record
from api.settings import load
from benchmarks.labelled import SETS, record, rows
from benchmarks.larger_sets import grown
from benchmarks.measuring import write
from harvest.dedupe.run import deduplicate
from harvest.record import Record
from store.core.session import Store
from store.core.tables import PairRow, RecordRow
from store.reviews import reviews
from store.reviews.reviews import NewReview
from store.searching import ingest, searches
from store.searching.ingest import BatchContent, FileInfo

_FILE = 20_000


def _records(content: Iterable[dict[str, str]]) -> Iterator[tuple[str, Record]]:
    for position, row in enumerate(content, start=1):
        yield row["record_id"], record(row, position)


def _fill(store: Store, review_id: int, found: list[tuple[str, Record]], name: str) -> None:
    """Store records as imports do, some thousands in each file, without comparing them yet."""
    for start in range(0, len(found), _FILE):
        part = found[start : start + _FILE]
        digest = hashlib.sha256(f"{name}{start}".encode()).hexdigest()
        with store.write() as session:
            search = searches.create_search(
                session, review_id, kind="file", person_id=None, fields={}
            )
            ingest.add_batch(
                session,
                search,
                FileInfo(
                    name=f"{name}.csv", sha256=digest, size=1, format="csv", columns={}, notices=()
                ),
                BatchContent(
                    keyed_record(each, source="made", source_id=own, fallback=f"{digest}#{place}")
                    for place, (own, each) in enumerate(part)
                ),
                person_id=None,
            )


def _stored_pairs(store: Store, review_id: int) -> set[tuple[str, str, str, str]]:
    with store.read() as session:
        names = {
            row[0]: row[1]
            for row in session.execute(
                select(RecordRow.id, RecordRow.source_id).where(RecordRow.review_id == review_id)
            )
        }
        found = session.execute(
            select(PairRow.a_id, PairRow.b_id, PairRow.label, PairRow.rule).where(
                PairRow.review_id == review_id,
                PairRow.superseded_at.is_(None),
                PairRow.label != "different",
            )
        )
        return {
            (min(names[a], names[b]), max(names[a], names[b]), label, rule)
            for a, b, label, rule in found
        }


def _groups(store: Store, review_id: int) -> set[frozenset[str]]:
    with store.read() as session:
        found: dict[int, set[str]] = {}
        for report_id, name in session.execute(
            select(RecordRow.report_id, RecordRow.source_id).where(RecordRow.review_id == review_id)
        ):
            found.setdefault(report_id, set()).add(name)
    return {frozenset(names) for names in found.values()}


def measure(old: list[tuple[str, Record]], new: list[tuple[str, Record]]) -> dict[str, Any]:
    """Time new records against old ones, and check that one batch gives the same groups."""
    with tempfile.TemporaryDirectory() as folder:
        settings = load(data_dir=Path(folder))
        store = open_store(settings, create=True, first_person="bench").store
        with store.write() as session:
            review = reviews.create_review(
                session, NewReview("b", "B", ProtocolBody().stored()), person_id=None
            )
        started = time.perf_counter()
        _fill(store, review.id, old, "old")
        filed = time.perf_counter() - started
        started = time.perf_counter()
        compare_new_records(store, review.id)
        whole = time.perf_counter() - started
        _fill(store, review.id, new, "new")
        started = time.perf_counter()
        outcome = compare_new_records(store, review.id)
        seconds = time.perf_counter() - started
        stored, grouped = _stored_pairs(store, review.id), _groups(store, review.id)
        with store.read() as session:
            reports = session.scalar(select(func.count(RecordRow.report_id.distinct())))
        size = (settings.data_dir / "winnow.db").stat().st_size
        store.close()
    batch = deduplicate([*old, *new])
    wanted = {(*sorted((p.a, p.b)), p.decision.label, p.decision.rule) for p in batch.pairs}
    result = {
        "old": len(old),
        "new": len(new),
        "seconds": seconds,
        "pairs_compared": outcome.pairs,
        "joined": outcome.joined,
        "filing_old_seconds": filed,
        "comparing_old_seconds": whole,
        "reports": reports,
        "pairs": len(stored),
        "pairs_equal_to_batch": stored == wanted,
        "groups_equal_to_batch": grouped == {frozenset(keys) for keys in batch.groups},
        "crowded_keys": batch.crowded,
        "database_mib": size / 2**20,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print({name: value for name, value in result.items() if name != "sets"})
    return result


def main() -> None:
    """Measure both sizes, or a small one with --quick."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="30 new against 2,000 only")
    chosen = parser.parse_args()
    csv.field_size_limit(10_000_000)
    if not SETS.is_dir():
        print("SKIPPED: the labelled sets are absent")
        return
    if chosen.quick:
        found = list(_records(rows("perturbed_2k")))
        write("dedupe_store-quick", {"runs": [measure(found[:-30], found[-30:])]})
        return
    found = list(_records(rows("perturbed_30k")))
    small = measure(found[:-300], found[-300:])
    found = list(_records(itertools.islice(grown(505_000, seed=5), 505_000)))
    large = measure(found[:-5000], found[-5000:])
    write("dedupe_store", {"runs": [small, large]})


if __name__ == "__main__":
    main()
