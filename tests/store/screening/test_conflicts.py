"""Conflicts between reviewers, and how they are settled."""

from __future__ import annotations

import pytest

from store.core.errors import Conflict, NotAllowed
from store.core.session import Store
from store.reports import record_counts
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from store.screening import conflicts, decision_labels, decisions
from tests.store.builders import add_records
from tests.store.deciding import decide, plan, settle, state


def test_a_maybe_conflicts_with_an_exclude_and_not_with_an_include(
    store: Store, review: ReviewInfo, person: PersonInfo, team: list[PersonInfo]
) -> None:
    bo, cy, _ = team
    plan(store, review, person, dual_share=1.0)
    one, two, three = add_records(store, review.id, 3)
    for report, words in ((one, "include maybe"), (two, "maybe exclude"), (three, "maybe maybe")):
        for who, word in zip((bo, cy), words.split(), strict=True):
            decide(store, review, who, report, word)
    assert [state(store, report) for report in (one, two, three)] == [
        "settled",
        "conflict",
        "settled",
    ]
    with store.read() as session:
        counts = record_counts.count_reports(session, review.id)
        assert (counts.include, counts.maybe, counts.exclude) == (1, 1, 0)


def test_a_conflict_is_settled_by_a_third_person_or_by_the_two(
    store: Store, review: ReviewInfo, person: PersonInfo, team: list[PersonInfo]
) -> None:
    bo, cy, di = team
    plan(store, review, person, dual_share=1.0)
    one, two, three = add_records(store, review.id, 3)
    for report in (one, two):
        decide(store, review, bo, report, "include")
        assert decide(store, review, cy, report, "exclude")[1] == "conflict"
    decide(store, review, di, three, "include")
    assert decide(store, review, cy, three, "exclude")[1] == "conflict"
    with store.read() as session:
        _, found = conflicts.find_conflicts(session, review.id)
    assert [each.report_id for each in found] == [one, two, three]
    assert [(d.person, d.decision) for d in found[0].decisions] == [
        ("bo", "include"),
        ("cy", "exclude"),
    ]
    for who, report, values, words in (
        (bo, one, {}, "You can only screen"),
        (di, three, {}, "your own conflict"),
        (bo, one, {"joint_with": di.id}, "two people who decided"),
        (di, one, {"joint_with": cy.id}, "two people who decided"),
        (bo, one, {"joint_with": bo.id}, "two people who decided"),
    ):
        with pytest.raises(NotAllowed, match=words):
            settle(store, review, who, report, "include", **values)
    with pytest.raises(ValueError, match="note"):
        settle(store, review, di, one, "include", note=None)
    with pytest.raises(ValueError, match="include or exclude"):
        settle(store, review, di, one, "maybe")
    settled = settle(store, review, di, one, "exclude")
    settle(store, review, cy, two, "include", joint_with=bo.id)
    settle(store, review, person, three, "include")
    with store.read() as session:
        words = {
            label.report_id: label.decision
            for label in decision_labels.list_labels(session, review.id)
        }
        assert words == {one: "exclude", two: "include", three: "include"}
        assert conflicts.find_conflicts(session, review.id) == (0, [])
    with pytest.raises(Conflict, match="not in conflict"):
        settle(store, review, di, one, "include")
    # The settlement holds even if one of the two decides again; if it is undone, they differ again.
    assert decide(store, review, bo, one, "maybe")[1] == "settled"
    with store.write() as session:
        decisions.undo_decision(session, review.id, di.id, settled, token="back")
    assert state(store, one) == "conflict"
