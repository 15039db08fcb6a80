"""Pilot rounds: a few records that everyone decides before records are shared out."""

from __future__ import annotations

import pytest

from store.core.errors import Conflict
from store.core.session import Store
from store.reports import reports
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from store.screening import conflicts, pilots, rankings
from store.screening.pilots import RoundCandidates, RoundRequest
from store.screening.stage_queue import Screener
from tests.store import dealing
from tests.store.builders import add_records, join
from tests.store.deciding import decide, lease, start_round, state


def test_in_a_pilot_round_everybody_decides_the_same_records(
    store: Store, review: ReviewInfo, person: PersonInfo, team: list[PersonInfo]
) -> None:
    bo, cy, di = team
    reports = add_records(store, review.id, 9)
    drawn = start_round(store, review, person, 3)
    with store.write() as session:
        late = join(session, review.id, "late")
        viewer = join(session, review.id, "viewer", "viewer")
    with pytest.raises(Conflict, match="round is open"):
        start_round(store, review, person, 3)
    with store.read() as session:
        (found,) = pilots.list_rounds(session, review.id)
    assert list(found.report_ids) == drawn
    assert len(drawn) == 3
    assert {part.name for part in found.parts} == {"ada", "bo", "cy", "di"}
    for who in (person, bo, cy, di):
        assert sorted(lease(store, review, who, reports, 9)) == drawn
    # People who joined later screen the rest.
    assert set(lease(store, review, late, reports, 9)) == set(reports) - set(drawn)
    assert viewer.id not in {part.person_id for part in found.parts}
    for report in drawn:
        for who in (bo, cy):
            assert decide(store, review, who, report, "include")[1] == "awaiting"
        decide(store, review, di, report, "exclude" if report == drawn[0] else "include")
    assert lease(store, review, bo, reports, 9) == []
    with store.read() as session:
        assert dealing.count_remaining(session, Screener(review.id, bo.id)) == 0
        assert dealing.count_remaining(session, Screener(review.id, person.id)) == 3
        assert conflicts.find_conflicts(session, review.id) == (0, [])
    # The owner has no time for it; the decisions of the other three are still compared.
    with store.write() as session, pytest.raises(ValueError, match="what you learned"):
        pilots.close_round(session, review.id, person_id=person.id, note=" ")
    with store.write() as session:
        pilots.close_round(session, review.id, person_id=person.id, note="hubs count as services")
    assert [state(store, report) for report in drawn] == ["conflict", "settled", "settled"]
    assert len(lease(store, review, bo, reports, 9)) == 0, "late holds the others"
    with store.read() as session:
        (found,) = pilots.list_rounds(session, review.id)
        assert (found.note, found.done) == ("hubs count as services", False)
    with store.write() as session, pytest.raises(Conflict, match="no pilot round is open"):
        pilots.close_round(session, review.id, person_id=person.id, note="x")


def test_a_round_needs_a_size_two_people_and_something_to_decide(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    def draw(candidates: RoundCandidates) -> list[int]:
        pytest.fail(f"nothing may be drawn from {candidates}")

    def refuse(size: int, error: type[Exception], match: str) -> None:
        with store.write() as session, pytest.raises(error, match=match):
            pilots.create_round(session, review.id, RoundRequest(size), draw, person_id=person.id)

    for size in (0, 501):
        refuse(size, ValueError, f"1 to 500 records, not {size}")
    refuse(3, Conflict, "invite a second person")
    with store.write() as session:
        join(session, review.id, "bo")
    refuse(3, Conflict, "has been decided")


@pytest.mark.usefixtures("team")
def test_a_draw_has_different_undecided_records_as_many_as_were_asked_for(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    decided, *rest = add_records(store, review.id, 4)
    decide(store, review, person, decided, "exclude")
    for drawn in ([], [*rest, decided], [rest[0]] * 2, rest[:1], rest, [decided, rest[0]]):
        with store.write() as session, pytest.raises(ValueError, match="2 different records"):
            pilots.create_round(
                session, review.id, RoundRequest(2), lambda _, d=drawn: d, person_id=person.id
            )
    with store.read() as session:
        assert pilots.list_rounds(session, review.id) == []


def test_a_pilot_round_s_report_that_was_merged_is_still_one_that_was_drawn(
    store: Store, review: ReviewInfo, person: PersonInfo, bo: PersonInfo
) -> None:
    older, newer = add_records(store, review.id, 2)
    assert start_round(store, review, person, 1) == [newer]
    with store.write() as session:
        grouped = reports.list_grouped_records(session, [older, newer])
        records = {each.record_id: each for each in grouped}
        reports.assign_records(session, [sorted(records)], records)
    for who in (person, bo):
        decide(store, review, who, older, "include")
    with store.read() as session:
        assert rankings.count_shown(session, review.id) == (0, 2, 2)
