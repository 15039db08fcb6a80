"""Replays that compare the review's order with others."""

from __future__ import annotations

import pytest

from api.services.ranking import comparing
from api.services.ranking.ranker import Ranker
from api.services.reporting import evaluation
from api.settings import Settings
from api.worker.jobs import Jobs
from store.core.session import Store
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from tests.api.answers import add_gold, corpus_with_gold, newest_job, start_job, titles_by_report
from tests.api.corpus import corpus, decide

pytestmark = pytest.mark.usefixtures("quick_encoder")


def test_a_comparison_replays_the_review_in_both_orders(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    truth, relevant = corpus_with_gold(store, review, person)
    for report in [*relevant[12:15], *[report for report in truth if not truth[report]][:9]]:
        decide(store, review, person, report, relevant=truth[report])
    queue = Jobs(store, settings, done=lambda: None, ranker=Ranker(store, settings))
    queue._compare_orders(review.id, start_job(store, review, comparing.KIND))
    assert newest_job(store, review, comparing.KIND).state == "done"
    with store.read() as session:
        found = comparing.get_comparison(session, review.id)
    assert found is not None
    assert list(found.orders) == ["default", "elas-u4"]
    # 80 records; the seed is known from the start.
    assert (found.reports, found.decisions) == (79, 12)
    for places in found.orders.values():
        assert len(places) == 8
        assert list(places) == sorted(set(places))
        assert places[0] >= 1
        assert places[-1] <= 79
    assert found.recall_at("default", "100%") == 1
    assert found.recall_at("default", "40") > 0.9
    assert found.recall_at("default", "0%") == 0


def test_a_comparison_without_known_relevant_records_says_so(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    corpus(store, review, person)
    add_gold(store, review, person, ["Nothing of this name is among them"])
    queue = Jobs(store, settings, done=lambda: None, ranker=Ranker(store, settings))
    queue._compare_orders(review.id, start_job(store, review, comparing.KIND))
    job = newest_job(store, review, comparing.KIND)
    assert job.state == "failed"
    assert "no known study that may check the order is among the review's records" in str(
        job.message
    )
    with store.read() as session:
        assert comparing.get_comparison(session, review.id) is None


def test_a_stopped_worker_ends_a_replay_and_keeps_the_earlier_result(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    truth, _ = corpus_with_gold(store, review, person)
    # A record unlike all others: a replay reads most of the corpus before it.
    odd = [report for report in truth if not truth[report]][-1]
    add_gold(store, review, person, [titles_by_report(store, review)[odd]])
    ranker = Ranker(store, settings)
    with store.read() as session:
        matches = evaluation.evaluate(session, review.id).matches
    asked: list[int] = []
    earlier = comparing.compare_orders(
        ranker, store, review.id, matches, progress=lambda done, _: asked.append(done)
    )
    assert asked, "nothing would check whether to go on"
    comparing.store_comparison(store, review.id, earlier)
    queue = Jobs(store, settings, done=lambda: None, ranker=ranker, stopping=lambda: True)
    queue._compare_orders(review.id, start_job(store, review, comparing.KIND))
    job = newest_job(store, review, comparing.KIND)
    assert (job.state, "stopped" in str(job.message)) == ("failed", True)
    with store.read() as session:
        assert comparing.get_comparison(session, review.id) == earlier
