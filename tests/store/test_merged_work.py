"""What is said of a report holds for the one that its record is merged into."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select

from api.services import deduplicating
from store import assignments, decisions, pilots, queue, records
from store.people import PersonInfo
from store.reviews import ReviewInfo
from store.session import Store
from store.tables import RecordRow
from tests.store.made import add_records, join

HOUR = dt.timedelta(hours=1)


def _merge(store: Store, review: ReviewInfo, person: PersonInfo, older: int, later: int) -> None:
    """Say that two reports are one."""
    with store.write() as session:
        found = dict(
            session.execute(
                select(RecordRow.report_id, RecordRow.id).where(
                    RecordRow.report_id.in_((older, later))
                )
            ).all()
        )
        deduplicating.judge(
            session,
            review.id,
            found[older],
            found[later],
            label="same",
            reason="",
            person_id=person.id,
        )


def _dealt(store: Store, review: ReviewInfo, person: PersonInfo) -> set[int]:
    with store.write() as session:
        queue.release(session, review.id, person.id, keep=())
        found = queue.lease(session, review.id, person.id, [], number=50, valid=HOUR)
        left = queue.remaining(session, review.id, person.id)
        queue.release(session, review.id, person.id, keep=())
    assert left == len(found)
    return {place.report_id for place in found}


def test_a_pilot_round_goes_on_with_the_report_that_its_record_is_merged_into(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    reports = add_records(store, review.id, 8)
    with store.write() as session:
        bo = join(session, review.id, "bo")
        pilots.begin(session, review.id, 3, person_id=person.id)
        drawn = pilots.drawn_for(session, review.id, bo.id)
    assert drawn is not None
    later = max(drawn)
    older = next(each for each in reports if each not in drawn and each < later)
    _merge(store, review, person, older, later)
    wanted = {*drawn, older} - {later}
    assert _dealt(store, review, bo) == wanted
    for someone in (person, bo):
        for report in wanted:
            new = decisions.NewDecision(f"{someone.id} {report}", report, "include")
            with store.write() as session:
                decisions.record(session, review.id, someone.id, new)
        assert _dealt(store, review, someone) == set()
    with store.read() as session:
        (round_,) = pilots.everything(session, review.id)
        assert records.counts(session, review.id).include == 3
    assert round_.done
    assert set(round_.report_ids) == wanted
    with store.write() as session:
        pilots.close(session, review.id, person_id=person.id, note="nothing to mend")
        (round_,) = pilots.everything(session, review.id)
    assert set(round_.report_ids) == wanted


def test_who_decides_a_report_and_who_would_rather_not_goes_with_its_record(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    older, assigned, other, given = add_records(store, review.id, 4)
    with store.write() as session:
        bo, cy = (join(session, review.id, name) for name in ("bo", "cy"))
        assignments.assign(
            session, review.id, "records", {cy.id: 1}, by=person.id, reports=[assigned]
        )
        assignments.hand_over(session, review.id, bo.id, given, to=None)
    assert _dealt(store, review, bo) == {older, other}
    assert _dealt(store, review, cy) == {older, assigned, other, given}
    _merge(store, review, person, older, assigned)
    _merge(store, review, person, other, given)
    assert _dealt(store, review, bo) == set()
    assert _dealt(store, review, cy) == {older, other}
    assert _dealt(store, review, person) == {other}
    with store.write() as session:
        hand = assignments.everything(session, review.id)
    assert [each.records for each in hand] == [1]
