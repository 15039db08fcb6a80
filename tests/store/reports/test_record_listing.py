"""The list of records: the same total and pages, whichever way they are found."""

from __future__ import annotations

import pytest

from store.core.session import Store
from store.reports.record_listing import RecordFilter, find_matching_reports, list_records
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from tests.api.histories import History
from tests.store.builders import join

_STEPS = (
    *("import", "compare", "two people", "import", "compare", *["decide"] * 9, "judge"),
    *("years", "leave out", "begin import", "begin run", "withdraw"),
)


@pytest.fixture
def history(store: Store, review: ReviewInfo, person: PersonInfo) -> History:
    with store.write() as session:
        people = [person, join(session, review.id, "bo"), join(session, review.id, "cy")]
    lived = History(store, review, people)
    for step in _STEPS:
        lived.do(step)
    return lived


@pytest.mark.parametrize(
    "filters",
    [
        RecordFilter(),
        *(RecordFilter(decision=word) for word in ("include", "exclude", "maybe", "undecided")),
        RecordFilter(text="integrating"),
        RecordFilter(flag="no-abstract"),
        RecordFilter(search_id=1),
        RecordFilter(decision="undecided", year_from=2016),
    ],
)
def test_pages_add_up_to_the_reports_that_match(history: History, filters: RecordFilter) -> None:
    review_id = history.review.id
    with history.store.read() as session:
        matching = find_matching_reports(session, review_id, filters)
        totals, listed = set(), []
        for offset in range(0, len(matching) + 2, 2):
            total, page = list_records(session, review_id, filters, offset=offset, limit=2)
            totals.add(total)
            listed += [record.report_id for record in page]
    # The last page asked for lies beyond the end, and has the same total.
    assert totals == {len(matching)}
    assert listed == matching


def test_a_report_has_no_abstract_if_none_of_its_records_has_one(history: History) -> None:
    with history.store.read() as session:
        everything, listed = list_records(
            session, history.review.id, RecordFilter(), offset=0, limit=99
        )
        bare = find_matching_reports(session, history.review.id, RecordFilter(flag="no-abstract"))
    assert bare == [each.report_id for each in listed if each.record.abstract is None]
    assert 0 < len(bare) < everything
