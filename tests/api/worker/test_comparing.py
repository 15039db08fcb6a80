"""Records that an import left are compared by the worker, beside its other work, in turns."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.services.duplicates.deduplicating import compare_new_records
from api.settings import Settings
from api.worker.comparing import Comparing
from api.worker.failures import Failures
from api.worker.worker import Worker
from store.core.session import Store
from store.reports import pairs
from store.reviews import reviews
from store.reviews.people import PersonInfo
from store.reviews.reviews import NewReview, ReviewInfo
from store.screening import rankings
from tests.store.builders import add_records

_FILE = "TY  - JOUR\nTI  - Family hubs\nER  -\nTY  - JOUR\nTI  - Family hubs\nER  -\n"


def _count(store: Store, review: ReviewInfo) -> int:
    with store.read() as session:
        return pairs.count_uncompared_records(session, review.id)


def _second_review(store: Store, person: PersonInfo) -> ReviewInfo:
    with store.write() as session:
        return reviews.create_review(session, NewReview("second", "S", {}), person_id=person.id)


@pytest.mark.case("service", 7)
def test_a_request_leaves_what_takes_long_to_the_worker(
    client: TestClient, store: Store, review: ReviewInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.routes.searches._COMPARING", -1.0)
    made = client.post(f"/api/v1/reviews/{review.slug}/searches", json={"source": "PsycINFO"})
    done = client.post(
        f"/api/v1/reviews/{review.slug}/files",
        files={"file": ("a.ris", _FILE)},
        data={"search_id": str(made.json()["id"])},
    )
    assert done.status_code == 201, done.text
    assert (done.json()["copies"], _count(store, review)) == (0, 2)
    comparing = Comparing(store, Failures(store), lambda: None)
    assert not comparing.take_turns()
    comparing.close()
    assert _count(store, review) == 0


def test_reviews_take_turns(
    store: Store, review: ReviewInfo, person: PersonInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = _second_review(store, person)
    for each in (review, second):
        add_records(store, each.id, 6)
    turns: list[int] = []

    def compare(own: Store, review_id: int, **options: Any) -> object:
        turns.append(review_id)
        return compare_new_records(own, review_id, **options)

    monkeypatch.setattr("api.worker.comparing.compare_new_records", compare)
    monkeypatch.setattr("api.worker.comparing._TURN", 0.0)
    monkeypatch.setattr("api.services.duplicates.deduplicating.STEP", 3)
    comparing = Comparing(store, Failures(store), lambda: None)
    while comparing.take_turns():
        pass
    comparing.close()
    assert (_count(store, review), _count(store, second)) == (0, 0)
    assert turns[:4] == [review.id, second.id, review.id, second.id]


@pytest.mark.usefixtures("quick_encoder")
def test_another_review_is_ranked_while_one_is_compared(
    store: Store,
    settings: Settings,
    review: ReviewInfo,
    person: PersonInfo,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    second = _second_review(store, person)
    add_records(store, review.id, 3)
    begun, gate = threading.Event(), threading.Event()

    def compare(*_given: Any, **_options: Any) -> None:
        begun.set()
        assert gate.wait(60)

    monkeypatch.setattr("api.worker.comparing.compare_new_records", compare)
    worker = Worker(store, settings)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        assert begun.wait(60)
        add_records(store, second.id, 3)
        with store.write() as session:
            reviews.request_ranking(session, second.id)
        worker._wake()
        for _ in range(600):
            with store.read() as session:
                if rankings.get_newest_ranking(session, second.id) is not None:
                    break
            threading.Event().wait(0.1)
        else:
            raise AssertionError("the other review was not ranked")
    finally:
        gate.set()
        worker.stop()
        thread.join()
