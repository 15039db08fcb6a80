from __future__ import annotations

import pytest

from api.services.presets import PRESETS, costs


def test_costs_follow_from_records_people_and_what_was_excluded() -> None:
    found = costs(1200, 2, decided=0, excluded=0)
    assert found["single"].decisions == 1200
    assert found["single"].hours == 10
    assert found["dual"].hours == 20
    # 40 by both, of the other 1160 a fifth twice, the rest once and 94 % of them again.
    expected = 40 * 2 + 1160 * (0.4 + 0.8 * 1.94)
    assert found["rapid"].decisions == pytest.approx(expected)
    assert found["single"].hours < found["rapid"].hours < found["dual"].hours
    known = costs(1200, 4, decided=100, excluded=50)
    assert known["rapid"].decisions == pytest.approx(40 * 4 + 1160 * (0.4 + 0.8 * 1.5))
    few = costs(1200, 4, decided=49, excluded=0)
    assert few["rapid"].decisions > known["rapid"].decisions


def test_a_small_review_or_an_empty_one_has_a_cost_too() -> None:
    assert costs(10, 3, decided=0, excluded=0)["rapid"].decisions == 30
    assert costs(0, 0, decided=0, excluded=0)["dual"].hours == 0
    assert [preset.plan.dual_share for preset in PRESETS.values()] == [0.0, 0.0, 0.2, 1.0]
