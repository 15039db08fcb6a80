"""Bulk actions: one person's decision on each record of a list, undone as one."""

from __future__ import annotations

import pytest

from store.core import audit
from store.core.errors import Conflict, NotAllowed, NotFound
from store.core.session import Store
from store.reports import marks, record_counts
from store.reports.marks import NewMark
from store.reports.record_listing import RecordFilter
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from store.screening import bulk, decision_log, decisions
from store.screening.bulk import BulkAction, BulkRequest
from store.screening.queue import LeaseRequest
from store.screening.stage_queue import Screener
from tests.store import dealing
from tests.store.builders import add_records, join
from tests.store.deciding import HOUR, decide, plan, state

ALL = RecordFilter()
OUT = BulkAction(kind="decide", value="exclude", note="editorials")


def act(
    store: Store,
    review: ReviewInfo,
    person: PersonInfo,
    action: BulkAction = OUT,
    *,
    wanted: RecordFilter = ALL,
    token: str = "b",
    expected: int | None = None,
) -> tuple[int, bool]:
    with store.write() as session:
        request = BulkRequest(filters=wanted, action=action, token=token, expected=expected)
        return bulk.apply_action(session, review.id, person.id, request)


def undo(store: Store, review: ReviewInfo, person: PersonInfo, number: int) -> int:
    with store.write() as session:
        return bulk.undo_action(session, review.id, person.id, number)


def test_a_bulk_action_decides_undecided_records_and_is_undone_as_one(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, two, three = add_records(store, review.id, 3)
    decide(store, review, person, one, "include")
    with store.write() as session:
        dealing.lease_cards(
            session,
            Screener(review.id, person.id),
            [two, three],
            LeaseRequest(number=2, valid=HOUR),
        )
    number, done = act(store, review, person, expected=3)
    assert done
    assert act(store, review, person) == (number, False)
    with store.read() as session:
        counts = record_counts.count_reports(session, review.id)
        (found,) = bulk.list_actions(session, review.id, seen_by=person.id)
        log = list(decision_log.list_log(session, review.id, seen_by=None))
    assert (counts.include, counts.exclude, counts.undecided) == (1, 2, 0)
    assert (found.reports, found.passed_over, found.note) == (2, 1, "editorials")
    assert [line.note for line in log] == [None, "editorials", "editorials"]
    assert undo(store, review, person, number) == 2
    with store.read() as session:
        counts = record_counts.count_reports(session, review.id)
        actions = [each.action for each in audit.list_events(session, review.id)]
    assert (counts.include, counts.exclude, counts.undecided) == (1, 0, 2)
    assert {"bulk.done", "bulk.undone"} <= set(actions)
    with pytest.raises(Conflict, match="been undone"):
        undo(store, review, person, number)


def test_a_bulk_action_counts_as_one_persons_decision(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    reports = add_records(store, review.id, 2)
    with store.write() as session:
        bo = join(session, review.id, "bo")
    plan(store, review, person, dual_share=1.0)
    number, _ = act(store, review, person)
    assert [state(store, each) for each in reports] == ["awaiting", "awaiting"]
    with store.read() as session:
        assert not list(decision_log.list_log(session, review.id, seen_by=bo.id))
        assert bulk.list_actions(session, review.id, seen_by=bo.id) == []
        assert "exclude" not in str([each.detail for each in audit.list_events(session, review.id)])
    decide(store, review, bo, reports[0], "exclude")
    decide(store, review, bo, reports[1], "include")
    assert [state(store, each) for each in reports] == ["settled", "conflict"]
    with store.read() as session:
        assert [each.id for each in bulk.list_actions(session, review.id, seen_by=bo.id)] == [
            number
        ]
    undo(store, review, person, number)
    assert [state(store, each) for each in reports] == ["awaiting", "awaiting"]


def test_undoing_a_bulk_action_leaves_records_undone_before(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, two = add_records(store, review.id, 2)
    number, _ = act(store, review, person)
    with store.write() as session:
        own = decision_log.find_own_decision(session, one, person.id)
        assert own is not None
        decisions.undo_decision(session, review.id, person.id, own, token="u")
    assert undo(store, review, person, number) == 1
    assert [state(store, each) for each in (one, two)] == ["open", "open"]


def test_a_tag_can_be_added_in_bulk(store: Store, review: ReviewInfo, person: PersonInfo) -> None:
    one, two = add_records(store, review.id, 2)
    with store.write() as session:
        bo = join(session, review.id, "bo")
        marks.add_mark(session, review.id, bo.id, one, NewMark("tag", "x"))
    number, _ = act(store, review, bo, BulkAction(kind="tag", value="x"))
    with store.read() as session:
        assert marks.list_tags(session, review.id, bo.id) == ["x"]
    undo(store, review, person, number)
    with store.read() as session:
        left = marks.list_marks_by_report(session, review.id, bo.id, [one, two])
    assert [report for report, found in left.items() if found] == [one], "it was there before"


def test_refusals(store: Store, review: ReviewInfo, person: PersonInfo) -> None:
    add_records(store, review.id, 2)
    with store.write() as session:
        bo = join(session, review.id, "bo")
    with pytest.raises(NotAllowed):
        act(store, review, bo)
    with pytest.raises(Conflict, match="now has 2 records"):
        act(store, review, person, expected=3)
    with pytest.raises(Conflict, match="no record on this list"):
        act(store, review, person, wanted=RecordFilter(text="absent"))
    for action in (
        BulkAction(kind="decide", value="perhaps", note="n"),
        BulkAction(kind="decide", value="exclude"),
        BulkAction(kind="x", value="y"),
    ):
        with pytest.raises(ValueError, match=r"."):
            act(store, review, person, action)
    with pytest.raises(NotFound):
        undo(store, review, person, 2**40)
    number, _ = act(store, review, person)
    with pytest.raises(NotAllowed):
        undo(store, review, bo, number)
    with pytest.raises(Conflict, match="another action"):
        act(store, review, person, BulkAction(kind="decide", value="include", note="n"))
