"""Our SVM against scikit-learn's: the same problem, the same answer, warm or cold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.svm import LinearSVC

from benchmarks.measuring import DATA
from model.classify import balanced_weights
from model.features import build, tfidf
from model.order import Evidence, PoolRanker, rank
from model.pipeline import Pipeline, View
from model.pool import PoolSVM
from model.simulate import Plan, replay, simulate
from tests.model.corpora import documents, hashed
from tests.shared import needs_shared

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
    """Makes a matrix that is scored in one of the three ways of ``model.linear``."""
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


@needs_shared
@pytest.mark.parametrize("name", ["GPTscreenR_teachers", "Cohen_2006_NSAIDS"])
def test_warm_orders_are_cold_ones_within_the_tolerance(name: str) -> None:
    from api.services.replaying import labelled_set

    data = labelled_set(DATA / f"{name}.csv.gz")
    views = (View("words"), View("title-words", weight=0.3), View("embedding", 0.5, 0.1))
    pipeline = Pipeline("test", views)
    features = build(data.documents, pipeline, hashed)
    ranker = PoolRanker(features, pipeline)
    order, _ = replay(features, data.y, pipeline, Plan(0))
    read: list[int] = [int(np.flatnonzero(~data.y)[0])]
    unread = np.ones(len(data.y), bool)
    unread[read] = False
    agreements = []
    for row in order:
        if row in read:
            continue
        read.append(row)
        unread[row] = False
        rows = np.array(read)
        if not data.y[rows].any():
            continue
        evidence = Evidence(rows, data.y[rows], unread.copy(), NONE, NONE)
        warm, cold = ranker.rank(evidence), rank(features, pipeline, evidence)
        assert not cold.warm
        at_warm, at_cold = np.empty(len(data.y)), np.empty(len(data.y))
        at_warm[warm.order], at_cold[cold.order] = warm.scores, cold.scores
        agreements.append(spearmanr(at_warm[unread], at_cold[unread]).statistic)
    assert warm.warm
    assert min(agreements) >= 0.999


@needs_shared
def test_a_replay_by_our_solver_has_liblinear_s_loss() -> None:
    from api.services.replaying import labelled_set

    data = labelled_set(DATA / "VIVE_foster_adoptive_SLICE.csv.gz")
    losses = []
    for solver in ("dual", "liblinear"):
        pipeline = Pipeline("test", (View("words"),), solver=solver)
        features = build(data.documents, pipeline, None)
        losses.append(simulate("d", lambda: features, data.y, pipeline, Plan(1)).loss)  # noqa: B023 - called at once
    assert losses[0] == pytest.approx(losses[1], rel=0.01)


def test_a_thinning_schedule_reads_a_hundredth_between_fits() -> None:
    made, y = documents(30, 400, np.random.default_rng(6))
    # Labels that no text tells: the last relevant one is found late.
    y = np.random.default_rng(7).permutation(y)
    pipeline = Pipeline("test", (View("words"),))
    features = build(made, pipeline, None)
    each, _ = replay(features, y, pipeline, Plan(2))
    thin, fits = replay(features, y, pipeline, Plan(2, refit="thinning"))
    # Both stop at the last relevant one, and a set of 430 has its fits one by one to 200 labels.
    assert y[each].sum() == y[thin].sum() == 29
    assert each[:198] == thin[:198]
    assert fits < len(thin)


def test_after_a_fit_that_broke_off_the_next_one_is_cold(monkeypatch: pytest.MonkeyPatch) -> None:
    made, y = documents(10, 30, np.random.default_rng(8))
    pipeline = Pipeline("test", (View("words"), View("title-words", weight=0.3)))
    features = build(made, pipeline, None)
    ranker = PoolRanker(features, pipeline)
    read = [int(np.flatnonzero(y)[0]), int(np.flatnonzero(~y)[0]), int(np.flatnonzero(y)[1])]
    unread = np.ones(len(y), bool)
    unread[read] = False
    evidence = Evidence(np.array(read), y[read], unread, NONE, NONE)
    ranker.rank(evidence)

    def broken(*_: object) -> int:
        raise MemoryError

    with monkeypatch.context() as patched, pytest.raises(MemoryError):
        patched.setattr("model.pool.descend", broken)
        ranker.rank(evidence)
    after, cold = ranker.rank(evidence), rank(features, pipeline, evidence)
    assert not after.warm
    assert (after.scores == cold.scores).all()


def test_an_empty_vocabulary_is_one_column() -> None:
    scores = PoolSVM(tfidf(["the", "the", "", ""])[0]).fit(
        np.array([0, 1]), np.array([True, False]), np.array([0.1, 0.1])
    )
    assert np.isfinite(scores).all()
