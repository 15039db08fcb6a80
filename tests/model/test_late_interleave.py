from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.late_interleave import interleave, is_late
from model.order import Evidence
from model.pipeline import Pipeline, Tail, View, from_dict, to_dict
from tests.model.corpora import documents, features, rank

TAIL = Tail(every=3, window=4, rate=0.25, relevant=2)


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        ([1, 1, 0, 0, 0, 0], True),
        ([1, 1, 0, 0, 0, 1], True),
        ([1, 0, 0, 1, 0, 1], False),  # two of the last four
        ([1, 0, 0, 0, 0, 0], False),  # one known
        ([1, 1, 0], False),  # fewer than the window
    ],
)
def test_a_tail_begins_where_enough_is_known_and_little_comes(y: list[int], expected: bool) -> None:
    assert is_late(np.array(y, bool), TAIL) is expected


def test_every_third_place_goes_to_the_other_order() -> None:
    order, other = np.arange(8), np.arange(8)[::-1]
    # Places 3 and 6 of all reads: with 1 read already, the third and the sixth from here.
    found = interleave(order, other, every=3, start=1, first=6)
    assert found.tolist() == [0, 1, 7, 2, 3, 6, 4, 5]
    # The turn goes on: after one more read the other order's place is the second.
    assert interleave(order, other, every=3, start=2, first=2).tolist()[:2] == [0, 7]


@given(st.permutations(range(12)), st.integers(2, 5), st.integers(0, 9), st.integers(0, 20))
def test_sharing_out_is_a_permutation(other: list[int], every: int, start: int, first: int) -> None:
    found = interleave(np.arange(12), np.array(other), every=every, start=start, first=first)
    assert sorted(found.tolist()) == list(range(12))


def test_a_pipeline_with_a_tail_ranks_every_unread_row_once_and_round_trips() -> None:
    pipeline = Pipeline("test", (View("words"), View("title-words", 0.3)), tail=TAIL)
    assert from_dict(to_dict(pipeline)) == pipeline
    made, y = documents(10, 40, np.random.default_rng(1))
    pool = features(made, pipeline)
    rows = np.array([*np.flatnonzero(y)[:2], *np.flatnonzero(~y)[:6]])
    unread = np.ones(50, bool)
    unread[rows] = False
    none = np.array([], np.int64)
    ranked = rank(pool, pipeline, Evidence(rows, y[rows], unread, none, none))
    assert sorted(ranked.order.tolist()) == np.flatnonzero(unread).tolist()
    plain = Pipeline("test", pipeline.views)
    assert (
        ranked.order.tolist()
        != rank(pool, plain, Evidence(rows, y[rows], unread, none, none)).order.tolist()
    )


@pytest.mark.parametrize("wrong", [{"every": 1}, {"window": 0}, {"rate": 1.5}, {"relevant": -1}])
def test_a_tail_out_of_range_is_refused(wrong: dict[str, float]) -> None:
    whole = {"every": 3, "window": 50, "rate": 0.05, "relevant": 10, **wrong}
    with pytest.raises(ValueError, match="a tail needs"):
        from_dict({"name": "x", "views": [{"features": "words"}], "tail": whole})
