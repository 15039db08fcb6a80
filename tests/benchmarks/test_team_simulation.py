from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from api import resources
from benchmarks.team_simulation import Pool, Screeners, TeamPlan, simulate_team
from tests.model.corpora import documents, features

PIPELINE = resources.pipeline("default")
FAULTLESS = Screeners((1.0, 1.0), (1.0, 1.0))


def _pool(relevant: int, other: int) -> Pool:
    made, y = documents(relevant, other, np.random.default_rng(3))
    return Pool(features(made, PIPELINE), y, PIPELINE)


@pytest.mark.parametrize(
    ("plan", "decisions"),
    [
        (TeamPlan(), 60),
        (TeamPlan(dual_share=1.0), 120),
        (TeamPlan(dual_share=1.0, learn="all"), 120),
        (TeamPlan(second_look=1.0), 60 + 45),
        (TeamPlan(first_dual=0.2), 60 + 12),
    ],
)
def test_people_who_make_no_mistakes_find_everything_at_the_plans_cost(
    plan: TeamPlan, decisions: int
) -> None:
    pool = _pool(15, 45)
    found = simulate_team(pool, FAULTLESS, plan)
    assert (found.found, found.false, found.adjudications) == (15, 0, 0)
    assert found.decisions == decisions
    assert len(found.at) == 15
    assert found.found_after(found.decisions) == 1.0
    # The order is better than chance: half of them come in the first third.
    assert found.found_after(found.decisions // 3) > 0.5


def test_what_one_misses_two_find_more_often() -> None:
    pool = _pool(60, 140)
    screeners = Screeners((0.79, 0.79), (0.975, 0.975))
    plans = {
        "single": TeamPlan(),
        "dual": TeamPlan(dual_share=1.0),
        "look": TeamPlan(second_look=1.0),
        "misses": TeamPlan(misses=0.2),
    }
    found = {
        name: [simulate_team(pool, screeners, plan, seed=seed) for seed in range(6)]
        for name, plan in plans.items()
    }
    share = {name: np.mean([each.found / 60 for each in own]) for name, own in found.items()}
    assert share["single"] == pytest.approx(0.79, abs=0.06)
    # Both must miss it: 1 - 0.21 squared.
    assert share["dual"] == pytest.approx(0.956, abs=0.03)
    assert share["look"] == pytest.approx(0.956, abs=0.03)
    assert share["single"] + 0.05 < share["misses"] <= share["look"] + 0.02
    # Without the check of likely misses, the same people would have found that many fewer.
    assert [looked.found - looked.missed_found for looked in found["misses"]] == [
        single.found for single in found["single"]
    ]
    assert sum(looked.missed_found for looked in found["misses"]) > 0
    cost = {name: np.mean([each.decisions / 200 for each in own]) for name, own in found.items()}
    assert cost["single"] == 1.0
    assert cost["dual"] == 2.0
    assert cost["misses"] == pytest.approx(1.2)
    assert 1.6 < cost["look"] < 1.9


def test_the_same_seed_gives_the_same_result() -> None:
    pool = _pool(10, 30)
    screeners = Screeners((0.8, 0.8, 0.9), (0.9, 0.9, 0.9))
    plan = TeamPlan(dual_share=0.4, second_look=0.5, misses=0.1)
    first, second = (simulate_team(pool, screeners, plan, seed=4) for _ in range(2))
    assert first == second
    assert first != simulate_team(pool, screeners, plan, seed=5)


def test_screeners_and_a_relevant_record_are_needed() -> None:
    with pytest.raises(ValueError, match="recall and a specificity"):
        Screeners((0.9,), ())
    pool = _pool(3, 9)
    with pytest.raises(ValueError, match="no relevant record"):
        simulate_team(dataclasses.replace(pool, y=np.zeros(12, bool)), FAULTLESS, TeamPlan())
