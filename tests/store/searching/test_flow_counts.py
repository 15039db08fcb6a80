"""The flow of records as stored is the flow as counted, whatever happens to a review."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, func, select

from api.services.searching.flow_counting import FlowCounting, count_flow
from store.core.session import Store
from store.core.tables import FlowReport, ReportCount
from store.reports import counters
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from store.searching import flow, flow_check, flow_counts
from store.searching.flow import Flow
from tests.api.histories import History
from tests.store.builders import add_records
from tests.store.deciding import decide
from tests.store.reports.test_counters import FIXED, history

pytestmark = pytest.mark.both_databases

__all__ = ["history"]


def see(store: Store, review: ReviewInfo) -> tuple[dict[int, Flow], dict[int, Flow]]:
    """The flow by admission as readers get it, and as counted; admissions of nothing left out."""
    with store.read() as session:
        return (
            flow.count_flow_by_admission(session, review.id),
            flow_check.recount_flow(session, review.id),
        )


def test_the_flow_is_right_with_stored_counts_and_with_old_ones(history: History) -> None:
    store, review = history.store, history.review
    placed = 0
    for number, step in enumerate(FIXED):
        history.do(step)
        # First with counts that were stored before the last changes, or at some earlier time.
        got, right = see(store, review)
        assert got == right, step
        with store.read() as session:
            assert flow_check.find_wrong_batches(session) == [], step
        if number % 2:
            count_flow(store, review.id)
            got, right = see(store, review)
            assert got == right, f"{step}, stored"
            with store.read() as session:
                assert flow_counts.get_entry_counts(session, review.id).stored, step
                placed += session.scalar(select(func.count()).select_from(FlowReport)) or 0
    assert placed > 0


def test_decisions_leave_the_stored_counts_as_they_are(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    first, *_ = add_records(store, review.id, 3)
    count_flow(store, review.id)
    decide(store, review, person, first, "include")
    with store.read() as session:
        assert flow_counts.get_entry_counts(session, review.id).stored
        counted = flow.count_flow(session, review.id)
    assert (counted.identified, counted.included, counted.not_screened) == (3, 1, 2)


def test_a_review_is_counted_once_it_changes_no_more(store: Store, review: ReviewInfo) -> None:
    def is_stored() -> bool:
        with store.read() as session:
            return flow_counts.get_entry_counts(session, review.id).stored

    counting = FlowCounting(store)
    # It may be in the middle of an import.
    for changing in (True, True, False):
        if changing:
            add_records(store, review.id, 2)
        counting.look()
        assert (counting.changing, is_stored()) == (changing, not changing)
    counting.look()
    assert not counting.changing


def test_a_review_that_has_not_changed_since_the_upgrade_is_counted_too(
    store: Store, review: ReviewInfo
) -> None:
    add_records(store, review.id, 2)
    with store.write() as session:
        # The migrations count what there is, but not how often it has changed.
        session.execute(delete(ReportCount).where(ReportCount.kind == counters.CHANGES))
    counting = FlowCounting(store)
    for _ in range(2):
        counting.look()
    with store.read() as session:
        assert flow_counts.get_entry_counts(session, review.id).stored
        assert flow_counts.list_reviews_to_count(session) == {}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_review_without_searches_has_an_empty_flow(store: Store, review: ReviewInfo) -> None:
    with store.read() as session:
        assert flow.count_flow(session, review.id) == Flow()
        assert flow_counts.list_reviews_to_count(session) == {}
