"""Ranking while texts are still being encoded by a process of their own."""

from __future__ import annotations

import datetime as dt
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from api.protocol import ProtocolBody
from api.services.ranking import order_state
from api.services.ranking.encoding import get_vectors_folder
from api.services.ranking.ranker import Ranker
from api.settings import Settings
from store.core import jobs
from store.core.session import Store
from store.reviews import reviews
from store.reviews.people import PersonInfo
from store.reviews.reviews import NewReview, ReviewInfo
from store.screening import rankings
from store.screening.rankings import RankingInfo
from tests.api.corpus import corpus, decide, until, working

pytestmark = pytest.mark.usefixtures("quick_encoder")


@contextmanager
def held_encoder(settings: Settings) -> Iterator[None]:
    """No process encodes a text meanwhile: another one holds the lock of the vectors."""
    folder = get_vectors_folder(settings) / "letters"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "encoder.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def newest(store: Store, review: ReviewInfo) -> RankingInfo | None:
    with store.read() as session:
        return rankings.get_newest_ranking(session, review.id)


def learned(store: Store, review: ReviewInfo, decisions: int, *, complete: bool) -> bool:
    made = newest(store, review)
    return (
        made is not None
        and made.n_decisions == decisions
        and made.detail["meaning"]["complete"] is complete
    )


def sentences(store: Store, review: ReviewInfo) -> list[str]:
    with store.read() as session:
        return order_state.describe_state(
            session, review.id, rankings.get_newest_ranking(session, review.id)
        )


@pytest.mark.case("service", 10)
def test_reviews_are_ranked_by_words_while_texts_are_encoded_and_by_all_in_the_end(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    truth = corpus(store, review, person)
    with store.write() as session:
        other = reviews.create_review(
            session, NewReview("other", "Other", ProtocolBody().stored()), person_id=person.id
        )
    others = corpus(store, other, person)
    relevant = next(report for report in truth if truth[report])
    irrelevant = next(report for report in truth if not truth[report])
    with working(store, settings):
        with held_encoder(settings):
            until(lambda: learned(store, review, 0, complete=False))
            until(lambda: learned(store, other, 0, complete=False))
            made = newest(store, review)
            assert made is not None
            assert made.encoder is None
            assert made.detail["meaning"] == {
                "known": 0,
                "of": 80,
                "used": False,
                "complete": False,
            }
            assert sentences(store, review) == [
                "The order uses the words of all 80 records. It does not use their meaning yet; "
                "0 have been read for it so far."
            ]
            decide(store, review, person, relevant, relevant=True)
            decide(store, review, person, irrelevant, relevant=False)
            until(lambda: learned(store, review, 2, complete=False))
            decide(store, other, person, next(iter(others)), relevant=True)
            until(lambda: learned(store, other, 1, complete=False))
        until(lambda: learned(store, review, 2, complete=True))
        until(lambda: learned(store, other, 1, complete=True))
    made = newest(store, review)
    assert made is not None
    assert made.encoder == "letters"
    assert sentences(store, review) == []
    # The same order as of a ranker that encodes all texts before it ranks.
    again = Ranker(store, settings).rank(review.id)
    assert again is not None
    assert (made.order_hash, made.pipeline_hash) == (again.order_hash, again.pipeline_hash)


@pytest.mark.case("service", 10)
def test_a_worker_goes_on_with_what_the_last_one_had_not_encoded(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    corpus(store, review, person)
    with held_encoder(settings), working(store, settings):
        until(lambda: learned(store, review, 0, complete=False))
    with working(store, settings):
        until(lambda: learned(store, review, 0, complete=True))


@pytest.mark.case("service", 10)
def test_a_review_whose_texts_are_all_encoded_starts_no_process(
    store: Store,
    settings: Settings,
    review: ReviewInfo,
    person: PersonInfo,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    truth = corpus(store, review, person)
    Ranker(store, settings).rank(review.id)
    monkeypatch.setattr("model.encoder_process.PROGRAM", "tests.no_such_module")
    decide(store, review, person, next(iter(truth)), relevant=True)
    with working(store, settings):
        until(lambda: learned(store, review, 1, complete=True))
    with store.read() as session:
        kinds = {(job.kind, job.state) for job in jobs.list_recent_jobs(session, review.id)}
    assert kinds == {("embedding", "done")}


@pytest.mark.case("service", 10)
def test_an_encoder_that_fails_is_said_and_the_review_is_ranked_by_words(
    store: Store,
    settings: Settings,
    review: ReviewInfo,
    person: PersonInfo,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    corpus(store, review, person)
    monkeypatch.setattr("model.encoder_process.PROGRAM", "tests.no_such_module")

    def said() -> list[str]:
        with store.read() as session:
            found = jobs.list_recent_jobs(session, review.id)
        return [job.message or "" for job in found if job.state == "failed"]

    with working(store, settings):
        until(lambda: learned(store, review, 0, complete=False))
        until(said)
    (message,) = said()
    assert message == "Reading texts: the encoder's process ended with 1. Winnow tries again."


@pytest.mark.case("service", 15)
def test_damaged_vectors_are_set_aside_said_and_made_again(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    corpus(store, review, person)
    first = Ranker(store, settings).rank(review.id)
    assert first is not None
    folder = get_vectors_folder(settings)
    (path,) = folder.glob("*/*.npz")
    damage(path)
    with store.write() as session:
        reviews.request_ranking(session, review.id)
    with working(store, settings):
        until(lambda: newest(store, review) != first and learned(store, review, 0, complete=True))
    made = newest(store, review)
    assert made is not None
    assert made.order_hash == first.order_hash
    today = dt.datetime.now(dt.UTC).date()
    (sentence,) = order_state.describe_damage(folder, today)
    assert sentence.startswith("1 file with what Winnow read from records was damaged")
    assert not order_state.describe_damage(folder, today + dt.timedelta(days=30))
    assert path.name in order_state.explain_damage(folder)


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
