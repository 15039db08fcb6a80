from __future__ import annotations

import numpy as np
import pytest

from api import resources
from model.features import Features
from model.misses import likely_misses
from model.team import Crew, TeamPlan, play
from tests.model.corpora import documents, features

PIPELINE = resources.pipeline("default")
SURE = Crew((1.0, 1.0), (1.0, 1.0))


def _made(relevant: int, other: int) -> tuple[Features, np.ndarray]:
    made, y = documents(relevant, other, np.random.default_rng(3))
    return features(made, PIPELINE), y


@pytest.mark.parametrize(
    ("plan", "decisions"),
    [
        (TeamPlan(), 60),
        (TeamPlan(dual_share=1.0), 120),
        (TeamPlan(dual_share=1.0, learn="all"), 120),
        (TeamPlan(second_look=1.0), 60 + 45),
    ],
)
def test_people_who_never_err_find_everything_at_the_plans_cost(
    plan: TeamPlan, decisions: int
) -> None:
    pool, y = _made(15, 45)
    found = play(pool, y, PIPELINE, SURE, plan)
    assert (found.found, found.false, found.adjudications) == (15, 0, 0)
    assert found.decisions == decisions
    assert len(found.at) == 15
    assert found.found_after(found.decisions) == 1.0
    # The order is better than chance: half of them come in the first third.
    assert found.found_after(found.decisions // 3) > 0.5


def test_what_one_misses_two_find_more_often() -> None:
    pool, y = _made(60, 140)
    crew = Crew((0.79, 0.79), (0.975, 0.975))
    plans = {
        "single": TeamPlan(),
        "dual": TeamPlan(dual_share=1.0),
        "look": TeamPlan(second_look=1.0),
        "misses": TeamPlan(misses=0.2),
    }
    found = {
        name: [play(pool, y, PIPELINE, crew, plan, seed=seed) for seed in range(6)]
        for name, plan in plans.items()
    }
    share = {name: np.mean([each.found / 60 for each in own]) for name, own in found.items()}
    assert share["single"] == pytest.approx(0.79, abs=0.06)
    # Both must miss it: 1 - 0.21 squared.
    assert share["dual"] == pytest.approx(0.956, abs=0.03)
    assert share["look"] == pytest.approx(0.956, abs=0.03)
    assert share["single"] + 0.05 < share["misses"] <= share["look"] + 0.02
    cost = {name: np.mean([each.decisions / 200 for each in own]) for name, own in found.items()}
    assert cost["single"] == 1.0
    assert cost["dual"] == 2.0
    assert cost["misses"] == pytest.approx(1.2)
    assert 1.6 < cost["look"] < 1.9


def test_the_same_seed_is_the_same_play() -> None:
    pool, y = _made(10, 30)
    crew = Crew((0.8, 0.8, 0.9), (0.9, 0.9, 0.9))
    plan = TeamPlan(dual_share=0.4, second_look=0.5, misses=0.1)
    first, second = (play(pool, y, PIPELINE, crew, plan, seed=4) for _ in range(2))
    assert first == second
    assert first.missed_found >= 0


def test_likely_misses_are_excluded_relevant_records() -> None:
    pool, y = _made(30, 90)
    rows = np.arange(len(y))
    said = y.copy()
    missed = np.flatnonzero(y)[:5]
    said[missed] = False
    order = likely_misses(pool, rows, said, PIPELINE)
    assert len(order) == int((~said).sum())
    assert set(missed) <= set(order[:10])
    alone = likely_misses(pool, rows[:4], np.zeros(4, bool), PIPELINE)
    assert sorted(alone) == [0, 1, 2, 3]


def test_a_crew_and_a_review_must_be_there() -> None:
    with pytest.raises(ValueError, match="recall and a specificity"):
        Crew((0.9,), ())
    pool, y = _made(3, 9)
    with pytest.raises(ValueError, match="no relevant record"):
        play(pool, np.zeros(len(y), bool), PIPELINE, SURE, TeamPlan())
