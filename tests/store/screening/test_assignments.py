"""Who decides which records: by share, by tag or one by one; cards handed over."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.core import audit
from store.core.errors import Conflict, NotAllowed, NotFound
from store.core.session import Store
from store.reports import marks
from store.reports.marks import NewMark
from store.reviews import members
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from store.screening import assignments
from store.screening.assigned_people import AssignedPeople, draw_people
from store.screening.assignments import HandOver, NewAssignment
from store.screening.stage_queue import Screener
from tests.store import dealing
from tests.store.builders import add_records, join
from tests.store.deciding import decide, lease, plan


def assign(
    store: Store,
    review: ReviewInfo,
    by: PersonInfo,
    kind: str,
    people: dict[int, int],
    *,
    tag: str | None = None,
    reports: tuple[int, ...] = (),
) -> int:
    with store.write() as session:
        new = NewAssignment(kind=kind, people=people, tag=tag, reports=reports)
        return assignments.create_assignment(session, review.id, new, by=by.id)


def remaining(store: Store, review: ReviewInfo, person: PersonInfo) -> int:
    with store.read() as session:
        return dealing.count_remaining(session, Screener(review.id, person.id))


def test_assigned_records_go_to_their_people(
    store: Store, review: ReviewInfo, person: PersonInfo, bo: PersonInfo
) -> None:
    one, two, three = add_records(store, review.id, 3)
    number = assign(store, review, person, "records", {bo.id: 1}, reports=(one, two))
    assert lease(store, review, person, [one, two, three], 9) == [three]
    assert (remaining(store, review, person), remaining(store, review, bo)) == (1, 3)
    assert lease(store, review, bo, [one, two, three], 2) == [one, two]
    with store.write() as session:
        assignments.end_assignment(session, review.id, number, by=person.id)
    with store.write() as session:
        dealing.release_leases(session, Screener(review.id, bo.id), keep=())
    assert lease(store, review, person, [one, two, three], 9) == [one, two, three]
    assert remaining(store, review, person) == 3
    with store.write() as session, pytest.raises(NotFound):
        assignments.end_assignment(session, review.id, number, by=person.id)


def test_under_a_dual_plan_anybody_can_be_the_second_on_an_assigned_record(
    store: Store, review: ReviewInfo, person: PersonInfo, bo: PersonInfo
) -> None:
    (one,) = add_records(store, review.id, 1)
    plan(store, review, person, dual_share=1.0)
    assign(store, review, person, "records", {bo.id: 1}, reports=(one,))
    with store.write() as session:
        cy = join(session, review.id, "cy")
    # One of the two places is bo's; the first person to come gets the other.
    assert lease(store, review, person, [one], 9) == [one]
    decide(store, review, person, one, "exclude")
    assert lease(store, review, cy, [one], 9) == []
    assert lease(store, review, bo, [one], 9) == [one]


def test_a_share_assigns_every_record_to_somebody(
    store: Store, review: ReviewInfo, person: PersonInfo, bo: PersonInfo
) -> None:
    reports = add_records(store, review.id, 60)
    assign(store, review, person, "share", {person.id: 2, bo.id: 1})
    first, second = (lease(store, review, who, reports, 99) for who in (person, bo))
    assert sorted([*first, *second]) == sorted(reports)
    assert len(first) > len(second) > 5
    assert (remaining(store, review, person), remaining(store, review, bo)) == (
        len(first),
        len(second),
    )
    # A new share replaces it; a person who has left has none.
    assign(store, review, person, "share", {bo.id: 1})
    with store.write() as session:
        dealing.release_leases(session, Screener(review.id, person.id), keep=())
        dealing.release_leases(session, Screener(review.id, bo.id), keep=())
    assert lease(store, review, person, reports, 99) == []
    with store.write() as session:
        members.remove_member(session, review.id, bo.id, by=person.id)
    assert lease(store, review, person, reports, 99) == reports


@given(
    st.dictionaries(st.integers(1, 50), st.integers(1, 9), min_size=2, max_size=6),
    st.integers(1, 10**9),
    st.integers(0, 3),
)
def test_when_somebody_leaves_only_their_records_are_reassigned(
    weights: dict[int, int], report: int, seed: int
) -> None:
    (chosen,) = draw_people(seed, weights, report, 1)
    for gone in weights:
        left = {each: weight for each, weight in weights.items() if each != gone}
        assert gone == chosen or draw_people(seed, left, report, 1) == [chosen]
    assert len(set(draw_people(seed, weights, report, 2))) == 2


def test_the_size_of_a_share_follows_its_weight() -> None:
    counts = Counter(draw_people(1, {1: 1, 2: 3}, report, 1)[0] for report in range(4000))
    assert 2850 < counts[2] < 3150


def test_only_tags_set_by_leads_assign_records(
    store: Store, review: ReviewInfo, person: PersonInfo, bo: PersonInfo
) -> None:
    one, two, three = add_records(store, review.id, 3)
    with store.write() as session:
        cy = join(session, review.id, "cy")
        marks.add_mark(session, review.id, person.id, one, NewMark("tag", "schools"))
        marks.add_mark(session, review.id, cy.id, two, NewMark("tag", "schools"))
    assign(store, review, person, "tag", {bo.id: 1}, tag=" schools ")
    assert lease(store, review, cy, [one, two, three], 9) == [two, three]
    with store.read() as session:
        (found,) = assignments.list_assignments(session, review.id)
    assert (found.kind, found.tag, found.people, found.records) == (
        "tag",
        "schools",
        (("bo", 1),),
        1,
    )
    # A record assigned on its own is no longer assigned by its tag.
    assign(store, review, person, "records", {cy.id: 1}, reports=(one,))
    assert lease(store, review, bo, [one], 9) == []


def test_handing_a_card_over_is_not_recorded_against_anybody(
    store: Store, review: ReviewInfo, person: PersonInfo, bo: PersonInfo
) -> None:
    one, two = add_records(store, review.id, 2)
    assert lease(store, review, bo, [one, two], 1) == [one]
    with store.read() as session:
        before = len(audit.list_events(session, review.id))
    with store.write() as session:
        cy = join(session, review.id, "cy")
        assignments.hand_over_card(session, review.id, bo.id, HandOver(one, to=cy.id))
        assignments.hand_over_card(session, review.id, bo.id, HandOver(one, to=cy.id))
    assert lease(store, review, bo, [one, two], 9) == [two]
    assert lease(store, review, person, [one], 9) == []
    assert lease(store, review, cy, [one], 9) == [one]
    assert (remaining(store, review, bo), remaining(store, review, cy)) == (1, 2)
    with store.read() as session:
        said = [each.action for each in audit.list_events(session, review.id)]
        assert assignments.count_handed_over_by_all(session, review.id) == 0
    assert len(said) == before + 1, "only that cy has come"
    with store.write() as session:
        for who in (person, cy):
            assignments.hand_over_card(session, review.id, who.id, HandOver(one))
    with store.read() as session:
        assert assignments.count_handed_over_by_all(session, review.id) == 1
    for who in (person, bo, cy):
        assert one not in lease(store, review, who, [one], 9)
    # A person who finds it in the list of records may still decide it.
    decide(store, review, person, one, "exclude")
    with store.read() as session:
        assert assignments.count_handed_over_by_all(session, review.id) == 0


def test_refusals(store: Store, review: ReviewInfo, person: PersonInfo, bo: PersonInfo) -> None:
    one, two = add_records(store, review.id, 2)
    with pytest.raises(NotAllowed):
        assign(store, review, bo, "share", {bo.id: 1})
    for kind, people, tag, reports in (
        ("share", {}, None, ()),
        ("share", {bo.id: 0}, None, ()),
        ("share", {2**40: 1}, None, ()),
        ("tag", {bo.id: 1}, " ", ()),
        ("records", {bo.id: 1}, None, ()),
        ("records", {bo.id: 1}, None, (2**40,)),
        ("wish", {bo.id: 1}, None, ()),
    ):
        with pytest.raises(ValueError, match=r"."):
            assign(store, review, person, kind, people, tag=tag, reports=reports)
    with store.write() as session, pytest.raises(Conflict, match="somebody else"):
        assignments.hand_over_card(session, review.id, bo.id, HandOver(one, to=bo.id))
    with store.write() as session, pytest.raises(NotAllowed):
        assignments.hand_over_card(session, review.id, bo.id, HandOver(one, to=2**40))
    with store.write() as session, pytest.raises(NotFound):
        assignments.hand_over_card(session, review.id, bo.id, HandOver(2**40))
    decide(store, review, bo, two, "include")
    with store.write() as session, pytest.raises(Conflict, match="has been decided"):
        assignments.hand_over_card(session, review.id, bo.id, HandOver(two))


def test_without_assignments_anybody_may_take_a_record() -> None:
    assert AssignedPeople().is_empty
    assert AssignedPeople().find_takers(1, 1, ()) == (None, frozenset())
