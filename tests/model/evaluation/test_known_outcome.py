from __future__ import annotations

import pytest
from scipy.stats import binomtest

from model.evaluation.known_outcome import USED_NOTE, find_outcome
from model.evaluation.matching import EMPTY_NOTE, Limits, match
from model.evaluation.search_recall import OWN_SEARCH_NOTE
from tests.model.evaluation.known_records import NO_LIMITS, held, known

OUTCOMES = {
    1: "include",
    2: "include",
    3: "maybe",
    4: "awaiting",
    5: "conflict",
    6: "open",
    7: "exclude",
}


@pytest.mark.case("figures", 2)
def test_three_figures_are_of_all_known_records_within_the_limits() -> None:
    reports = [held(n) for n in range(1, 9)]
    records = [known(n, title_key=f"title{n}") for n in range(1, 8)]
    # Missing from the review; outside its limits; undecidable; the first one a second time.
    records += [
        known(8, title_key="gone"),
        known(9, title_key="old", year=1990),
        known(10, title_key="title8", year=2014),
        known(11, title_key="spelled otherwise", doi="10.1000/1"),
    ]
    found = find_outcome(match(records, reports, Limits(2011, 2022)), OUTCOMES)
    assert (found.known, found.note) == (8, None)
    assert (found.included.found, found.included.counted) == (2, 8)
    assert (found.included_or_undecided.found, found.included_or_undecided.counted) == (6, 8)
    assert (found.reached.found, found.reached.counted) == (6, 8)
    assert (found.excluded, found.missing) == (1, 1)
    assert (found.not_matched, found.out_of_scope) == (1, 1)
    interval = binomtest(2, 8).proportion_ci(method="wilson")
    assert (found.included.low, found.included.high) == (
        pytest.approx(interval.low),
        pytest.approx(interval.high),
    )


def test_records_that_shaped_search_or_ranking_leave_the_figures() -> None:
    reports = [held(1), held(2), held(3)]
    used = [
        known(1, title_key="title1", search_use="development"),
        known(2, title_key="title2", ranking_use="seed"),
    ]
    found = find_outcome(match([*used, known(3, title_key="title3")], reports, NO_LIMITS), OUTCOMES)
    assert (found.known, found.note) == (1, None)
    found = find_outcome(match(used, reports, NO_LIMITS), OUTCOMES)
    assert (found.known, found.note, found.included.found) == (2, USED_NOTE, 2)
    assert (found.included.value, found.included.low) == (None, None)


@pytest.mark.case("figures", 3)
def test_records_of_own_searches_give_counts_and_no_estimate() -> None:
    own = [known(n, title_key=f"title{n}", origin="own-search") for n in (1, 7)]
    found = find_outcome(match(own, [held(1), held(7)], NO_LIMITS), OUTCOMES)
    assert (found.included.found, found.known, found.note) == (1, 2, OWN_SEARCH_NOTE)
    assert found.included.value is None
    nothing = find_outcome(match([known(1, year=1990)], [], Limits(2011, None)), {})
    assert (nothing.known, nothing.note) == (0, EMPTY_NOTE)
