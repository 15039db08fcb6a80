"""Reports outside the protocol's years: left out, taken back, and never moved once decided."""

from __future__ import annotations

import datetime as dt

import pytest

from api.protocol import ProtocolBody, ProtocolLimits
from api.services.duplicates import judging
from api.services.ranking.review_features import get_training_labels
from api.services.reviews import limits as applying
from api.services.reviews import protocols
from harvest.record import Record
from store.core.session import Store
from store.reports import limits, record_counts, record_listing, records
from store.reports.record_listing import RecordFilter
from store.reviews import reviews
from store.reviews.people import PersonInfo
from store.reviews.reviews import NewProtocol, ReviewInfo
from store.rules.limits import IN_FORCE
from store.screening import decisions
from store.screening.queue import LeaseRequest
from store.screening.stage_queue import Screener
from store.searching import batches, flow
from tests.store import dealing
from tests.store.builders import content, store_content
from tests.store.deciding import decide


def limit(
    store: Store, review: ReviewInfo, person: PersonInfo, first: int | None, last: int | None
) -> None:
    body = ProtocolBody(limits=ProtocolLimits(year_from=first, year_to=last)).stored()
    protocols.save_protocol(
        store, review.id, NewProtocol(body, person.id, reason="the years of the question")
    )


def bring(store: Store, review: ReviewInfo, *years: int | None) -> list[int]:
    """Import one record for each year, and return their reports."""
    made = [
        Record(n, title=f"Title {n} {year}", abstract="x", year=year)
        for n, year in enumerate(years, start=1)
    ]
    batch = store_content(store, review.id, content(made))
    with store.read() as session:
        return list(records.get_reports_by_position(session, batch).values())


def left_out(store: Store, review: ReviewInfo) -> set[int]:
    with store.read() as session:
        return limits.list_out_of_range(session, review.id)


def deal(store: Store, review: ReviewInfo, person: PersonInfo) -> set[int]:
    """Every card that the queue deals to a person."""
    request = LeaseRequest(number=50, valid=dt.timedelta(hours=1))
    with store.write() as session:
        places = dealing.lease_cards(session, Screener(review.id, person.id), [], request)
    return {place.report_id for place in places}


@pytest.mark.case("figures", 7)
def test_reports_outside_are_left_out_and_come_back_when_the_limit_changes(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    limit(store, review, person, 2011, 2022)
    early, first, last, late, undated = bring(store, review, 2010, 2011, 2022, 2023, None)
    assert left_out(store, review) == {early, late}
    assert deal(store, review, person) == {first, last, undated}
    with store.read() as session:
        counts = limits.count_limits(session, review.id)
        found = flow.count_flow(session, review.id)
        listed = record_listing.list_records(
            session, review.id, RecordFilter(standing="out-of-range"), offset=0, limit=9
        )
        no_year = record_listing.find_matching_reports(
            session, review.id, RecordFilter(flag="no-year")
        )
        assert record_counts.count_reports(session, review.id).undecided == 3
        assert get_training_labels(session, review.id).out_of_range == {early, late}
    assert (counts.out_of_range, counts.still_in, counts.decided, counts.undated) == (2, 0, 0, 1)
    assert (found.identified, found.out_of_range, found.not_screened) == (5, 2, 3)
    assert (listed[0], {each.report_id for each in listed[1]}) == (2, {early, late})
    assert no_year == [undated]
    limit(store, review, person, 2010, None)
    assert left_out(store, review) == set()
    assert deal(store, review, person) == {early, first, last, late, undated}


def test_a_decided_report_stays_in_and_is_flagged(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    decided, unread = bring(store, review, 2000, 2001)
    decide(store, review, person, decided, "include")
    limit(store, review, person, 2011, 2022)
    assert left_out(store, review) == {unread}
    with store.read() as session:
        counts = limits.count_limits(session, review.id)
        assert record_listing.find_matching_reports(
            session, review.id, RecordFilter(flag="outside")
        ) == [decided]
        assert flow.count_flow(session, review.id).included == 1
    assert (counts.out_of_range, counts.decided) == (1, 1)


def test_a_decision_sent_late_counts_and_brings_its_report_back(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    (report,) = bring(store, review, 2000)
    assert deal(store, review, person) == {report}
    limit(store, review, person, 2011, None)
    number, state = decide(store, review, person, report, "exclude")
    assert (state, left_out(store, review)) == ("settled", set())
    # Taken back, it is dealt again: nobody's card goes because they correct themselves.
    with store.write() as session:
        decisions.undo_decision(session, review.id, person.id, number, token="u")
    assert deal(store, review, person) == {report}
    with store.read() as session:
        assert limits.count_limits(session, review.id).still_in == 1
    applying.set_in_force(store, review.id, True, person_id=person.id)
    assert left_out(store, review) == {report}


def test_one_record_within_the_years_keeps_its_report_in(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    limit(store, review, person, 2011, None)
    (ahead,) = bring(store, review, 2010)
    (printed,) = bring(store, review, 2011)
    (undated,) = bring(store, review, None)
    with store.read() as session:
        listed = record_listing.list_records(
            session, review.id, RecordFilter(standing="out-of-range"), offset=0, limit=9
        )[1]
        within = record_listing.list_records(session, review.id, RecordFilter(), offset=0, limit=9)[
            1
        ]
    (outside,) = listed
    by_report = {each.report_id: each.id for each in within}
    # A copy without a year says nothing against the year of the other one.
    judge(store, review, person, outside.id, by_report[undated], "same")
    assert left_out(store, review) == {ahead}
    judge(store, review, person, outside.id, by_report[printed], "same")
    assert left_out(store, review) == set()


def judge(store: Store, review: ReviewInfo, person: PersonInfo, a: int, b: int, label: str) -> None:
    said = judging.Judgement(a=a, b=b, label=label, reason="the same article")
    judging.record_judgement(store, review.id, said, person_id=person.id)


def test_withdrawing_the_copy_within_the_years_leaves_the_report_out(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    limit(store, review, person, 2011, None)
    bring(store, review, 2010)
    made = content([Record(1, title="Title 9", year=2012)])
    batch = store_content(store, review.id, made)
    with store.write() as session:
        (inside,) = records.get_reports_by_position(session, batch).values()
        (outside,) = limits.list_out_of_range(session, review.id)
        ids = {
            record.report_id: record.id
            for report in (inside, outside)
            for record in records.list_records_of_report(session, review.id, report)
        }
    judge(store, review, person, ids[inside], ids[outside], "same")
    assert left_out(store, review) == set()
    with store.write() as session:
        batches.withdraw_batch(session, review.id, batch, reason="x", person_id=None)
    assert left_out(store, review) == {outside}


def test_a_review_of_an_older_winnow_moves_nothing_until_a_lead_says_so(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    with store.write() as session:
        # As the migration leaves it.
        reviews.update_settings(session, review.id, {IN_FORCE: False}, person_id=None)
    early, within, decided = bring(store, review, 2000, 2012, 2001)
    decide(store, review, person, decided, "include")
    limit(store, review, person, 2011, 2022)
    bring(store, review, 2002)
    assert left_out(store, review) == set()
    with store.read() as session:
        counts = limits.count_limits(session, review.id)
    assert (counts.in_force, counts.still_in, counts.decided) == (False, 2, 1)
    after = applying.set_in_force(store, review.id, True, person_id=person.id)
    assert (after.out_of_range, after.still_in, after.decided) == (2, 0, 1)
    assert early in left_out(store, review)
    assert within not in left_out(store, review)
    back = applying.set_in_force(store, review.id, False, person_id=person.id)
    assert (back.out_of_range, back.still_in) == (0, 2)


@pytest.mark.case("figures", 7)
def test_records_are_found_by_years_language_and_type(store: Store, review: ReviewInfo) -> None:
    made = [
        Record(1, title="a", year=2010, language="eng", types=("Journal Article",)),
        Record(2, title="b", year=2012, language="English", types=("Éditorial",)),
        Record(3, title="c", year=2014, language="nor", types=("Study protocol", "x%")),
        Record(4, title="d"),
    ]
    batch = store_content(store, review.id, content(made))
    with store.read() as session:
        a, b, c, _ = records.get_reports_by_position(session, batch).values()

        def find(**values: object) -> list[int]:
            return record_listing.find_matching_reports(
                session,
                review.id,
                RecordFilter(**values),  # type: ignore[arg-type] # fields of the filter
            )

        assert find(languages=("english", "en", "eng")) == [a, b]
        assert find(type="ARTICLE") == [a]
        assert find(type="Éditor") == [b]
        assert find(type="%") == [c]
        assert find(year_from=2011, year_to=2013) == [b]
        with pytest.raises(ValueError, match="flag must be one of"):
            find(flag="red")
