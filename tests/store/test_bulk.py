"""Bulk actions: one person's decision on each record of a list, undone as one."""

from __future__ import annotations

import pytest

from store import audit, bulk, decisions, marks, queue, records
from store.bulk import Action
from store.errors import Conflict, NotAllowed, NotFound
from store.people import PersonInfo
from store.records import Filter
from store.reviews import ReviewInfo
from store.session import Store
from tests.store.made import add_records, join
from tests.store.test_plans import HOUR, decide, plan, state

ALL = Filter()
OUT = Action("decide", "exclude", "editorials")


def act(
    store: Store,
    review: ReviewInfo,
    person: PersonInfo,
    action: Action = OUT,
    *,
    wanted: Filter = ALL,
    token: str = "b",
    expected: int | None = None,
) -> tuple[int, bool]:
    with store.write() as session:
        return bulk.act(
            session, review.id, person.id, wanted, action, token=token, expected=expected
        )


def undo(store: Store, review: ReviewInfo, person: PersonInfo, number: int) -> int:
    with store.write() as session:
        return bulk.undo(session, review.id, person.id, number)


def test_it_decides_what_is_undecided_and_is_taken_back_as_one(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, two, three = add_records(store, review.id, 3)
    decide(store, review, person, one, "include")
    with store.write() as session:
        queue.lease(session, review.id, person.id, [two, three], number=2, valid=HOUR)
    number, done = act(store, review, person, expected=3)
    assert done
    assert act(store, review, person) == (number, False)
    with store.read() as session:
        counts = records.counts(session, review.id)
        (found,) = bulk.everything(session, review.id, seen_by=person.id)
        log = list(decisions.log(session, review.id, seen_by=None))
    assert (counts.include, counts.exclude, counts.undecided) == (1, 2, 0)
    assert (found.reports, found.passed_over, found.note) == (2, 1, "editorials")
    assert [line.note for line in log] == [None, "editorials", "editorials"]
    assert undo(store, review, person, number) == 2
    with store.read() as session:
        counts = records.counts(session, review.id)
        actions = [each.action for each in audit.events(session, review.id)]
    assert (counts.include, counts.exclude, counts.undecided) == (1, 0, 2)
    assert {"bulk.done", "bulk.undone"} <= set(actions)
    with pytest.raises(Conflict, match="already"):
        undo(store, review, person, number)


def test_it_counts_as_one_persons_decision(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    reports = add_records(store, review.id, 2)
    with store.write() as session:
        bo = join(session, review.id, "bo")
    plan(store, review, person, dual_share=1.0)
    number, _ = act(store, review, person)
    assert [state(store, each) for each in reports] == ["awaiting", "awaiting"]
    with store.read() as session:
        assert not list(decisions.log(session, review.id, seen_by=bo.id))
        assert bulk.everything(session, review.id, seen_by=bo.id) == []
        assert "exclude" not in str([each.detail for each in audit.events(session, review.id)])
    decide(store, review, bo, reports[0], "exclude")
    decide(store, review, bo, reports[1], "include")
    assert [state(store, each) for each in reports] == ["settled", "conflict"]
    with store.read() as session:
        assert [each.id for each in bulk.everything(session, review.id, seen_by=bo.id)] == [number]
    undo(store, review, person, number)
    assert [state(store, each) for each in reports] == ["awaiting", "awaiting"]


def test_what_was_undone_by_itself_stays_so(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, two = add_records(store, review.id, 2)
    number, _ = act(store, review, person)
    with store.write() as session:
        own = decisions.own_on(session, one, person.id)
        assert own is not None
        decisions.undo(session, review.id, person.id, own, token="u")
    assert undo(store, review, person, number) == 1
    assert [state(store, each) for each in (one, two)] == ["open", "open"]


def test_tags_in_bulk(store: Store, review: ReviewInfo, person: PersonInfo) -> None:
    one, two = add_records(store, review.id, 2)
    with store.write() as session:
        bo = join(session, review.id, "bo")
        marks.add(session, review.id, bo.id, one, "tag", "x")
    number, _ = act(store, review, bo, Action("tag", "x"))
    with store.read() as session:
        assert marks.tags(session, review.id, bo.id) == ["x"]
    undo(store, review, person, number)
    with store.read() as session:
        left = marks.on_reports(session, review.id, bo.id, [one, two])
    assert [report for report, found in left.items() if found] == [one], "it was there before"


def test_refusals(store: Store, review: ReviewInfo, person: PersonInfo) -> None:
    add_records(store, review.id, 2)
    with store.write() as session:
        bo = join(session, review.id, "bo")
    with pytest.raises(NotAllowed):
        act(store, review, bo)
    with pytest.raises(Conflict, match="2 records by now"):
        act(store, review, person, expected=3)
    with pytest.raises(Conflict, match="nothing on this list"):
        act(store, review, person, wanted=Filter(text="absent"))
    for action in (Action("decide", "perhaps", "n"), Action("decide", "exclude"), Action("x", "y")):
        with pytest.raises(ValueError, match=r"."):
            act(store, review, person, action)
    with pytest.raises(NotFound):
        undo(store, review, person, 2**40)
    number, _ = act(store, review, person)
    with pytest.raises(NotAllowed):
        undo(store, review, bo, number)
    with pytest.raises(Conflict, match="another action"):
        act(store, review, person, Action("decide", "include", "n"))
