"""A review of 80 records on two topics, decisions on it, and a worker for it."""

from __future__ import annotations

import csv
import io
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from api.services.screening import deciding
from api.services.searching import importing
from api.services.searching.importing import ImportRequest
from api.settings import Settings
from api.worker.worker import Worker
from store.core.session import Store
from store.reports import records
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from store.screening.decisions import NewDecision
from tests.model.corpora import documents


def corpus(store: Store, review: ReviewInfo, person: PersonInfo) -> dict[int, bool]:
    """80 records on two topics; returns whether each report is relevant, by id."""
    made, y = documents(20, 60, np.random.default_rng(1))
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(["title", "abstract"])
    writer.writerows([(d.title, d.abstract) for d in made])
    outcome = importing.import_file(
        store,
        review.id,
        io.BytesIO(buffer.getvalue().encode()),
        "corpus.csv",
        ImportRequest(),
        person_id=person.id,
    )
    with store.read() as session:
        reports = records.get_reports_by_position(session, outcome.batch.id)
    return {reports[n]: bool(y[n - 1]) for n in reports}


def decide(
    store: Store, review: ReviewInfo, person: PersonInfo, report: int, *, relevant: bool
) -> None:
    decision = "include" if relevant else "exclude"
    new = NewDecision(f"t{report}", report, decision)
    deciding.record_decision(store, review.id, person.id, new)


def until(condition: Callable[[], Any], seconds: float = 180) -> None:
    """Wait for something that another thread does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


@contextmanager
def working(store: Store, settings: Settings) -> Iterator[None]:
    """A worker that runs in its own thread and is stopped at the end."""
    worker = Worker(store, settings)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield
    finally:
        worker.stop()
        thread.join(120)
    assert not thread.is_alive()
