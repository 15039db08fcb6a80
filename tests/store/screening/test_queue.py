from __future__ import annotations

import datetime as dt
import threading

import pytest

from store.core.session import Store
from store.reports import record_counts
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from store.screening import decision_labels, decision_log, decisions
from store.screening.decisions import NewDecision
from store.screening.queue import LeaseRequest
from store.screening.stage_queue import Screener
from tests.store import dealing
from tests.store.builders import add_records, join
from tests.store.deciding import HOUR, decide, lease, plan

pytestmark = pytest.mark.both_databases


def _lease(
    store: Store, review: ReviewInfo, person: PersonInfo, order: list[int], number: int
) -> list[tuple[int, int | None]]:
    with store.write() as session:
        found = dealing.lease_cards(
            session, Screener(review.id, person.id), order, LeaseRequest(number=number, valid=HOUR)
        )
    return [(place.report_id, place.place) for place in found]


def test_cards_come_in_ranking_order_and_unranked_ones_last(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, two, three, four = add_records(store, review.id, 4)
    assert _lease(store, review, person, [three, one], 10) == [
        (three, 1),
        (one, 2),
        (two, None),
        (four, None),
    ]


def test_two_people_never_hold_the_same_card(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    reports = add_records(store, review.id, 60)
    with store.write() as session:
        others = [person, *(join(session, review.id, f"p{n}") for n in range(3))]
    held: dict[int, list[int]] = {}

    def take(someone: PersonInfo) -> None:
        held[someone.id] = [r for r, _ in _lease(store, review, someone, reports, 15)]

    threads = [threading.Thread(target=take, args=(someone,)) for someone in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    everything = [report for cards in held.values() for report in cards]
    assert len(everything) == len(set(everything)) == 60


def test_a_decided_card_is_dealt_to_nobody(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, two = add_records(store, review.id, 2)
    with store.write() as session:
        other = join(session, review.id, "bo")
        decisions.record_decision(session, review.id, other.id, NewDecision("t", one, "exclude"))
    assert _lease(store, review, person, [one, two], 5) == [(two, 2)]


def test_an_expired_lease_goes_to_others(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    (report,) = add_records(store, review.id, 1)
    with store.write() as session:
        other = join(session, review.id, "bo")
        dealing.lease_cards(
            session, Screener(review.id, other.id), [report], LeaseRequest(number=1, valid=-HOUR)
        )
    assert _lease(store, review, person, [report], 1) == [(report, 1)]


def test_releasing_leases_keeps_the_cards_on_screen(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, two, three = add_records(store, review.id, 3)
    _lease(store, review, person, [one, two, three], 3)
    with store.write() as session:
        other = join(session, review.id, "bo")
        dealing.release_leases(session, Screener(review.id, person.id), keep=[one])
    assert _lease(store, review, other, [one, two, three], 3) == [(two, 2), (three, 3)]


def test_a_person_gets_their_cards_again_except_those_they_skip(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, two = add_records(store, review.id, 2)
    assert _lease(store, review, person, [one, two], 1) == [(one, 1)]
    assert _lease(store, review, person, [one, two], 1) == [(one, 1)]
    with store.write() as session:
        found = dealing.lease_cards(
            session,
            Screener(review.id, person.id),
            [one, two],
            LeaseRequest(number=5, valid=HOUR, keep=[one]),
        )
    assert [place.report_id for place in found] == [two]


def test_two_people_decide_a_record_without_seeing_each_others_decision(
    store: Store, review: ReviewInfo, person: PersonInfo, team: list[PersonInfo]
) -> None:
    bo, cy, di = team
    plan(store, review, person, dual_share=1.0)
    one, two, three = add_records(store, review.id, 3)
    ranked = [three, one, two]
    assert lease(store, review, bo, ranked, 3) == ranked
    assert decide(store, review, bo, two, "include")[1] == "awaiting"
    with store.read() as session:
        assert decision_labels.list_labels(session, review.id) == []
        assert record_counts.count_reports(session, review.id).include == 0
        mine = list(decision_log.list_log(session, review.id, seen_by=bo.id))
        assert [line.decision for line in mine] == ["include"]
        for other in (cy, di, person):
            assert list(decision_log.list_log(session, review.id, seen_by=other.id)) == []
        assert dealing.count_remaining(session, Screener(review.id, bo.id)) == 2
        assert dealing.count_remaining(session, Screener(review.id, cy.id)) == 3
    # Records that need a second person come first; two people hold a card, not three.
    assert lease(store, review, cy, ranked, 3) == [two, three, one]
    assert lease(store, review, di, ranked, 3) == []
    assert decide(store, review, cy, two, "include")[1] == "settled"
    with store.read() as session:
        (label,) = decision_labels.list_labels(session, review.id)
        assert (label.report_id, label.decision) == (two, "include")
        assert len(list(decision_log.list_log(session, review.id, seen_by=di.id))) == 2


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_card_is_held_by_no_more_people_than_it_needs_decisions_from(
    store: Store, review: ReviewInfo, person: PersonInfo, share: float
) -> None:
    plan(store, review, person, dual_share=share)
    reports = add_records(store, review.id, 40)
    with store.write() as session:
        hands = [person, *(join(session, review.id, f"p{n}") for n in range(3))]
    held: dict[int, list[int]] = {}
    start = threading.Barrier(len(hands))

    def take(who: PersonInfo) -> None:
        start.wait(timeout=20)
        held[who.id] = lease(store, review, who, reports, 20 if share else 10)

    threads = [threading.Thread(target=take, args=(who,)) for who in hands]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    holders = [report for cards in held.values() for report in cards]
    assert len(holders) == 40 * (1 + int(share))
    assert {holders.count(report) for report in reports} == {1 + int(share)}
    assert all(len(cards) == len(set(cards)) for cards in held.values())


def test_a_lease_can_be_extended_unless_somebody_else_took_the_card(
    store: Store, review: ReviewInfo, person: PersonInfo, team: list[PersonInfo]
) -> None:
    bo, cy, _ = team
    one, two, three, four = add_records(store, review.id, 4)
    with store.write() as session:
        dealing.lease_cards(
            session, Screener(review.id, bo.id), [], LeaseRequest(number=4, valid=dt.timedelta(0))
        )
    # The holds expired; one card is held by somebody else, one decided by somebody else, one by bo.
    assert lease(store, review, cy, [one], 1) == [one]
    decide(store, review, cy, two, "exclude")
    decide(store, review, bo, three, "exclude")
    with store.write() as session:
        lost = dealing.keep_cards(
            session, Screener(review.id, bo.id), [one, two, three, four], valid=HOUR
        )
    assert lost == {one, two}
    assert lease(store, review, cy, [four], 4) == [one]
