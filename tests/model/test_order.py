from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.svm import LinearSVC

from api import resources
from model.classify import BalancedSVM, balanced_weights
from model.features import Document, build, centred, tfidf
from model.order import Evidence, rank
from model.pipeline import Pipeline
from tests.model.corpora import documents, features

PIPELINES = [resources.pipeline(name) for name in resources.pipelines()]
NONE = np.array([], np.int64)


def _evidence(
    n: int,
    rows: list[int],
    y: np.ndarray,
    queries: list[int] | None = None,
    seeds: list[int] | None = None,
) -> Evidence:
    unread = np.ones(n, bool)
    unread[rows] = False
    at = np.array(rows, np.int64)
    return Evidence(
        at, y[at], unread, np.array(queries or [], np.int64), np.array(seeds or [], np.int64)
    )


@pytest.mark.parametrize("pipeline", PIPELINES, ids=lambda p: p.name)
@settings(max_examples=15)
@given(data=st.data())
def test_a_ranking_is_a_permutation_of_the_unread(pipeline: Pipeline, data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    made, y = documents(5, 12, rng)
    rows = data.draw(st.lists(st.integers(0, 16), unique=True, max_size=12))
    seeds = data.draw(st.lists(st.integers(0, 16), unique=True, max_size=3))
    pool = features(made, pipeline)
    ranked = rank(pool, pipeline, _evidence(17, rows, y, seeds=seeds))
    assert sorted([*ranked.order.tolist(), *rows]) == list(range(17))
    if pipeline.variety is None:
        assert (np.diff(ranked.scores) <= 0).all()
    labels = [bool(y[row]) for row in rows] + [True] * len(set(seeds) - set(rows))
    assert ranked.cold_start == (len(set(labels)) < 2)


@pytest.mark.parametrize("pipeline", PIPELINES, ids=lambda p: p.name)
def test_equal_input_gives_an_equal_order(pipeline: Pipeline) -> None:
    made, y = documents(20, 60, np.random.default_rng(3))
    rows = [*np.flatnonzero(y)[:4].tolist(), *np.flatnonzero(~y)[:8].tolist()]
    orders = [
        rank(features(made, pipeline), pipeline, _evidence(80, rows, y), seed=1).order
        for _ in range(2)
    ]
    assert (orders[0] == orders[1]).all()


@pytest.mark.parametrize("pipeline", PIPELINES, ids=lambda p: p.name)
def test_decisions_bring_their_like_forward(pipeline: Pipeline) -> None:
    made, y = documents(20, 60, np.random.default_rng(5))
    rows = [int(np.flatnonzero(y)[0]), int(np.flatnonzero(~y)[0])]
    ranked = rank(features(made, pipeline), pipeline, _evidence(80, rows, y))
    assert y[ranked.order[:19]].mean() > 0.9


@pytest.mark.parametrize("pipeline", PIPELINES, ids=lambda p: p.name)
def test_a_cold_start_is_closeness_to_what_is_sought(pipeline: Pipeline) -> None:
    made, y = documents(20, 60, np.random.default_rng(7))
    made.append(Document("integrated children social work and health care", ""))
    pool = features(made, pipeline)
    evidence = _evidence(81, [80], np.append(y, True), queries=[80])
    evidence = Evidence(NONE, np.array([], bool), evidence.unread, evidence.queries, NONE)
    ranked = rank(pool, pipeline, evidence)
    assert ranked.cold_start
    assert y[ranked.order[:20]].mean() > 0.9


@pytest.mark.parametrize(
    "texts",
    [
        [Document("", ""), Document("", "")],
        [Document("a", ""), Document("a", "")],
        [Document("word", "word")] * 3,
        [Document("one", "x" * 100_000), Document("two", "")],
    ],
    ids=["empty", "one letter", "one word", "very long"],
)
@pytest.mark.parametrize("pipeline", PIPELINES, ids=lambda p: p.name)
def test_odd_texts_are_ranked_without_an_error(pipeline: Pipeline, texts: list[Document]) -> None:
    y = np.array([True, False, True][: len(texts)])
    pool = features(texts, pipeline)
    for rows in ([], [0], [0, 1]):
        ranked = rank(pool, pipeline, _evidence(len(texts), rows, y))
        assert len(ranked.order) == len(texts) - len(rows)
        assert np.isfinite(ranked.scores).all()


def test_seeds_train_as_relevant_until_they_are_decided() -> None:
    pipeline = resources.pipeline("elas-u4")
    made, y = documents(10, 30, np.random.default_rng(9))
    pool = features(made, pipeline)
    seed = int(np.flatnonzero(y)[0])
    irrelevant = [int(row) for row in np.flatnonzero(~y)[:3]]
    ranked = rank(pool, pipeline, _evidence(40, irrelevant, y, seeds=[seed]))
    assert not ranked.cold_start
    assert y[ranked.order[:10]].mean() > 0.8
    # Decided as irrelevant, the seed is no longer relevant: nothing is left to fit.
    decided = np.array([*irrelevant, seed], np.int64)
    unread = np.ones(40, bool)
    unread[decided] = False
    evidence = Evidence(decided, np.zeros(4, bool), unread, NONE, np.array([seed], np.int64))
    assert rank(pool, pipeline, evidence).cold_start


def test_a_view_without_an_encoder_is_refused() -> None:
    with pytest.raises(ValueError, match="needs an encoder"):
        build([Document("a", "b")], resources.pipeline("default"), None)


def test_weights_are_asreviews() -> None:
    y = np.array([True, True, False, False, False, False])
    # Irrelevant: 2 / (2 * 4) = 0.25; sum 2 + 1 = 3; scaled to mean 1: times 6 / 3.
    assert balanced_weights(y, 2.0) == pytest.approx([2, 2, 0.5, 0.5, 0.5, 0.5])


def test_the_classifier_is_liblinears() -> None:
    made, y = documents(10, 30, np.random.default_rng(1))
    X, _ = tfidf([document.words for document in made])
    ours = BalancedSVM(C=0.11, ratio=9.8).fit(X, y)
    theirs = LinearSVC(C=0.11, random_state=0).fit(X, y, sample_weight=balanced_weights(y, 9.8))
    assert ours.decision_function(X) == pytest.approx(theirs.decision_function(X))
    assert (ours.predict(X) == theirs.predict(X)).all()
    assert clone(ours).get_params() == {"C": 0.11, "ratio": 9.8, "random_state": 0}
    with pytest.raises(ValueError, match="relevant and irrelevant"):
        BalancedSVM().fit(X, np.ones(40, bool))


def test_centred_vectors_have_unit_length_and_no_common_part() -> None:
    vectors = np.random.default_rng(0).normal(3, 1, (50, 8)).astype(np.float32)
    unit = centred(vectors, vectors.mean(axis=0))
    assert np.linalg.norm(unit, axis=1) == pytest.approx(np.ones(50), abs=1e-5)
    assert abs(unit.mean(axis=0)).max() < 0.2


@pytest.mark.parametrize("pipeline", PIPELINES, ids=lambda p: p.name)
def test_copies_of_one_text_with_contradicting_decisions_are_ranked(pipeline: Pipeline) -> None:
    other, y = documents(4, 12, np.random.default_rng(5))
    pool = features([*other, *[Document("The same title", "The same abstract")] * 10], pipeline)
    y = np.concatenate([y, np.arange(10) % 2 == 0])
    rows = [*range(3), *range(16, 24)]
    ranked = rank(pool, pipeline, _evidence(26, rows, y))
    assert np.isfinite(ranked.scores).all()
    score = dict(zip(ranked.order.tolist(), ranked.scores.tolist(), strict=True))
    # What has the same text has the same score, whatever was decided on its copies.
    assert score[24] == pytest.approx(score[25], abs=1e-5)
