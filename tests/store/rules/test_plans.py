"""Plans: how many people decide a report."""

from __future__ import annotations

from store.rules.plans import Plan, plan_from_body


def test_a_share_is_drawn_from_the_report_alone() -> None:
    some = Plan(dual_share=0.3, seed=4)
    drawn = [
        some.count_needed(report, word) for report in range(4000) for word in (None, "include")
    ]
    assert drawn[::2] == drawn[1::2]
    assert 0.27 < sum(n == 2 for n in drawn[::2]) / 4000 < 0.33
    look = Plan(second_look=0.5)
    assert {look.count_needed(report, "include") for report in range(200)} == {1}
    assert 70 < sum(look.count_needed(report, "exclude") == 2 for report in range(200)) < 130
    assert Plan(second_look=1.0).count_needed(7, "exclude") == 2
    assert plan_from_body({}) == Plan()
    assert Plan().single
