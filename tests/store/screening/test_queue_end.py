"""Why there is no card: each cause is told from the others."""

from __future__ import annotations

import pytest

from api.protocol import ProtocolBody, ProtocolLimits
from api.services.reviews import protocols
from harvest.record import Record
from store.core.session import Store
from store.reviews.people import PersonInfo
from store.reviews.reviews import NewProtocol, ReviewInfo
from store.screening import pilots
from store.screening.queue import LeaseRequest
from store.screening.queue_end import QueueEnd
from store.screening.stage_queue import Screener
from tests.store import dealing
from tests.store.builders import add_records, content, join, store_content
from tests.store.deciding import HOUR, decide, plan, start_round


def end_for(store: Store, review: ReviewInfo, person: PersonInfo) -> QueueEnd | None:
    """Deal a person everything; if that is nothing, why."""
    screener = Screener(review.id, person.id)
    with store.write() as session:
        if dealing.lease_cards(session, screener, [], LeaseRequest(number=50, valid=HOUR)):
            return None
        return dealing.find_end(session, screener)


@pytest.fixture
def bo(store: Store, review: ReviewInfo) -> PersonInfo:
    with store.write() as session:
        return join(session, review.id, "bo")


def test_an_empty_review_and_a_finished_one(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    assert end_for(store, review, person) == QueueEnd(state="empty")
    (report,) = add_records(store, review.id, 1)
    assert end_for(store, review, person) is None
    decide(store, review, person, report, "include")
    # Nobody else has anything: one person alone is never told of colleagues.
    assert end_for(store, review, person) == QueueEnd(state="finished")


def test_a_review_whose_reports_are_all_outside_the_years_says_so(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    limits = ProtocolLimits(year_from=2011)
    body = ProtocolBody(limits=limits).stored()
    protocols.save_protocol(store, review.id, NewProtocol(body, person.id))
    made = [Record(n, title=f"Title {n}", year=2000 + n) for n in (1, 2)]
    store_content(store, review.id, content(made))
    assert end_for(store, review, person) == QueueEnd(state="empty", out_of_range=2)


def test_cards_with_a_colleague_are_held_until_they_come_back(
    store: Store, review: ReviewInfo, person: PersonInfo, bo: PersonInfo
) -> None:
    add_records(store, review.id, 3)
    assert end_for(store, review, bo) is None
    found = end_for(store, review, person)
    assert found is not None
    assert (found.state, found.held) == ("held", 3)
    assert found.free_at is not None
    with store.write() as session:
        dealing.release_leases(session, Screener(review.id, bo.id), keep=())
    assert end_for(store, review, person) is None


def test_records_that_need_a_second_person_are_for_others(
    store: Store, review: ReviewInfo, person: PersonInfo, bo: PersonInfo
) -> None:
    first, second = add_records(store, review.id, 2)
    plan(store, review, person, dual_share=1.0)
    decide(store, review, person, first, "include")
    decide(store, review, person, second, "include")
    assert end_for(store, review, person) == QueueEnd(state="others", second=2)
    decide(store, review, bo, first, "exclude")
    decide(store, review, bo, second, "include")
    assert end_for(store, review, person) == QueueEnd(state="finished", conflicts=1)


def test_a_pilot_round_ends_for_each_person_on_their_own(
    store: Store, review: ReviewInfo, person: PersonInfo, bo: PersonInfo
) -> None:
    reports = add_records(store, review.id, 2)
    start_round(store, review, person, 2)
    for report in reports:
        decide(store, review, person, report, "include")
    found = end_for(store, review, person)
    assert found is not None
    assert (found.state, found.second) == ("pilot-done", 2)
    with store.write() as session:
        late = join(session, review.id, "late")
    assert end_for(store, review, late) == QueueEnd(state="others", pilot=2)
    with store.read() as session:
        assert pilots.list_reports_for(session, review.id, bo.id) is not None
