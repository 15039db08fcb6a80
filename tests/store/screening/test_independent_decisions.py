"""Which decisions count for agreement, and how records came to be decided."""

from __future__ import annotations

import pytest

from store.core.session import Store
from store.reports import screening_state
from store.reports.record_listing import RecordFilter
from store.reviews import members
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from store.screening import bulk, decisions, independent_decisions, pilots
from store.screening.bulk import BulkAction, BulkRequest
from store.screening.decisions import NewDecision
from store.screening.independent_decisions import (
    FirstDecision,
    ScreenedReport,
    Verification,
    count_verified,
    count_work,
    list_first_decisions,
)
from tests.store.builders import add_records, join
from tests.store.deciding import decide, plan, settle, start_round


def screened(store: Store, review: ReviewInfo) -> list[ScreenedReport]:
    with store.read() as session:
        return independent_decisions.list_screened(session, review.id)


def pairs(reports: list[ScreenedReport]) -> dict[int, list[tuple[int, str]]]:
    """The independent decisions on each report, in the order made."""
    found: dict[int, list[tuple[int, str]]] = {}
    for first in list_first_decisions(reports):
        found.setdefault(first.report_id, []).append((first.person_id, first.decision))
    return found


def undo(store: Store, review: ReviewInfo, person: PersonInfo, number: int) -> None:
    with store.write() as session:
        decisions.undo_decision(session, review.id, person.id, number, token=f"undo {number}")


@pytest.mark.case("figures", 1)
def test_a_decision_after_all_decisions_were_made_is_a_correction(
    store: Store, review: ReviewInfo, person: PersonInfo, team: list[PersonInfo]
) -> None:
    bo, cy, di = team
    plan(store, review, person, dual_share=1.0)
    one, two, three, four, five = add_records(store, review.id, 5)
    # A change of mind, and a slip taken back, before the other has decided.
    decide(store, review, bo, one, "include")
    decide(store, review, bo, one, "exclude")
    decide(store, review, cy, one, "exclude")
    slip, _ = decide(store, review, bo, two, "exclude")
    undo(store, review, bo, slip)
    decide(store, review, bo, two, "include")
    decide(store, review, cy, two, "include")
    # Both have seen that they differ: an undo and a new decision is no agreement.
    decide(store, review, bo, three, "include")
    late, _ = decide(store, review, cy, three, "exclude")
    undo(store, review, cy, late)
    assert decide(store, review, cy, three, "include")[1] == "settled"
    # A third person's correction, and a conflict settled by a third person.
    for who in (bo, cy):
        decide(store, review, who, four, "exclude")
    decide(store, review, di, four, "include")
    decide(store, review, bo, five, "include")
    decide(store, review, cy, five, "exclude")
    settle(store, review, di, five, "exclude")
    found = screened(store, review)
    assert pairs(found) == {
        one: [(bo.id, "include"), (cy.id, "exclude")],
        two: [(bo.id, "include"), (cy.id, "include")],
        three: [(bo.id, "include"), (cy.id, "exclude")],
        four: [(bo.id, "exclude"), (cy.id, "exclude")],
        five: [(bo.id, "include"), (cy.id, "exclude")],
    }
    work = count_work(found)
    assert (work.people, work.together, work.single, work.without) == (2, {2: 5}, 0, 0)
    assert (work.corrected, work.joint, work.adjudicated) == (2, 0, 1)
    assert work.verified == Verification(0, 0, 0)


@pytest.mark.case("figures", 1)
def test_second_looks_at_excludes_are_verified_and_not_compared(
    store: Store, review: ReviewInfo, person: PersonInfo, team: list[PersonInfo]
) -> None:
    bo, cy, di = team
    plan(store, review, person, second_look=1.0)
    kept, overturned, split, included, waiting = add_records(store, review.id, 5)
    for report in (kept, overturned, split, waiting):
        assert decide(store, review, bo, report, "exclude")[1] == "awaiting"
    decide(store, review, bo, included, "include")
    decide(store, review, cy, kept, "exclude")
    for report in (overturned, split):
        assert decide(store, review, cy, report, "include")[1] == "conflict"
    settle(store, review, di, overturned, "include")
    found = screened(store, review)
    assert list_first_decisions(found) == []
    assert count_verified(found) == Verification(records=3, overturned=1, unsettled=1)
    work = count_work(found)
    assert (work.single, work.together) == (1, {})
    assert {report.report_id for report in found} == {kept, overturned, split, included}


@pytest.mark.case("figures", 1)
def test_a_mixed_plan_compares_the_records_drawn_for_two_people_alone(
    store: Store, review: ReviewInfo, person: PersonInfo, team: list[PersonInfo]
) -> None:
    bo, cy, _ = team
    plan(store, review, person, dual_share=0.4, second_look=1.0, seed=3)
    reports = add_records(store, review.id, 30)
    for report in reports:
        if decide(store, review, bo, report, "exclude")[1] == "awaiting":
            decide(store, review, cy, report, "exclude")
    found = screened(store, review)
    with store.read() as session:
        required = screening_state.get_required_decisions(session, review.id)
    drawn = {r for r in reports if required.plan.count_needed(r, None) == 2}
    assert 0 < len(drawn) < 30
    assert set(pairs(found)) == drawn
    assert count_verified(found).records == 30 - len(drawn)


def test_each_decision_is_read_under_the_plan_of_its_time(
    store: Store, review: ReviewInfo, person: PersonInfo, team: list[PersonInfo]
) -> None:
    bo, cy, _ = team
    early, dual, left = add_records(store, review.id, 3)
    # It was settled, and open to everybody, before the plan asked for two people.
    decide(store, review, bo, early, "include")
    plan(store, review, person, dual_share=1.0)
    decide(store, review, cy, early, "exclude")
    for who in (bo, cy):
        decide(store, review, who, dual, "include")
    # It waited for a second person until the plan asked for one alone; then it was settled.
    decide(store, review, bo, left, "exclude")
    plan(store, review, person, dual_share=0.0, second_look=0.0)
    decide(store, review, cy, left, "include")
    found = screened(store, review)
    assert set(pairs(found)) == {dual}
    work = count_work(found)
    assert (work.single, work.together, work.corrected) == (2, {2: 1}, 2)


@pytest.mark.case("figures", 1)
def test_a_pilot_round_compares_what_people_decided_before_it_was_closed(
    store: Store, review: ReviewInfo, person: PersonInfo, team: list[PersonInfo]
) -> None:
    bo, cy, di = team
    add_records(store, review.id, 4)
    one, two = start_round(store, review, person, 2)
    for who in (person, bo, cy, di):
        decide(store, review, who, one, "include" if who is bo else "exclude")
    for who in (bo, cy):
        decide(store, review, who, two, "include")
    # Everybody has decided the first one, so they have seen it: this is after the discussion.
    decide(store, review, bo, one, "exclude")
    with store.write() as session:
        pilots.close_round(session, review.id, person_id=person.id, note="read again")
    # The round is closed, and the second one with it.
    decide(store, review, di, two, "exclude")
    found = screened(store, review)
    assert pairs(found) == {
        one: [(person.id, "exclude"), (bo.id, "include"), (cy.id, "exclude"), (di.id, "exclude")],
        two: [(bo.id, "include"), (cy.id, "include")],
    }
    assert {first.way for first in list_first_decisions(found)} == {"pilot"}
    work = count_work(found)
    assert (work.together, work.in_pilots, work.people) == ({2: 1, 4: 1}, 2, 4)


@pytest.mark.parametrize("kind", ["import", "act"])
def test_what_no_person_decided_is_compared_with_nothing(
    store: Store, review: ReviewInfo, person: PersonInfo, team: list[PersonInfo], kind: str
) -> None:
    bo, cy, _ = team
    plan(store, review, person, dual_share=1.0)
    (one,) = add_records(store, review.id, 1)
    with store.write() as session:
        new = NewDecision("file", one, "include", kind=kind)
        decisions.record_decision(session, review.id, person.id, new)
    for who in (bo, cy):
        decide(store, review, who, one, "exclude")
    found = screened(store, review)
    assert list_first_decisions(found) == []
    work = count_work(found)
    assert (work.people, work.without, work.imported) == (0, 1, int(kind == "import"))


def test_a_decision_on_many_records_at_once_counts_and_is_compared_with_none(
    store: Store, review: ReviewInfo, person: PersonInfo, bo: PersonInfo
) -> None:
    plan(store, review, person, dual_share=1.0)
    reports = add_records(store, review.id, 3)
    with store.write() as session:
        action = BulkAction(kind="decide", value="exclude", note="editorials")
        request = BulkRequest(filters=RecordFilter(), action=action, token="all")
        bulk.apply_action(session, review.id, person.id, request)
    for report in reports:
        assert decide(store, review, bo, report, "exclude")[1] == "settled"
    found = screened(store, review)
    assert list_first_decisions(found) == []
    assert count_work(found).together == {2: 3}
    assert {len(report.readers) for report in found} == {1}


def test_somebody_who_left_is_still_compared(
    store: Store, review: ReviewInfo, person: PersonInfo, bo: PersonInfo
) -> None:
    plan(store, review, person, dual_share=1.0)
    with store.write() as session:
        guest = join(session, review.id, "guest")
    (one,) = add_records(store, review.id, 1)
    decide(store, review, guest, one, "maybe")
    with store.write() as session:
        members.remove_member(session, review.id, guest.id, by=None)
    decide(store, review, bo, one, "include")
    assert list_first_decisions(screened(store, review)) == [
        FirstDecision(one, guest.id, "maybe", "dual"),
        FirstDecision(one, bo.id, "include", "dual"),
    ]
