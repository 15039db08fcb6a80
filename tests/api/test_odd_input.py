"""Texts, decisions and encoders that Winnow cannot use, and that must not disturb screening."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from api.protocol import ProtocolBody
from api.services.ranking.ranker import Ranker
from api.services.searching import importing
from api.services.searching.importing import ImportRequest
from api.settings import Settings
from api.worker.wake import wake
from store.core import jobs
from store.core.session import Store
from store.reports import record_texts
from store.reviews import people, reviews
from store.reviews.people import PersonInfo
from store.reviews.reviews import NewReview, ReviewInfo
from store.screening import rankings
from tests.api.corpus import corpus, decide, until, working


def _imported(
    store: Store, review: ReviewInfo, person: PersonInfo, rows: list[tuple[str, str]]
) -> list[int]:
    buffer = io.StringIO()
    csv.writer(buffer).writerows([("title", "abstract"), *rows])
    body = io.BytesIO(buffer.getvalue().encode())
    importing.import_file(store, review.id, body, "odd.csv", ImportRequest(), person_id=person.id)
    with store.read() as session:
        return [text.report_id for text in record_texts.list_report_texts(session, review.id)]


def test_a_broken_encoder_is_reported_and_screening_continues(
    store: Store,
    settings: Settings,
    review: ReviewInfo,
    person: PersonInfo,
    client: TestClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("model.encoder_process.PROGRAM", "tests.model.broken_child")
    corpus(store, review, person)

    def failed() -> list[str]:
        with store.read() as session:
            newest = jobs.list_recent_jobs(session, review.id)
        return [str(job.message) for job in newest if job.state == "failed"]

    def ranked() -> bool:
        with store.read() as session:
            return rankings.get_newest_ranking(session, review.id) is not None

    with working(store, settings):
        until(failed)
        until(ranked)
    assert "gave a vector with nan or infinite values" in failed()[0]
    hand = client.post(f"/api/v1/reviews/{review.slug}/queue/next", json={"n": 1})
    assert hand.status_code == 200
    report = hand.json()["cards"][0]["report"]
    decide(store, review, person, report, relevant=True)
    with store.read() as session:
        made = rankings.get_newest_ranking(session, review.id)
    # The words still put the records in order.
    assert made is not None
    assert made.encoder is None


@pytest.mark.usefixtures("quick_encoder")
def test_a_review_that_cannot_be_ranked_does_not_hold_up_others(
    store: Store,
    settings: Settings,
    review: ReviewInfo,
    person: PersonInfo,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A pause so long that no test could wait for its end after a failure.
    settings = settings.model_copy(update={"worker_idle_seconds": 600.0})
    corpus(store, review, person)
    with store.write() as session:
        second = reviews.create_review(
            session, NewReview("second", "Another", ProtocolBody().stored()), person_id=person.id
        )
    truth = corpus(store, second, person)
    real = Ranker.rank

    def rank(self: Ranker, review_id: int, **options: Any) -> rankings.RankingInfo | None:
        if review_id == review.id:
            raise RuntimeError("cannot be ranked")
        return real(self, review_id, **options)

    monkeypatch.setattr(Ranker, "rank", rank)

    def ranked(decisions: int) -> bool:
        with store.read() as session:
            newest = rankings.get_newest_ranking(session, second.id)
        return newest is not None and newest.n_decisions == decisions

    with working(store, settings):
        until(lambda: ranked(0))
        decide(store, second, person, next(iter(truth)), relevant=True)
        wake(store, settings.data_dir)
        until(lambda: ranked(1))


def test_an_abstract_of_nearly_a_million_letters_can_be_read_and_ranked(
    sqlite_store: Store, sqlite_settings: Settings
) -> None:
    store = sqlite_store
    with store.write() as session:
        person = people.create_person(session, "grace")
        review = reviews.create_review(
            session, NewReview("review", "A review", ProtocolBody().stored()), person_id=person.id
        )
    rows = [(f"Study {n} of social work", f"Children and families, {n} months") for n in range(8)]
    long = " ".join(f"word{n % 50_000}" for n in range(100_000))
    assert 900_000 < len(long) < 1_000_000
    reports = _imported(store, review, person, [*rows, ("A long one", long)])
    for number, report in enumerate(reports[:4]):
        decide(store, review, person, report, relevant=number % 2 == 0)
    made = Ranker(store, sqlite_settings).rank(review.id)
    assert made is not None
    assert (made.size, made.cold_start) == (5, False)
    explained = Ranker(store, sqlite_settings).explain(review.id, reports[-1])
    assert explained is not None
    assert np.isfinite(explained.explanation.score)
