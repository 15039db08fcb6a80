from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from api import resources
from benchmarks.measuring import DATA
from model.evaluation.simulate import Plan, replay
from model.features import Document, build, build_outside
from model.order import Evidence, PoolRanker
from model.pipeline import HeadStart, Pipeline, View
from tests.model.corpora import documents, features, hashed, rank
from tests.shared import needs_shared

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
    unread[rows + (queries or [])] = False
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


@pytest.mark.parametrize("pipeline", PIPELINES, ids=lambda p: p.name)
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_a_document_of_the_pool_has_its_own_score_again(
    pipeline: Pipeline, data: st.DataObject
) -> None:
    made, y = documents(8, 22, np.random.default_rng(data.draw(st.integers(0, 1000))))
    made.append(Document("integrated children social work", ""))
    rows = data.draw(st.lists(st.integers(0, 29), unique=True, max_size=12))
    queries = data.draw(st.sampled_from([[], [30]]))
    pool = features(made, pipeline)
    ranker = PoolRanker(pool, pipeline)
    evidence = _evidence(31, rows, np.append(y, True), queries)
    ranked = ranker.rank(evidence)
    prior = resources.study_prior().for_encoder(None)
    others = build_outside(pool, [made[at] for at in ranked.order.tolist()], hashed, prior)
    found = ranker.score(evidence, others)
    assert found == pytest.approx(ranked.scores, abs=2e-3)
    again = PoolRanker(pool, pipeline).score(evidence, others)
    assert again == pytest.approx(found, abs=1e-9)
    after = ranker.rank(evidence)
    once_more = PoolRanker(pool, pipeline)
    once_more.rank(evidence)
    assert (after.order == once_more.rank(evidence).order).all()


@pytest.mark.parametrize("pipeline", PIPELINES, ids=lambda p: p.name)
def test_what_is_like_the_relevant_scores_higher_outside_the_pool_too(pipeline: Pipeline) -> None:
    rng = np.random.default_rng(5)
    made, y = documents(20, 60, rng)
    rows = [*np.flatnonzero(y)[:4].tolist(), *np.flatnonzero(~y)[:4].tolist()]
    late, relevant = documents(5, 5, rng)
    prior = resources.study_prior().for_encoder(None)
    pool = features(made, pipeline)
    scores = PoolRanker(pool, pipeline).score(
        _evidence(80, rows, y, []), build_outside(pool, late, hashed, prior)
    )
    assert scores[relevant].min() > scores[~relevant].max()


@needs_shared
@pytest.mark.parametrize("name", ["GPTscreenR_teachers", "Cohen_2006_NSAIDS"])
def test_warm_orders_are_cold_ones_within_the_tolerance(name: str) -> None:
    from api.services.ranking.replaying import read_labelled_set

    data = read_labelled_set(DATA / f"{name}.csv.gz")
    views = (View("words"), View("title-words", weight=0.3), View("embedding", 0.5, 0.1))
    pipeline = Pipeline("test", views)
    pool = build(data.documents, pipeline, hashed)
    ranker = PoolRanker(pool, pipeline)
    order = replay(pool, data.y, pipeline, Plan(0)).order
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
        warm, cold = ranker.rank(evidence), rank(pool, pipeline, evidence)
        assert not cold.warm
        at_warm, at_cold = np.empty(len(data.y)), np.empty(len(data.y))
        at_warm[warm.order], at_cold[cold.order] = warm.scores, cold.scores
        agreements.append(spearmanr(at_warm[unread], at_cold[unread]).statistic)
    assert warm.warm
    assert min(agreements) >= 0.999


def test_after_a_fit_that_broke_off_the_next_one_is_cold(monkeypatch: pytest.MonkeyPatch) -> None:
    made, y = documents(10, 30, np.random.default_rng(8))
    pipeline = Pipeline("test", (View("words"), View("title-words", weight=0.3)))
    pool = build(made, pipeline, None)
    ranker = PoolRanker(pool, pipeline)
    read = [int(np.flatnonzero(y)[0]), int(np.flatnonzero(~y)[0]), int(np.flatnonzero(y)[1])]
    unread = np.ones(len(y), bool)
    unread[read] = False
    evidence = Evidence(np.array(read), y[read], unread, NONE, NONE)
    ranker.rank(evidence)

    def broken(*_: object) -> int:
        raise MemoryError

    with monkeypatch.context() as patched, pytest.raises(MemoryError):
        patched.setattr("model.pool_svm.descend", broken)
        ranker.rank(evidence)
    after, cold = ranker.rank(evidence), rank(pool, pipeline, evidence)
    assert not after.warm
    assert (after.scores == cold.scores).all()


def test_the_question_goes_on_counting_once_a_model_is_fitted() -> None:
    made, y = documents(10, 30, np.random.default_rng(4))
    made.append(Document("integrated children social work and health care", ""))
    pipeline = Pipeline("test", (View("words"),), question=HeadStart(0.5, 1.0))
    pool = build(made, pipeline, None)
    rows = np.array([int(np.flatnonzero(y)[0]), int(np.flatnonzero(~y)[0])])
    unread = np.ones(41, bool)
    unread[[*rows, 40]] = False
    with_it = rank(pool, pipeline, Evidence(rows, y[rows], unread, np.array([40]), NONE))
    without = rank(pool, pipeline, Evidence(rows, y[rows], unread, NONE, NONE))
    assert with_it.head_starts["question"] > 0
    assert without.head_starts == {}
    assert y[with_it.order[:9]].mean() >= y[without.order[:9]].mean()
