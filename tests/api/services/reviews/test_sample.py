"""The sample review."""

from __future__ import annotations

import pytest

from api.services.reporting import evaluation
from api.services.reviews.sample import load_sample
from api.settings import Settings
from store.core.session import Store
from store.reports import limits, record_counts
from store.reviews.people import PersonInfo
from store.searching import flow


@pytest.mark.case("figures", 17)
def test_the_sample_review_has_the_counts_that_its_readme_states(
    store: Store, settings: Settings, person: PersonInfo
) -> None:
    review, made = load_sample(store, person.id)
    assert made
    again, made_again = load_sample(store, person.id)
    assert (again.id, made_again) == (review.id, False)
    with store.read() as session:
        counts = record_counts.count_reports(session, review.id)
        result = evaluation.evaluate(session, review.id)
        outside = limits.count_limits(session, review.id)
        lines = flow.count_flow(session, review.id)
    # 206 records, of which 54 are outside 2011 to 2022.
    assert (lines.identified, lines.out_of_range, counts.reports) == (206, 54, 152)
    assert (outside.out_of_range, outside.still_in, outside.decided) == (54, 0, 0)
    assert outside.undated == 60
    assert "53 of the other 152 (35 %)" in (review.banner or "")
    screened = result.screening
    assert (screened.held_out, screened.out_of_scope, screened.relevant) == (70, 25, 45)
    assert (screened.undated, screened.seeds, screened.unplaced) == (25, 8, 0)
    assert result.search.recall is None
    assert (
        result.search.note == "used to build the search: not an estimate of what the searches find"
    )
