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
PRIOR = StudyPrior({"trial": 1.0, "case": -1.0}, None, None, ("made up",))


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
    found = prior.scores(["a trial of bridges", "a case of bridges", "bridges"])
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


def test_a_prior_round_trips_and_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "prior.json"
    prior = StudyPrior({"trial": 0.5}, np.array([0.25, -1], np.float32), "one", ("a", "b"))
    save(prior, path)
    back = load(path)
    assert (back.terms, back.encoder, back.trained_on) == (prior.terms, "one", ("a", "b"))
    assert back.direction is not None
    assert back.direction.tolist() == [0.25, -1]
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
