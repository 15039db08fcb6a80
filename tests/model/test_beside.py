"""Texts outside a pool, read and scored as if they stood in it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api import resources
from model.features import Document, build, read_beside
from model.order import Evidence, PoolRanker
from model.pipeline import Pipeline
from model.prior import StudyPrior
from model.words import counted, counted_as, singular
from tests.model.corpora import documents, features, hashed

PIPELINES = [resources.pipeline(name) for name in resources.pipelines()]
NONE = np.array([], np.int64)
DEFAULT = resources.pipeline("default")


def _prior() -> StudyPrior:
    """A prior with everything a prior can have, by the vectors of the tests."""
    shipped = resources.study_prior()
    direction = np.zeros(26, np.float32)
    direction[3] = 1.0
    return StudyPrior(shipped.terms, shipped.axes, direction, "letters", ("made up",))


def _evidence(size: int, rows: list[int], y: np.ndarray, queries: list[int]) -> Evidence:
    unread = np.ones(size, bool)
    unread[rows + queries] = False
    at = np.array(rows, np.int64)
    return Evidence(at, y[at], unread, np.array(queries, np.int64), NONE)


@given(
    texts=st.lists(st.text("ab es.é", max_size=12), max_size=8),
    stem=st.sampled_from([None, singular]),
    pairs=st.booleans(),
    most=st.sampled_from([0.5, 1.0]),
)
def test_a_texts_own_words_are_counted_again(
    texts: list[str], stem: object, pairs: bool, most: float
) -> None:
    table, terms = counted(texts, max_df=most, pairs=pairs, stem=stem)  # type: ignore[arg-type] # either of the two
    again = counted_as(texts, terms, stem=stem)  # type: ignore[arg-type] # either of the two
    assert (again.toarray() == table.toarray()).all()


def test_words_that_the_pool_has_not_count_nothing() -> None:
    _, terms = counted(["care home", "home care visit"])
    found = counted_as(["care zebra home", "", "zebra"], terms).toarray()
    assert dict(zip(map(terms.__getitem__, range(len(terms))), found[0], strict=True)) == {
        "care": 1,
        "care home": 0,
        "care visit": 0,
        "home": 1,
        "home care": 0,
        "visit": 0,
    }
    assert not found[1:].any()


@pytest.mark.parametrize("pipeline", PIPELINES, ids=lambda p: p.name)
def test_a_document_of_the_pool_has_its_own_row_again(pipeline: Pipeline) -> None:
    made, _ = documents(20, 60, np.random.default_rng(3))
    made[4] = Document("Family: a trial?", "")
    made.append(Document("", ""))
    pool = build(made, pipeline, hashed, _prior())
    others = read_beside(pool, made[:9] + made[-1:], hashed, _prior())
    own = [*range(9), len(made) - 1]
    for name in pool.matrices:
        wanted, found = pool[name][own], others[name]
        if hasattr(wanted, "toarray"):
            wanted, found = wanted.toarray(), found.toarray()
        np.testing.assert_allclose(found, wanted, atol=1e-6)
    if pool.prior is None:
        assert others.prior is None
    else:
        assert others.prior is not None
        assert np.ptp(others.prior) > 0
        np.testing.assert_allclose(others.prior, pool.prior[own], atol=1e-5)


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
    others = read_beside(pool, [made[at] for at in ranked.order.tolist()], hashed, prior)
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
        _evidence(80, rows, y, []), read_beside(pool, late, hashed, prior)
    )
    assert scores[relevant].min() > scores[~relevant].max()


@pytest.mark.parametrize("texts", [[], [Document("", "")], [Document("!", "?")]])
def test_a_pool_without_a_word_reads_others_as_nothing(texts: list[Document]) -> None:
    pool = features(texts, DEFAULT)
    others = read_beside(pool, [Document("Care", "At home")], hashed, _prior())
    assert others["words"].nnz == 0
    assert np.isfinite(others["embedding"]).all()
    none = read_beside(pool, [], hashed, _prior())
    assert none.size == 0


def test_others_are_read_with_what_the_pool_was_read_with() -> None:
    pool = features([Document("Care", "At home")], DEFAULT)
    with pytest.raises(ValueError, match="needs an encoder"):
        read_beside(pool, [Document("a", "b")], None, _prior())
    with pytest.raises(ValueError, match="study-language prior"):
        read_beside(pool, [Document("a", "b")], hashed, None)
