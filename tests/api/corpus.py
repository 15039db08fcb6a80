"""A review of 80 records on two topics, decisions on it, and a worker beside it."""

from __future__ import annotations

import csv
import io
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from api.services import importing, screening
from api.services.importing import ImportRequest
from api.settings import Settings
from api.worker import Worker
from store import records
from store.decisions import NewDecision
from store.people import PersonInfo
from store.reviews import ReviewInfo
from store.session import Store
from tests.model.corpora import documents


def corpus(store: Store, review: ReviewInfo, person: PersonInfo) -> dict[int, bool]:
    """80 records of two topics; report id to whether it is relevant."""
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
        reports = records.reports_of_batch(session, outcome.batch.id)
    return {reports[n]: bool(y[n - 1]) for n in reports}


def decide(
    store: Store, review: ReviewInfo, person: PersonInfo, report: int, *, relevant: bool
) -> None:
    decision = "include" if relevant else "exclude"
    new = NewDecision(f"t{report}", report, decision)
    screening.decide(store, review.id, person.id, new)


def until(condition: Callable[[], Any], seconds: float = 60) -> None:
    """Wait for something that another thread brings about."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


@contextmanager
def working(store: Store, settings: Settings) -> Iterator[None]:
    """A worker at work in a thread of its own, stopped at the end."""
    worker = Worker(store, settings)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield
    finally:
        worker.stop()
        thread.join(30)
    assert not thread.is_alive()
