"""Our SVM gives scikit-learn's answers, warm or cold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.svm import LinearSVC

from model.classify import balanced_weights
from model.features import tfidf
from model.pool_svm import PoolSVM

NONE = np.array([], np.int64)


def _problem(seed: int, n: int = 60) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 4 == 0
    made = rng.normal(size=(n, 12)) + np.where(y, 0.8, 0.0)[:, None]
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32), y


def _linear_svc(
    X: NDArray[np.float32], rows: NDArray[np.int64], y: NDArray[np.bool_], costs: NDArray[Any]
) -> NDArray[Any]:
    fit = LinearSVC(loss="squared_hinge", C=1.0, tol=1e-8, max_iter=100_000, random_state=0)
    fit.fit(X[rows], y[rows], sample_weight=costs)
    scores: NDArray[Any] = fit.decision_function(X)
    return scores


@pytest.fixture(params=["dense", "narrow", "wide"])
def matrix(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Any]:
    """Converts a matrix so that one of the three scorers of ``model.linear`` is used."""
    if request.param == "wide":
        monkeypatch.setattr("model.linear._NARROW", 0)
    return (lambda X: X) if request.param == "dense" else sp.csr_matrix


def _costs(y: NDArray[np.bool_]) -> NDArray[np.float64]:
    return 0.11 * balanced_weights(y, 9.8)


@pytest.mark.parametrize("C", [0.01, 0.11, 1.0])
def test_a_cold_fit_is_linear_svc_s(C: float, matrix: Callable[[Any], Any]) -> None:
    for seed in range(3):
        X, y = _problem(seed)
        rows = np.random.default_rng(seed).permutation(60)[:45]
        pool = PoolSVM(matrix(X), tolerance=1e-6)
        weights = balanced_weights(y[rows], 9.8)
        scores = pool.fit(rows, y[rows], C * weights)
        assert scores == pytest.approx(_linear_svc(X, rows, y, C * weights), abs=1e-4)


@settings(max_examples=30, deadline=None)
@given(
    labels=st.lists(
        st.lists(st.tuples(st.integers(0, 59), st.booleans()), min_size=2, max_size=40),
        min_size=1,
        max_size=5,
    )
)
def test_whatever_came_before_a_warm_fit_is_the_cold_one(
    matrix: Callable[[Any], Any], labels: list[list[tuple[int, bool]]]
) -> None:
    # Labels are added, taken back and turned between fits, as people do.
    X = matrix(_problem(2)[0])
    pool = PoolSVM(X, tolerance=1e-6)
    for given_labels in labels:
        known = dict(given_labels)
        rows, y = np.array(list(known)), np.array(list(known.values()))
        if y.all() or not y.any():
            with pytest.raises(ValueError, match="relevant and irrelevant"):
                pool.fit(rows, y, np.ones(len(y)))
            continue
        warm = pool.fit(rows, y, _costs(y))
        cold = PoolSVM(X, tolerance=1e-6).fit(rows, y, _costs(y))
        assert warm == pytest.approx(cold, abs=1e-4)


def test_more_labels_than_a_block_holds(matrix: Callable[[Any], Any]) -> None:
    X, y = _problem(3, 700)
    pool = PoolSVM(matrix(X), tolerance=1e-5)
    for end in (100, 300, 301, 600):
        rows = np.arange(end)
        warm = pool.fit(rows, y[rows], _costs(y[rows]))
        assert warm == pytest.approx(_linear_svc(X, rows, y, _costs(y[rows])), abs=1e-3)


def test_the_same_history_gives_the_same_scores_bit_for_bit(matrix: Callable[[Any], Any]) -> None:
    X, y = _problem(4, 200)
    scores = []
    for _ in range(2):
        pool = PoolSVM(matrix(X), seed=3)
        for end in range(4, 150, 7):
            rows = np.arange(end)
            last = pool.fit(rows, y[rows], _costs(y[rows]))
        scores.append(last.tobytes())
    assert scores[0] == scores[1]


def test_rows_without_a_word_are_scored_and_nothing_is_divided_by() -> None:
    X = np.zeros((10, 3), np.float32)
    rows, y = np.array([0, 1]), np.array([True, False])
    for made in (X, sp.csr_matrix(X)):
        scores = PoolSVM(made).fit(rows, y, _costs(y))
        assert np.isfinite(scores).all()
        assert (scores == scores[0]).all()


def test_the_caller_s_copy_of_the_scores_does_not_move() -> None:
    X, y = _problem(5)
    pool = PoolSVM(X)
    rows = np.arange(10)
    first = pool.fit(rows, y[rows], _costs(y[rows]))
    kept = first.copy()
    pool.fit(np.arange(30), y[:30], _costs(y[:30]))
    assert (first == kept).all()


def test_an_empty_vocabulary_is_one_column() -> None:
    scores = PoolSVM(tfidf(["the", "the", "", ""])[0]).fit(
        np.array([0, 1]), np.array([True, False]), np.array([0.1, 0.1])
    )
    assert np.isfinite(scores).all()
