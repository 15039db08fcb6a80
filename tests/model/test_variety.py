from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.order import Evidence, PoolRanker
from model.pipeline import Pipeline, Variety, View, from_dict, to_dict
from model.variety import diversify, needs_variety
from tests.model.corpora import documents, features

VARIETY = Variety(places=3, weight=1.0, relevant=5)


def test_a_near_copy_stands_back_and_the_first_stays() -> None:
    # Rows 0 to 2 point one way, row 3 another.
    vectors = np.array([[1, 0], [1, 0], [1, 0], [0, 1]], np.float32)
    scores = np.array([3.0, 2.9, 2.8, 2.5])
    assert diversify(np.arange(4), scores, vectors, VARIETY).tolist() == [0, 3, 1, 2]
    # Worth more than its likeness costs: nothing moves.
    scores = np.array([9.0, 8.0, 7.0, 2.5])
    assert diversify(np.arange(4), scores, vectors, VARIETY).tolist() == [0, 1, 2, 3]


@given(st.integers(0, 40), st.integers(1, 30), st.integers(0, 5))
def test_every_row_once_and_the_rest_in_its_order(size: int, places: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(50, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    scores = rng.normal(size=50)
    order = np.argsort(-scores)[:size]
    found = diversify(order, scores, vectors, Variety(places, 1.0, 5))
    assert sorted(found.tolist()) == sorted(order.tolist())
    assert found[:1].tolist() == order[:1].tolist()
    assert found[4 * places :].tolist() == order[4 * places :].tolist()


def test_it_ends_when_enough_is_known() -> None:
    assert needs_variety(np.arange(9) < 4, VARIETY)
    assert not needs_variety(np.arange(9) < 5, VARIETY)


def test_a_ranking_is_varied_at_first_and_not_later() -> None:
    made, y = documents(20, 60, np.random.default_rng(2))
    plain = Pipeline("plain", (View("words"), View("embedding")))
    both = Pipeline("varied", plain.views, variety=Variety(20, 3.0, 5))
    assert from_dict(to_dict(both)) == both
    assert both.hash != plain.hash
    pool = features(made, plain)
    none = np.array([], np.int64)
    for relevant, same in ((2, False), (6, True)):
        rows = np.concatenate([np.flatnonzero(y)[:relevant], np.flatnonzero(~y)[:6]])
        unread = np.ones(80, bool)
        unread[rows] = False
        evidence = Evidence(rows, y[rows], unread, none, none)
        one, other = (PoolRanker(pool, each).rank(evidence).order for each in (plain, both))
        assert one[0] == other[0]
        assert (one == other).all() == same
        assert sorted(one) == sorted(other)


@pytest.mark.parametrize("wrong", [{"places": 0}, {"weight": 0.0}, {"relevant": 0}])
def test_variety_out_of_range_is_refused(wrong: dict[str, float]) -> None:
    whole = {"places": 20, "weight": 1.0, "relevant": 5} | wrong
    with pytest.raises(ValueError, match="variety needs"):
        from_dict({"name": "x", "views": [{"features": "embedding"}], "variety": whole})


def test_variety_without_vectors_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a view on embeddings"):
        Pipeline("x", (View("words"),), variety=VARIETY)
