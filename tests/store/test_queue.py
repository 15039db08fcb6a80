from __future__ import annotations

import datetime as dt
import threading

from store import decisions, queue
from store.decisions import NewDecision
from store.people import PersonInfo
from store.reviews import ReviewInfo
from store.session import Store
from tests.store.made import add_records, join

HOUR = dt.timedelta(hours=1)


def _lease(
    store: Store, review: ReviewInfo, person: PersonInfo, order: list[int], number: int
) -> list[tuple[int, int | None]]:
    with store.write() as session:
        found = queue.lease(session, review.id, person.id, order, number=number, valid=HOUR)
    return [(place.report_id, place.place) for place in found]


def test_cards_come_in_ranking_order_then_those_without_a_place(
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


def test_a_decided_card_leaves_all_queues(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, two = add_records(store, review.id, 2)
    with store.write() as session:
        other = join(session, review.id, "bo")
        decisions.record(session, review.id, other.id, NewDecision("t", one, "exclude"))
    assert _lease(store, review, person, [one, two], 5) == [(two, 2)]


def test_a_lease_that_has_run_out_goes_to_others(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    (report,) = add_records(store, review.id, 1)
    with store.write() as session:
        other = join(session, review.id, "bo")
        queue.lease(session, review.id, other.id, [report], number=1, valid=-HOUR)
    assert _lease(store, review, person, [report], 1) == [(report, 1)]


def test_releasing_keeps_the_cards_on_screen(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, two, three = add_records(store, review.id, 3)
    _lease(store, review, person, [one, two, three], 3)
    with store.write() as session:
        other = join(session, review.id, "bo")
        queue.release(session, review.id, person.id, keep=[one])
    assert _lease(store, review, other, [one, two, three], 3) == [(two, 2), (three, 3)]


def test_a_person_gets_the_cards_they_hold_again_but_not_those_they_skip(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, two = add_records(store, review.id, 2)
    assert _lease(store, review, person, [one, two], 1) == [(one, 1)]
    assert _lease(store, review, person, [one, two], 1) == [(one, 1)]
    with store.write() as session:
        found = queue.lease(
            session, review.id, person.id, [one, two], number=5, valid=HOUR, skip=[one]
        )
    assert [place.report_id for place in found] == [two]
