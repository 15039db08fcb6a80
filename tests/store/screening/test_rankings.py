"""Stored rankings: the newest one, and when the next is due."""

from __future__ import annotations

from array import array

import pytest

from store.core.errors import NotFound
from store.core.session import Store
from store.reviews import reviews
from store.reviews.reviews import ReviewInfo
from store.screening import rankings
from tests.store.builders import add_records


def _ranking(revision: int, ids: list[int]) -> rankings.NewRanking:
    return rankings.NewRanking(
        revision=revision,
        pipeline="p",
        pipeline_hash="0" * 64,
        encoder=None,
        seed=0,
        n_decisions=0,
        n_include=0,
        last_decision_id=None,
        cold_start=True,
        warm=False,
        seconds=0.1,
        detail={"head_starts": {"question": 0.25}},
        report_ids=array("q", ids),
        scores=array("f", [float(n) for n in ids]),
    )


def test_the_newest_ranking_is_read_and_old_orders_are_deleted(
    store: Store, review: ReviewInfo
) -> None:
    with store.write() as session:
        saved = [
            rankings.save_ranking(session, review.id, _ranking(n, [3, 1, n])) for n in range(8)
        ]
    with store.read() as session:
        newest = rankings.get_newest_ranking(session, review.id)
        assert newest is not None
        assert (newest.id, newest.size) == (saved[-1], 3)
        order = rankings.get_order(session, review.id, newest.id)
        assert order.report_ids.tolist() == [3, 1, 7]
        assert order.scores.tolist() == [3.0, 1.0, 7.0]
        for gone in (saved[0], newest.id + 1):
            with pytest.raises(NotFound, match="not kept"):
                rankings.get_order(session, review.id, gone)


def test_a_ranking_is_due_after_a_change(store: Store, review: ReviewInfo) -> None:
    with store.read() as session:
        assert rankings.list_reviews_to_rank(session) == []
    add_records(store, review.id, 2)
    with store.write() as session:
        assert rankings.list_reviews_to_rank(session) == [review.id]
        revision = reviews.get_review(session, review.id).revision
        rankings.save_ranking(session, review.id, _ranking(revision, [1]))
        assert rankings.list_reviews_to_rank(session) == []
        reviews.request_ranking(session, review.id)
        assert rankings.list_reviews_to_rank(session) == [review.id]
