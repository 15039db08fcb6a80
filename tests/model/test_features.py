from __future__ import annotations

import numpy as np
import pytest

from api import resources
from model.features import Document, build, build_outside, centre
from model.pipeline import Pipeline
from model.prior import StudyPrior
from tests.model.corpora import documents, features, hashed

PIPELINES = [resources.pipeline(name) for name in resources.pipelines()]
NONE = np.array([], np.int64)
DEFAULT = resources.pipeline("default")


def _prior() -> StudyPrior:
    """A prior with all its parts, made for the vectors of these tests."""
    shipped = resources.study_prior()
    direction = np.zeros(26, np.float32)
    direction[3] = 1.0
    return StudyPrior(shipped.terms, shipped.axes, direction, "letters", ("made up",))


@pytest.mark.parametrize("pipeline", PIPELINES, ids=lambda p: p.name)
def test_a_document_of_the_pool_has_its_own_row_again(pipeline: Pipeline) -> None:
    made, _ = documents(20, 60, np.random.default_rng(3))
    made[4] = Document("Family: a trial?", "")
    made.append(Document("", ""))
    pool = build(made, pipeline, hashed, _prior())
    others = build_outside(pool, made[:9] + made[-1:], hashed, _prior())
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


@pytest.mark.parametrize("texts", [[], [Document("", "")], [Document("!", "?")]])
def test_a_pool_without_a_word_reads_others_as_nothing(texts: list[Document]) -> None:
    pool = features(texts, DEFAULT)
    others = build_outside(pool, [Document("Care", "At home")], hashed, _prior())
    assert others["words"].nnz == 0
    assert np.isfinite(others["embedding"]).all()
    none = build_outside(pool, [], hashed, _prior())
    assert none.size == 0


def test_others_are_read_with_what_the_pool_was_read_with() -> None:
    pool = features([Document("Care", "At home")], DEFAULT)
    with pytest.raises(ValueError, match="needs an encoder"):
        build_outside(pool, [Document("a", "b")], None, _prior())
    with pytest.raises(ValueError, match="study-language prior"):
        build_outside(pool, [Document("a", "b")], hashed, None)


def test_a_view_without_an_encoder_is_refused() -> None:
    with pytest.raises(ValueError, match="needs an encoder"):
        build([Document("a", "b")], resources.pipeline("default"), None)


def test_centred_vectors_have_unit_length_and_no_common_part() -> None:
    vectors = np.random.default_rng(0).normal(3, 1, (50, 8)).astype(np.float32)
    unit = centre(vectors, vectors.mean(axis=0))
    assert np.linalg.norm(unit, axis=1) == pytest.approx(np.ones(50), abs=1e-5)
    assert abs(unit.mean(axis=0)).max() < 0.2
