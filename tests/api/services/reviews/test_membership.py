"""Changes to a review's people, and the pilot rounds they take part in."""

from __future__ import annotations

import pytest

from api.services.reviews import membership
from store.core import audit
from store.core.errors import Conflict, NotAllowed, NotFound
from store.core.session import Store
from store.reviews import members, people, screeners
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from store.screening import pilots
from tests.store.builders import add_records, join
from tests.store.deciding import decide, start_round, state


@pytest.fixture
def team(store: Store, review: ReviewInfo) -> list[PersonInfo]:
    """Three more people who screen."""
    with store.write() as session:
        return [join(session, review.id, name) for name in ("bo", "cy", "di")]


def test_a_pilot_round_does_not_wait_for_people_who_left(
    store: Store, review: ReviewInfo, person: PersonInfo, team: list[PersonInfo]
) -> None:
    bo, cy, di = team
    add_records(store, review.id, 2)
    start_round(store, review, person, 50)
    with store.read() as session:
        (found,) = pilots.list_rounds(session, review.id)
    assert len(found.report_ids) == 2
    for report in found.report_ids:
        for who in (bo, cy, person):
            assert decide(store, review, who, report, "include")[1] == "awaiting"
    membership.remove_member(store, review.id, di.id, by=person.id)
    assert {state(store, report) for report in found.report_ids} == {"settled"}
    with store.read() as session:
        assert pilots.list_rounds(session, review.id)[0].done
    with store.write() as session:
        pilots.close_round(session, review.id, person_id=person.id, note="nothing to mend")
    with pytest.raises(Conflict, match="has been decided"):
        start_round(store, review, person, 5)


def test_a_pilot_round_does_not_wait_for_people_who_became_viewers(
    store: Store, review: ReviewInfo, person: PersonInfo, team: list[PersonInfo]
) -> None:
    bo, cy, di = team
    (report,) = add_records(store, review.id, 1)
    start_round(store, review, person, 1)
    for reviewer in (person, bo, cy):
        assert decide(store, review, reviewer, report, "include")[1] == "awaiting"
    changed = membership.set_role(store, review.id, di.id, "viewer", by=person.id)
    assert [(member.name, member.role) for member in changed][-1] == ("di", "viewer")
    assert state(store, report) == "settled"
    with store.read() as session:
        (pilot,) = pilots.list_rounds(session, review.id)
    assert {part.name for part in pilot.parts} == {"ada", "bo", "cy"}


def test_a_role_changes_and_rounds_are_left_in_one_transaction(
    store: Store,
    review: ReviewInfo,
    person: PersonInfo,
    team: list[PersonInfo],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_arguments: object) -> None:
        raise RuntimeError("the power is cut")

    monkeypatch.setattr(pilots, "leave_rounds", fail)
    with pytest.raises(RuntimeError, match="power"):
        membership.set_role(store, review.id, team[0].id, "viewer", by=person.id)
    with pytest.raises(RuntimeError, match="power"):
        membership.remove_member(store, review.id, team[1].id, by=person.id)
    with store.read() as session:
        assert members.get_role(session, review.id, team[0].id) == "reviewer"
        assert members.get_role(session, review.id, team[1].id) == "reviewer"


def test_only_the_server_adds_a_person_without_an_invitation(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    with store.write() as session:
        eve = people.create_person(session, "eve")
    with pytest.raises(NotFound, match="invite them"):
        membership.set_role(store, review.id, eve.id, "reviewer", by=person.id)
    membership.set_role(store, review.id, eve.id, "reviewer", by=None)
    with store.read() as session:
        assert members.get_role(session, review.id, eve.id) == "reviewer"


@pytest.mark.case("figures", 9)
def test_a_lead_who_does_not_screen_counts_in_no_plan_pilot_or_share(
    store: Store, review: ReviewInfo, person: PersonInfo, team: list[PersonInfo]
) -> None:
    bo, cy, di = team
    (report, other) = add_records(store, review.id, 2)
    membership.set_role(store, review.id, di.id, "viewer", by=person.id)
    # A round that they were in does not wait for them.
    start_round(store, review, person, 1)
    for who in (bo, cy):
        assert decide(store, review, who, other, "include")[1] == "awaiting"
    told = membership.set_screens(store, review.id, person.id, screens=False, by=person.id)
    assert [(each.name, each.screens) for each in told] == [
        ("ada", False),
        ("bo", True),
        ("cy", True),
        ("di", False),
    ]
    assert state(store, other) == "settled"
    with store.write() as session:
        pilots.close_round(session, review.id, person_id=person.id, note="read alike")
    start_round(store, review, person, 1)
    with store.read() as session:
        assert [p.name for p in pilots.list_rounds(session, review.id)[-1].parts] == ["bo", "cy"]
        assert [each.name for each in screeners.list_screeners(session, review.id)] == ["bo", "cy"]
        assert members.is_lead(session, review.id, person.id)
    with pytest.raises(NotAllowed, match="without screening"):
        decide(store, review, person, report, "include")
    with pytest.raises(Conflict, match="only read"):
        membership.set_screens(store, review.id, di.id, screens=True, by=person.id)
    with pytest.raises(NotAllowed, match="ask a lead"):
        membership.set_screens(store, review.id, cy.id, screens=False, by=bo.id)
    membership.set_screens(store, review.id, person.id, screens=True, by=person.id)
    with store.read() as session:
        assert screeners.does_screen(session, review.id, person.id)
        events = audit.list_events(session, review.id)
    assert [e.detail["screens"] for e in events if e.action == "person.screens"] == [True, False]
