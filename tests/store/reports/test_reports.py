"""What people say about a report also holds for the report that it is merged into."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select

from api.services.duplicates import judging
from api.services.duplicates.judging import Judgement
from store.core.session import Store
from store.core.tables import RecordRow
from store.reports import record_counts
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from store.screening import assignments, decisions, pilots
from store.screening.assignments import HandOver, NewAssignment
from store.screening.queue import LeaseRequest
from store.screening.stage_queue import Screener
from tests.store import dealing
from tests.store.builders import add_records, join
from tests.store.deciding import start_round

HOUR = dt.timedelta(hours=1)


def _merge(store: Store, review: ReviewInfo, person: PersonInfo, older: int, later: int) -> None:
    """Merge two reports."""
    with store.read() as session:
        found = dict(
            session.execute(
                select(RecordRow.report_id, RecordRow.id).where(
                    RecordRow.report_id.in_((older, later))
                )
            ).all()
        )
    judgement = Judgement(a=found[older], b=found[later], label="same")
    judging.record_judgement(store, review.id, judgement, person_id=person.id)


def _dealt(store: Store, review: ReviewInfo, person: PersonInfo) -> set[int]:
    with store.write() as session:
        dealing.release_leases(session, Screener(review.id, person.id), keep=())
        found = dealing.lease_cards(
            session, Screener(review.id, person.id), [], LeaseRequest(number=50, valid=HOUR)
        )
        left = dealing.count_remaining(session, Screener(review.id, person.id))
        dealing.release_leases(session, Screener(review.id, person.id), keep=())
    assert left == len(found)
    return {place.report_id for place in found}


def test_a_pilot_round_continues_with_the_report_that_its_record_joined(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    reports = add_records(store, review.id, 8)
    with store.write() as session:
        bo = join(session, review.id, "bo")
    drawn = start_round(store, review, person, 3)
    with store.read() as session:
        assert pilots.list_reports_for(session, review.id, bo.id) == drawn
    later = max(drawn)
    older = next(each for each in reports if each not in drawn and each < later)
    _merge(store, review, person, older, later)
    wanted = {*drawn, older} - {later}
    assert _dealt(store, review, bo) == wanted
    for someone in (person, bo):
        for report in wanted:
            new = decisions.NewDecision(f"{someone.id} {report}", report, "include")
            with store.write() as session:
                decisions.record_decision(session, review.id, someone.id, new)
        assert _dealt(store, review, someone) == set()
    with store.read() as session:
        (round_,) = pilots.list_rounds(session, review.id)
        assert record_counts.count_reports(session, review.id).include == 3
    assert round_.done
    assert set(round_.report_ids) == wanted
    with store.write() as session:
        pilots.close_round(session, review.id, person_id=person.id, note="nothing to mend")
        (round_,) = pilots.list_rounds(session, review.id)
    assert set(round_.report_ids) == wanted


def test_assignments_and_handed_over_cards_follow_a_merged_record(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    older, assigned, other, given = add_records(store, review.id, 4)
    with store.write() as session:
        bo, cy = (join(session, review.id, name) for name in ("bo", "cy"))
        new = NewAssignment(kind="records", people={cy.id: 1}, reports=(assigned,))
        assignments.create_assignment(session, review.id, new, by=person.id)
        assignments.hand_over_card(session, review.id, bo.id, HandOver(given))
    assert _dealt(store, review, bo) == {older, other}
    assert _dealt(store, review, cy) == {older, assigned, other, given}
    _merge(store, review, person, older, assigned)
    _merge(store, review, person, other, given)
    assert _dealt(store, review, bo) == set()
    assert _dealt(store, review, cy) == {older, other}
    assert _dealt(store, review, person) == {other}
    with store.write() as session:
        hand = assignments.list_assignments(session, review.id)
    assert [each.records for each in hand] == [1]
