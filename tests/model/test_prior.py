from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from api import resources
from model.blend import faded
from model.features import Document, build
from model.order import Evidence, rank
from model.pipeline import HeadStart, Pipeline, View
from model.prior import StudyPrior, load, save
from model.train_prior import Finished, train
from tests.model.corpora import documents, hashed

NONE = np.array([], np.int64)
NO_AXES = np.zeros((2, 0), np.float32)
PRIOR = StudyPrior({"trial": 1.0, "case": -1.0}, NO_AXES, None, None, ("made up",))


def _reviews(rng: np.random.Generator) -> list[Finished]:
    """Reviews of different topics whose relevant records speak of a trial, the others of a case."""
    made = []
    for topic in ("heart", "school", "steel", "river", "forest"):
        y = rng.random(60) < 0.3
        y[:2] = [True, False]
        texts = [
            " ".join(["trial" if relevant else "case", *rng.choice([topic, "we", "of"], 6)])
            for relevant in y
        ]
        made.append(Finished(topic, texts, y, None))
    return made


def test_a_prior_learns_what_relevant_records_of_many_reviews_share() -> None:
    prior = train(_reviews(np.random.default_rng(1)), encoder=None)
    assert prior.terms["trial"] > 0.2
    assert prior.terms["case"] < -0.2
    # Each topic is one review's alone: the fifth of the reviews that speak of it is too few.
    assert "heart" not in prior.terms
    assert prior.trained_on == ("heart", "school", "steel", "river", "forest")
    found, _ = prior.scores(prior.rows(["a trial of bridges", "a case of bridges", "bridges"]))
    assert found[0] > found[2] > found[1]


def test_a_direction_among_vectors_is_learned_and_asked_only_for_its_encoder() -> None:
    rng = np.random.default_rng(2)
    reviews = []
    for review in _reviews(rng):
        vectors = rng.normal(size=(60, 8)).astype(np.float32)
        vectors[review.y, 3] += 3
        reviews.append(Finished(review.name, review.texts, review.y, vectors))
    prior = train(reviews, encoder="one")
    assert prior.direction is not None
    assert int(np.abs(prior.direction).argmax()) == 3
    assert prior.for_encoder("one") is prior
    assert prior.for_encoder("another").direction is None
    assert prior.for_encoder(None).terms == prior.terms


def _two_kinds(rng: np.random.Generator) -> list[Finished]:
    """Reviews of which one half keeps trials, the other cases."""
    made = []
    for at, topic in enumerate(("heart", "school", "steel", "river", "forest", "bread")):
        y = rng.random(60) < 0.3
        y[:2] = [True, False]
        kept, left = ("trial", "case") if at % 2 else ("case", "trial")
        texts = [
            " ".join([kept if relevant else left, *rng.choice([topic, "we", "of"], 6)])
            for relevant in y
        ]
        made.append(Finished(topic, texts, y, None))
    return made


def test_axes_find_what_reviews_differ_in_where_the_average_says_nothing() -> None:
    prior = train(_two_kinds(np.random.default_rng(5)), encoder=None)
    words = list(prior.terms)
    assert abs(prior.terms["trial"]) < 0.2
    strongest = np.abs(prior.axes[:, 0])
    assert {words[at] for at in np.argsort(-strongest)[:2]} == {"trial", "case"}
    assert prior.axes[words.index("trial"), 0] * prior.axes[words.index("case"), 0] < 0
    places = prior.places(prior.rows(["a trial of bridges", "a case of bridges"]))
    assert places[0, 0] * places[1, 0] < 0
    assert PRIOR.places(PRIOR.rows(["trial", ""])).tolist() == [[0.0], [0.0]]
    assert prior.places(prior.rows([])).shape == (0, prior.axes.shape[1])


def test_the_same_reviews_give_the_same_prior() -> None:
    one, two = (train(_two_kinds(np.random.default_rng(6)), encoder=None) for _ in range(2))
    assert one.hash == two.hash


def test_a_view_on_axes_needs_a_prior_and_goes_with_it() -> None:
    made, _ = documents(5, 5, np.random.default_rng(7))
    pipeline = Pipeline("test", (View("words"), View("study-axes")))
    with pytest.raises(ValueError, match="needs a study-language prior"):
        build(made, pipeline, None)
    assert build(made, pipeline, None, PRIOR)["study-axes"].tolist() == [[0.0]] * 10
    found = build(made, pipeline, None, resources.study_prior())["study-axes"]
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert pipeline.needs_prior
    assert [view.features for view in pipeline.alone().views] == ["words"]
    assert not pipeline.alone().needs_prior
    default = resources.pipeline("default").alone()
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
    with pytest.raises(ValueError, match="no study-language prior"):
        load(path)


def test_the_shipped_prior_names_its_training_sets_and_its_encoder() -> None:
    prior = resources.study_prior()
    assert len(prior.trained_on) > 30
    assert prior.terms["randomized"] > 0 > prior.terms["case"]
    assert prior.direction is None or prior.encoder is not None


def test_a_head_start_fades_where_what_is_found_does_not_bear_it_out() -> None:
    start = HeadStart(weight=0.6, expected=0.6)
    # Nothing found: the mean of three made-up ones. Then three at 1.8: (1.8 + 5.4) / 6 = 1.2.
    assert faded(np.zeros(0), start) == pytest.approx(0.36)
    assert faded(np.full(3, 1.8), start) == pytest.approx(0.72)
    # Ten at -0.5: (1.8 - 5) / 13 is below 0.
    assert faded(np.full(10, -0.5), start) == 0


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
