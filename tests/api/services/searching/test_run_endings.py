"""The end of a run: made ready in pieces that nobody sees, then one short change."""

from __future__ import annotations

import datetime as dt
import io
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, select

from api.services.reviews import verifying
from api.services.searching import run_changes
from api.services.searching.importing import ImportRequest, import_file
from api.services.searching.page_entries import key_entries
from harvest.record import Record
from store.core.session import Store
from store.core.tables import RecordRow
from store.reports import counters, record_counts
from store.reports.reports import list_active_reports
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from store.screening import rankings
from store.searching import flow, strategies
from store.searching.ingest import FileInfo
from store.searching.runs import run_endings, run_progress, runs
from store.searching.runs.run_progress import NewPage
from store.searching.strategies import NewStrategy
from tests.store.builders import new_run

NUMBER = 620
DAY = dt.date(2026, 1, 5)


def read_run(store: Store, review_id: int, number: int = NUMBER) -> int:
    """A run whose last page is stored."""
    found = [
        Record(position=n, title=f"Trial {n * 7919}", accession=str(n))
        for n in range(1, 1 + number)
    ]
    entries = key_entries("pubmed", b"x", found)
    page = FileInfo(
        name="",
        sha256="0" * 64,
        size=1,
        format="pubmed",
        columns={"kind": "records"},
        notices=(),
    )
    with store.write() as session:
        strategies.create_version(session, review_id, NewStrategy({"text": "a"}), person_id=None)
        version = strategies.get_version(session, review_id)
        run_id = runs.create_run(session, review_id, new_run(version.id, DAY), person_id=None)
        run_progress.claim_run(session, run_id, "us", due_only=False)
        info = runs.get_run(session, run_id)
        new = NewPage(file=page, body=b"x", content=entries.content, gold_filtered=(), cursor=None)
        run_progress.add_page(session, info, "us", new)
    return run_id


@contextmanager
def counted_writes(store: Store) -> Iterator[Counter[int]]:
    """Counts the states of reports that each transaction changes, by its number.

    A record and a report are written with each. SQLite does not say how many of these were.
    """
    rows: Counter[int] = Counter()
    number = 0

    @event.listens_for(store.engine, "begin")
    def _begun(_connection: Any) -> None:
        nonlocal number
        number += 1

    @event.listens_for(store.engine, "after_cursor_execute")
    def _executed(_connection: Any, cursor: Any, statement: str, *_others: Any) -> None:
        if statement.startswith("UPDATE report_state "):
            rows[number] += cursor.rowcount

    try:
        yield rows
    finally:
        event.remove(store.engine, "begin", _begun)
        event.remove(store.engine, "after_cursor_execute", _executed)


def see(store: Store, review_id: int) -> tuple[int, int, int]:
    """Reports that readers see; those in the flow; and those that wait."""
    with store.read() as session:
        seen = len(list_active_reports(session, review_id))
        counts = record_counts.count_reports(session, review_id)
        found = flow.count_flow(session, review_id)
        assert counts.reports == seen
    assert all(result.ok for result in verifying.verify(store)), verifying.verify(store)
    return seen, found.not_screened, found.waiting


def test_a_run_ends_in_pieces_and_its_records_are_seen_at_once(
    store: Store, review: ReviewInfo
) -> None:
    run_id = read_run(store, review.id)
    with store.read() as session:
        before = counters.get_counts(session, [review.id])
    with counted_writes(store) as rows:
        run_changes.ready_records(store, run_id)
    assert max(rows.values()) <= 500
    assert sum(rows.values()) == NUMBER
    assert see(store, review.id) == (0, NUMBER, NUMBER)
    with store.read() as session:
        assert counters.get_counts(session, [review.id]) == before
        assert rankings.list_reviews_to_rank(session) == []
    with counted_writes(store) as rows, store.write() as session:
        assert run_endings.finish_run(session, run_id, "us") == "complete"
    assert sum(rows.values()) == 0
    assert see(store, review.id) == (NUMBER, NUMBER, 0)


@pytest.mark.parametrize("ready", [0, 1, 40])
def test_an_end_that_was_interrupted_goes_on_or_is_completed_at_once(
    store: Store, review: ReviewInfo, ready: int
) -> None:
    run_id = read_run(store, review.id, 60)
    with store.write() as session:
        ids = run_endings.list_record_ids(session, run_id)
        run_endings.ready_records(session, run_id, ids[:ready])
    assert see(store, review.id) == (0, 60, 60)
    if ready:
        run_changes.ready_records(store, run_id)
    with store.write() as session:
        run_endings.abandon_run(session, run_id, reason="another follows")
    assert see(store, review.id) == (60, 60, 0)
    # What is late changes nothing.
    run_changes.ready_records(store, run_id)
    assert see(store, review.id) == (60, 60, 0)


def test_a_page_after_a_prepared_end_is_let_in_too(store: Store, review: ReviewInfo) -> None:
    run_id = read_run(store, review.id, 30)
    run_changes.ready_records(store, run_id)
    found = [Record(position=1, title="Another trial of drug 7", accession="900")]
    entries = key_entries("pubmed", b"y", found)
    page = FileInfo(
        name="", sha256="1" * 64, size=1, format="pubmed", columns={"kind": "records"}, notices=()
    )
    new = NewPage(file=page, body=b"y", content=entries.content, gold_filtered=(), cursor=None)
    with store.write() as session:
        run_progress.add_page(session, runs.get_run(session, run_id), "us", new)
    with store.write() as session:
        run_endings.finish_run(session, run_id, "us")
    assert see(store, review.id) == (31, 31, 0)


def test_a_file_shows_records_that_a_run_still_hides(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    run_id = read_run(store, review.id, 30)
    run_changes.ready_records(store, run_id)
    raw = "".join(f"PMID- {n}\nTI  - Trial {n * 7919}\n\n" for n in range(1, 6)).encode()
    request = ImportRequest()
    import_file(store, review.id, io.BytesIO(raw), "f.nbib", request, person_id=person.id)
    with store.read() as session:
        own = RecordRow.source_id.in_([str(n) for n in range(1, 6)])
        seen = session.scalars(select(RecordRow.active).where(own)).all()
    assert seen.count(True) == 5
    assert all(result.ok for result in verifying.verify(store))
    with store.write() as session:
        run_endings.finish_run(session, run_id, "us")
    with store.read() as session:
        hidden = select(RecordRow.id).where(RecordRow.active.is_(False))
        assert session.scalars(hidden).all() == []
    assert all(result.ok for result in verifying.verify(store))
