from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from model.order import Evidence, PoolRanker
from model.pipeline import Pipeline, View
from model.score_calibration import Curve, fit_curve
from tests.model.corpora import documents, features

NONE = np.array([], np.int64)


def _truth(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(5 - 2 * scores)))


def test_chances_are_the_shares_that_scores_have_meant() -> None:
    # Read are the best of a pool whose mean is 0, where one in 150 is relevant.
    rng = np.random.default_rng(1)
    scores = rng.normal(2.5, 1, size=4000)
    y = rng.random(4000) < _truth(scores)
    curve = fit_curve(scores, y)
    assert curve is not None
    fresh = rng.normal(2.5, 1, size=4000)
    assert curve.chances(fresh).sum() == pytest.approx(_truth(fresh).sum(), rel=0.1)
    top = fresh > 3.5
    assert curve.chances(fresh[top]).sum() == pytest.approx(_truth(fresh[top]).sum(), rel=0.1)


def test_what_few_decisions_on_the_best_say_does_not_hold_for_the_rest() -> None:
    scores = np.full(10, 4.0)
    curve = fit_curve(scores, np.arange(10) % 2 == 0, rest=1.0)
    assert curve is not None
    near, rest, below = curve.chances(np.array([4.0, 1.0, 0.0]))
    assert 0.35 < near < 0.55
    assert below < rest < 0.25


def test_late_decisions_say_more_than_early_ones() -> None:
    scores = np.tile([0.0, 1.0], 200)
    y = np.zeros(400, bool)
    y[:200] = np.tile([False, True], 100)
    y[200:][np.arange(1, 200, 20)] = True
    curve = fit_curve(scores, y)
    assert curve is not None
    # All of the early ones at this score were relevant, of the late ones a tenth.
    assert curve.chances(np.array([1.0]))[0] < 0.5


@pytest.mark.parametrize("relevant", [0, 4, 36, 40])
def test_a_curve_needs_some_of_either_kind(relevant: int) -> None:
    y = np.arange(40) < relevant
    assert fit_curve(np.zeros(40), y) is None


def test_chances_rise_with_scores_and_are_flat_if_scores_mislead() -> None:
    y = np.arange(40) < 20
    for scores in (y.astype(float), 1e6 * y):
        curve = fit_curve(scores, y)
        assert curve is not None
        chances = curve.chances(scores)
        assert chances[y].min() > chances[~y].max() + 0.3
    for scores in (-y.astype(float), np.zeros(40)):
        curve = fit_curve(scores, y)
        assert curve is not None
        assert len(set(curve.chances(scores))) == 1
    assert Curve(0, 1).chances(np.array([0.0]))[0] == 0.5


def test_a_ranker_that_starts_in_the_middle_knows_about_what_one_that_saw_it_all_knows() -> None:
    made, y = documents(40, 160, np.random.default_rng(3))
    # Half of the topic is relevant, so that the words alone do not settle it.
    y = y & (np.random.default_rng(4).random(200) < 0.5)
    pipeline = Pipeline("test", (View("words"), View("title-words", 0.3)))
    pool = features(made, pipeline)
    first, late = PoolRanker(pool, pipeline), PoolRanker(pool, pipeline)
    read = [int(np.flatnonzero(y)[0]), int(np.flatnonzero(~y)[0])]
    unread = np.ones(200, bool)
    unread[read] = False
    evidence = Evidence(np.array(read), y[read], unread, NONE, NONE)
    for _ in range(70):
        best = int(first.rank(evidence).order[0])
        read.append(best)
        unread = unread.copy()
        unread[best] = False
        evidence = Evidence(np.array(read), y[read], unread, NONE, NONE)
    ranked = first.rank(evidence)
    late.catch_up(evidence)
    again = late.rank(evidence)
    one, other = first.curve(), late.curve()
    assert one is not None
    assert other is not None
    scores = ranked.scores[:20].astype(float)
    assert one.chances(scores).sum() == pytest.approx(other.chances(scores).sum(), abs=3)
    # What it noted on the way leaves the scores as they are, within the solver's tolerance.
    by_row = np.zeros((2, 200))
    by_row[0, ranked.order], by_row[1, again.order] = ranked.scores, again.scores
    np.testing.assert_allclose(by_row[0], by_row[1], atol=0.02)
