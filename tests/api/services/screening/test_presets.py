from __future__ import annotations

import pytest

from api.services.screening.presets import PRESETS, estimate_costs


@pytest.mark.case("figures", 8)
def test_costs_follow_from_records_people_and_the_share_of_excludes() -> None:
    found = estimate_costs(1200, 2, decided=0, excluded=0)
    assert found["single"].decisions == 1200
    assert found["single"].hours == 10
    assert found["dual"].hours == 20
    # 40 by both; of the other 1,160, a fifth twice, the rest once, and 94 % of those again.
    expected = 40 * 2 + 1160 * (0.4 + 0.8 * 1.94)
    assert found["rapid-2020"].decisions == pytest.approx(expected)
    assert found["rapid-2020"].per_record == pytest.approx(1.94, abs=0.02)
    assert found["rapid-2023"].decisions == pytest.approx(1.2 * 1200)
    assert found["rapid-2023"].per_record == pytest.approx(1.2)
    assert found["single"].hours < found["rapid-2023"].hours < found["rapid-2020"].hours
    assert found["rapid-2020"].hours < found["dual"].hours
    known = estimate_costs(1200, 4, decided=100, excluded=50)
    assert known["rapid-2020"].decisions == pytest.approx(40 * 4 + 1160 * (0.4 + 0.8 * 1.5))
    few = estimate_costs(1200, 4, decided=49, excluded=0)
    assert few["rapid-2020"].decisions > known["rapid-2020"].decisions


def test_a_small_or_empty_review_has_a_cost() -> None:
    assert estimate_costs(10, 3, decided=0, excluded=0)["rapid-2020"].decisions == 30
    assert estimate_costs(0, 0, decided=0, excluded=0)["dual"].hours == 0
    assert [preset.plan.dual_share for preset in PRESETS.values()] == [0.0, 0.0, 1.0, 0.2, 1.0]
