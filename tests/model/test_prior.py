from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from api import resources
from benchmarks.train_prior import save
from model.features import Document, build
from model.order import Evidence
from model.pipeline import HeadStart, Pipeline, View
from model.prior import StudyPrior, load
from tests.model.corpora import documents, hashed, rank

NONE = np.array([], np.int64)
NO_AXES = np.zeros((2, 0), np.float32)
PRIOR = StudyPrior({"trial": 1.0, "case": -1.0}, NO_AXES, None, None, ("made up",))


def test_places_on_no_axes_are_zero() -> None:
    assert PRIOR.places(PRIOR.rows(["trial", ""])).tolist() == [[0.0], [0.0]]


def test_a_view_on_axes_needs_a_prior_and_goes_with_it() -> None:
    made, _ = documents(5, 5, np.random.default_rng(7))
    pipeline = Pipeline("test", (View("words"), View("study-axes")))
    with pytest.raises(ValueError, match="needs a study-language prior"):
        build(made, pipeline, None)
    assert build(made, pipeline, None, PRIOR)["study-axes"].tolist() == [[0.0]] * 10
    found = build(made, pipeline, None, resources.study_prior())["study-axes"]
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert pipeline.needs_prior
    assert [view.features for view in pipeline.without_prior().views] == ["words"]
    assert not pipeline.without_prior().needs_prior
    default = resources.pipeline("default").without_prior()
    assert default.study_language is None
    assert default.question is not None


def test_a_prior_round_trips_and_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "prior.json"
    axes = np.array([[1.0, -0.125]], np.float32)
    prior = StudyPrior({"trial": 0.5}, axes, np.array([0.25, -1], np.float32), "one", ("a", "b"))
    save(prior, path)
    back = load(path)
    assert (back.terms, back.encoder, back.trained_on) == (prior.terms, "one", ("a", "b"))
    assert back.direction is not None
    assert back.direction.tolist() == [0.25, -1]
    assert back.axes.tolist() == [[1.0, -0.125]]
    assert back.hash == prior.hash
    path.write_text('{"terms": 3}')
    with pytest.raises(ValueError, match="not a study-language prior"):
        load(path)


def test_the_shipped_prior_names_its_training_sets_and_its_encoder() -> None:
    prior = resources.study_prior()
    assert len(prior.trained_on) > 30
    assert prior.terms["randomized"] > 0 > prior.terms["case"]
    assert prior.direction is not None
    assert prior.direction.shape == (384,)


def test_the_prior_puts_study_language_first_until_decisions_contradict_it() -> None:
    rng = np.random.default_rng(3)
    made, y = documents(10, 30, rng)
    kinds = ["trial", "case"] * 20
    made = [Document(d.title, f"{d.abstract} {kind}") for d, kind in zip(made, kinds, strict=True)]
    pipeline = Pipeline("test", (View("words"),), study_language=HeadStart(2.0, 0.6))
    pool = build(made, pipeline, hashed, PRIOR)
    is_trial = np.array([kind == "trial" for kind in kinds])

    def weight(relevant: np.ndarray) -> float:
        rows = np.concatenate([np.flatnonzero(relevant)[:5], np.flatnonzero(~y)[:1]])
        unread = np.ones(40, bool)
        unread[rows] = False
        labels = np.array([True] * (len(rows) - 1) + [False])
        return rank(pool, pipeline, Evidence(rows, labels, unread, NONE, NONE)).head_starts[
            "study-language"
        ]

    assert weight(is_trial) > 1 > weight(~is_trial)
    with pytest.raises(ValueError, match="needs a study-language prior"):
        build(made, pipeline, hashed)
