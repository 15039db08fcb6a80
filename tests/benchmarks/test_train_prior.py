from __future__ import annotations

import numpy as np

from benchmarks.train_prior import Finished, train


def _reviews(rng: np.random.Generator) -> list[Finished]:
    """Reviews of different topics; relevant records mention a trial, the others a case."""
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
    # Each topic is in only one review of five, which is too few.
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
    """Reviews; half of them include trials, the others cases."""
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
    assert prior.places(prior.rows([])).shape == (0, prior.axes.shape[1])


def test_the_same_reviews_give_the_same_prior() -> None:
    one, two = (train(_two_kinds(np.random.default_rng(6)), encoder=None) for _ in range(2))
    assert one.hash == two.hash
