"""Who decides which records: by share, by tag, by themselves; cards handed over."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import assignments, audit, marks, members, queue
from store.assignments import Bound, drawn
from store.errors import Conflict, NotAllowed, NotFound
from store.people import PersonInfo
from store.reviews import ReviewInfo
from store.session import Store
from tests.store.made import add_records, join
from tests.store.test_plans import decide, lease, plan


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
        return assignments.assign(
            session, review.id, kind, people, by=by.id, tag=tag, reports=reports
        )


def remaining(store: Store, review: ReviewInfo, person: PersonInfo) -> int:
    with store.read() as session:
        return queue.remaining(session, review.id, person.id)


@pytest.fixture
def bo(store: Store, review: ReviewInfo) -> PersonInfo:
    with store.write() as session:
        return join(session, review.id, "bo")


def test_records_by_themselves_go_to_those_they_are_assigned_to(
    store: Store, review: ReviewInfo, person: PersonInfo, bo: PersonInfo
) -> None:
    one, two, three = add_records(store, review.id, 3)
    number = assign(store, review, person, "records", {bo.id: 1}, reports=(one, two))
    assert lease(store, review, person, [one, two, three], 9) == [three]
    assert (remaining(store, review, person), remaining(store, review, bo)) == (1, 3)
    assert lease(store, review, bo, [one, two, three], 2) == [one, two]
    with store.write() as session:
        assignments.end(session, review.id, number, by=person.id)
    with store.write() as session:
        queue.release(session, review.id, bo.id, keep=())
    assert lease(store, review, person, [one, two, three], 9) == [one, two, three]
    assert remaining(store, review, person) == 3
    with store.write() as session, pytest.raises(NotFound):
        assignments.end(session, review.id, number, by=person.id)


def test_where_two_decide_an_assigned_record_the_second_is_anybody(
    store: Store, review: ReviewInfo, person: PersonInfo, bo: PersonInfo
) -> None:
    (one,) = add_records(store, review.id, 1)
    plan(store, review, person, dual_share=1.0)
    assign(store, review, person, "records", {bo.id: 1}, reports=(one,))
    with store.write() as session:
        cy = join(session, review.id, "cy")
    # One of the two places is bo's, the other is whoever's comes first.
    assert lease(store, review, person, [one], 9) == [one]
    decide(store, review, person, one, "exclude")
    assert lease(store, review, cy, [one], 9) == []
    assert lease(store, review, bo, [one], 9) == [one]


def test_a_share_splits_all_records_and_each_is_somebodys(
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
    # Another share takes its place; who has left has none.
    assign(store, review, person, "share", {bo.id: 1})
    with store.write() as session:
        queue.release(session, review.id, person.id, keep=())
        queue.release(session, review.id, bo.id, keep=())
    assert lease(store, review, person, reports, 99) == []
    with store.write() as session:
        members.remove(session, review.id, bo.id, by=person.id)
    assert lease(store, review, person, reports, 99) == reports


@given(
    st.dictionaries(st.integers(1, 50), st.integers(1, 9), min_size=2, max_size=6),
    st.integers(1, 10**9),
    st.integers(0, 3),
)
def test_when_somebody_goes_only_their_records_change_hands(
    weights: dict[int, int], report: int, seed: int
) -> None:
    (chosen,) = drawn(seed, weights, report, 1)
    for gone in weights:
        left = {each: weight for each, weight in weights.items() if each != gone}
        assert gone == chosen or drawn(seed, left, report, 1) == [chosen]
    assert len(set(drawn(seed, weights, report, 2))) == 2


def test_a_share_is_as_large_as_its_weight_says() -> None:
    counts = Counter(drawn(1, {1: 1, 2: 3}, report, 1)[0] for report in range(4000))
    assert 2850 < counts[2] < 3150


def test_the_tags_of_leads_assign_and_nobody_elses(
    store: Store, review: ReviewInfo, person: PersonInfo, bo: PersonInfo
) -> None:
    one, two, three = add_records(store, review.id, 3)
    with store.write() as session:
        cy = join(session, review.id, "cy")
        marks.add(session, review.id, person.id, one, "tag", "schools")
        marks.add(session, review.id, cy.id, two, "tag", "schools")
    assign(store, review, person, "tag", {bo.id: 1}, tag=" schools ")
    assert lease(store, review, cy, [one, two, three], 9) == [two, three]
    with store.read() as session:
        (found,) = assignments.everything(session, review.id)
    assert (found.kind, found.tag, found.people, found.records) == (
        "tag",
        "schools",
        (("bo", 1),),
        1,
    )
    # What is assigned by itself is not assigned by its tag.
    assign(store, review, person, "records", {cy.id: 1}, reports=(one,))
    assert lease(store, review, bo, [one], 9) == []


def test_a_card_is_handed_over_without_a_mark_against_anybody(
    store: Store, review: ReviewInfo, person: PersonInfo, bo: PersonInfo
) -> None:
    one, two = add_records(store, review.id, 2)
    assert lease(store, review, bo, [one, two], 1) == [one]
    with store.read() as session:
        before = len(audit.events(session, review.id))
    with store.write() as session:
        cy = join(session, review.id, "cy")
        assignments.hand_over(session, review.id, bo.id, one, to=cy.id)
        assignments.hand_over(session, review.id, bo.id, one, to=cy.id)
    assert lease(store, review, bo, [one, two], 9) == [two]
    assert lease(store, review, person, [one], 9) == []
    assert lease(store, review, cy, [one], 9) == [one]
    assert (remaining(store, review, bo), remaining(store, review, cy)) == (1, 2)
    with store.read() as session:
        said = [each.action for each in audit.events(session, review.id)]
        assert assignments.nobodys(session, review.id) == 0
    assert len(said) == before + 1, "only that cy has come"
    with store.write() as session:
        for who in (person, cy):
            assignments.hand_over(session, review.id, who.id, one)
    with store.read() as session:
        assert assignments.nobodys(session, review.id) == 1
    for who in (person, bo, cy):
        assert one not in lease(store, review, who, [one], 9)
    # Whoever comes to it by the list of records may decide it all the same.
    decide(store, review, person, one, "exclude")
    with store.read() as session:
        assert assignments.nobodys(session, review.id) == 0


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
        assignments.hand_over(session, review.id, bo.id, one, to=bo.id)
    with store.write() as session, pytest.raises(NotAllowed):
        assignments.hand_over(session, review.id, bo.id, one, to=2**40)
    with store.write() as session, pytest.raises(NotFound):
        assignments.hand_over(session, review.id, bo.id, 2**40)
    decide(store, review, bo, two, "include")
    with store.write() as session, pytest.raises(Conflict, match="is decided"):
        assignments.hand_over(session, review.id, bo.id, two)


def test_nothing_assigned_binds_nobody() -> None:
    assert Bound().nothing
    assert Bound().may_take(1, 1, 1, ())
