from __future__ import annotations

import datetime as dt
import itertools
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.documents.changes import sentence
from api.protocol import ProtocolBody
from store.core import audit
from store.core.errors import Conflict, NotAllowed, NotFound
from store.core.session import Store
from store.reviews import invitations, members, people, reviews
from store.reviews.invitations import NewInvitation
from store.reviews.people import PersonInfo
from store.reviews.reviews import NewReview, ReviewInfo
from store.rules.roles import ALLOWED_ACTIONS, ROLES, Role, is_higher, parse_role
from store.screening import decision_log, decisions
from store.screening.queue import LeaseRequest
from store.screening.stage_queue import Screener
from tests.store import dealing
from tests.store.builders import add_records

HOUR = dt.timedelta(hours=1)


def _person(store: Store, review: ReviewInfo, name: str, role: Role | None) -> PersonInfo:
    with store.write() as session:
        made = people.create_person(session, name)
        if role is not None:
            members.add_member(session, review.id, made.id, role, by=None)
    return made


def test_the_person_who_creates_a_review_owns_it(store: Store, review: ReviewInfo) -> None:
    with store.read() as session:
        (only,) = members.list_members(session, review.id)
    assert (only.name, only.role) == ("ada", "owner")


def test_a_lower_role_may_never_do_more() -> None:
    for higher, lower in itertools.pairwise(ROLES):
        assert ALLOWED_ACTIONS[lower] <= ALLOWED_ACTIONS[higher]
        assert is_higher(higher, lower)
    with pytest.raises(ValueError, match="role must be one of owner, manager"):
        parse_role("boss")


@given(st.sampled_from(ROLES), st.sampled_from(ROLES), st.sampled_from(ROLES))
def test_nobody_can_give_or_change_a_role_above_their_own(
    sqlite_store: Store, own: Role, before: Role, after: Role
) -> None:
    with sqlite_store.write() as session:
        (ada, *_) = people.list_people(session)
        number = len(people.list_people(session))
        review = reviews.create_review(
            session, NewReview(f"r{number}", "x", ProtocolBody().stored()), person_id=ada.id
        )
        actor = people.create_person(session, f"actor {number}")
        other = people.create_person(session, f"other {number}")
        members.add_member(session, review.id, actor.id, own, by=ada.id)
        members.add_member(session, review.id, other.id, before, by=ada.id)
    lead = own in ("owner", "manager")
    allowed = lead and not is_higher(after, own) and not is_higher(before, own)
    try:
        with sqlite_store.write() as session:
            members.add_member(session, review.id, other.id, after, by=actor.id)
        done = True
    except NotAllowed:
        done = False
    assert done == (allowed or before == after)
    with sqlite_store.read() as session:
        assert members.get_role(session, review.id, other.id) == (after if done else before)


def test_a_review_always_keeps_an_owner(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    bo = _person(store, review, "bo", "manager")
    for again in range(2):
        with store.write() as session, pytest.raises(Conflict, match="at least one owner"):
            members.remove_member(session, review.id, person.id, by=person.id)
        with store.write() as session, pytest.raises(Conflict, match="at least one owner"):
            members.add_member(session, review.id, person.id, "viewer", by=person.id)
        if not again:
            with store.write() as session, pytest.raises(NotAllowed, match="ask an owner"):
                members.add_member(session, review.id, bo.id, "owner", by=bo.id)
    with store.write() as session:
        members.add_member(session, review.id, bo.id, "owner", by=person.id)
        members.remove_member(session, review.id, person.id, by=person.id)
    with store.read() as session:
        assert [each.name for each in members.list_members(session, review.id)] == ["bo"]


def test_a_removed_persons_decisions_stay_and_their_cards_are_released(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    add_records(store, review.id, 3)
    bo = _person(store, review, "bo", "reviewer")
    with store.write() as session:
        held = dealing.lease_cards(
            session, Screener(review.id, bo.id), [], LeaseRequest(number=3, valid=HOUR)
        )
    assert len(held) == 3
    first, second, _ = (place.report_id for place in held)
    with store.write() as session:
        decisions.record_decision(
            session, review.id, bo.id, decisions.NewDecision("a", first, "include")
        )
        assert (
            dealing.lease_cards(
                session, Screener(review.id, person.id), [], LeaseRequest(number=3, valid=HOUR)
            )
            == []
        )
        members.remove_member(session, review.id, bo.id, by=person.id)
        free = dealing.lease_cards(
            session, Screener(review.id, person.id), [], LeaseRequest(number=3, valid=HOUR)
        )
    assert {place.report_id for place in free} == {place.report_id for place in held[1:]}
    with store.write() as session, pytest.raises(NotAllowed, match="no longer, in this review"):
        decisions.record_decision(
            session, review.id, bo.id, decisions.NewDecision("b", second, "include")
        )
    with store.write() as session, pytest.raises(NotAllowed):
        (line,) = decision_log.list_log(session, review.id, seen_by=None)
        decisions.undo_decision(session, review.id, bo.id, line.id, token="c")
    with store.read() as session:
        (line,) = decision_log.list_log(session, review.id, seen_by=None)
    assert (line.person, line.counts) == ("bo", True)


def test_a_viewer_cannot_decide_or_undo_a_decision(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    add_records(store, review.id, 1)
    bo = _person(store, review, "bo", "reviewer")
    with store.write() as session:
        (place,) = dealing.lease_cards(
            session, Screener(review.id, person.id), [], LeaseRequest(number=1, valid=HOUR)
        )
        new = decisions.NewDecision("a", place.report_id, "include")
        number, _ = decisions.record_decision(session, review.id, person.id, new)
    with (
        store.write() as session,
        pytest.raises(NotAllowed, match="You can only screen in this review"),
    ):
        decisions.undo_decision(session, review.id, bo.id, number, token="b")
    with store.write() as session:
        members.add_member(session, review.id, bo.id, "viewer", by=person.id)
    with store.write() as session, pytest.raises(NotAllowed, match="You can only read this review"):
        decisions.record_decision(
            session, review.id, bo.id, decisions.NewDecision("c", place.report_id, "exclude")
        )


def _invited(
    store: Store,
    review: ReviewInfo,
    by: PersonInfo,
    role: Role = "reviewer",
    valid: dt.timedelta = HOUR,
) -> str:
    with store.write() as session:
        new = NewInvitation(role, valid, "for bo")
        _, secret = invitations.create_invitation(session, review.id, new, by=by.id)
    return secret


def test_an_invitation_works_once(store: Store, review: ReviewInfo, person: PersonInfo) -> None:
    bo, cy = _person(store, review, "bo", None), _person(store, review, "cy", None)
    secret = _invited(store, review, person)
    with store.read() as session:
        (open_one,) = invitations.list_invitations(session, review.id)
        assert invitations.get_invitation(session, secret) == open_one
    assert (open_one.role, open_one.note, open_one.invited_by) == ("reviewer", "for bo", "ada")
    with store.write() as session:
        invitations.redeem_invitation(session, secret, bo)
    with store.write() as session, pytest.raises(NotFound, match="no longer valid"):
        invitations.redeem_invitation(session, secret, cy)
    with store.read() as session:
        assert members.get_role(session, review.id, bo.id) == "reviewer"
        assert members.get_role(session, review.id, cy.id) is None
        assert invitations.list_invitations(session, review.id) == []


def test_only_one_of_two_people_who_redeem_an_invitation_at_once_joins(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    both = [_person(store, review, name, None) for name in ("bo", "cy")]
    secret = _invited(store, review, person)
    start = threading.Barrier(2)
    refused: list[str] = []

    def take(who: PersonInfo) -> None:
        start.wait(timeout=10)
        try:
            with store.write() as session:
                invitations.redeem_invitation(session, secret, who)
        except NotFound:
            refused.append(who.name)

    threads = [threading.Thread(target=take, args=(who,)) for who in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(refused) == 1
    with store.read() as session:
        assert len(members.list_members(session, review.id)) == 2


def test_an_invitation_ends_when_it_expires_is_revoked_or_its_sender_leaves(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    bo = _person(store, review, "bo", "manager")
    cy = _person(store, review, "cy", None)
    gone = [_invited(store, review, person, valid=-HOUR)]
    withdrawn = _invited(store, review, person)
    of_bo = _invited(store, review, bo, role="manager")
    with store.write() as session:
        info = invitations.get_invitation(session, withdrawn)
        invitations.withdraw_invitation(session, review.id, info.id, by=bo.id)
        # The person who invited now has a lower role than they offered.
        members.add_member(session, review.id, bo.id, "reviewer", by=person.id)
    gone += [withdrawn, of_bo, "never made"]
    for secret in gone:
        with store.write() as session, pytest.raises(NotFound, match="no longer valid"):
            invitations.redeem_invitation(session, secret, cy)
    with store.write() as session:
        members.add_member(session, review.id, bo.id, "manager", by=person.id)
        members.remove_member(session, review.id, bo.id, by=person.id)
        members.add_member(session, review.id, bo.id, "manager", by=person.id)
    with store.write() as session, pytest.raises(NotFound):
        invitations.redeem_invitation(session, of_bo, cy)


def test_nobody_can_invite_above_their_role_and_an_invitation_never_lowers_a_role(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    bo = _person(store, review, "bo", "manager")
    cy = _person(store, review, "cy", "adjudicator")
    with (
        store.write() as session,
        pytest.raises(NotAllowed, match="cannot invite somebody as an owner"),
    ):
        invitations.create_invitation(session, review.id, NewInvitation("owner", HOUR), by=bo.id)
    with (
        store.write() as session,
        pytest.raises(NotAllowed, match="You can only screen and settle conflicts"),
    ):
        invitations.create_invitation(session, review.id, NewInvitation("viewer", HOUR), by=cy.id)
    secret = _invited(store, review, person, role="viewer")
    with store.write() as session:
        invitations.redeem_invitation(session, secret, cy)
    with store.read() as session:
        assert members.get_role(session, review.id, cy.id) == "adjudicator"


def test_the_trail_says_who_joined_by_whose_invitation_and_with_which_role(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    bo = _person(store, review, "bo", None)
    secret = _invited(store, review, person)
    with store.write() as session:
        invitations.redeem_invitation(session, secret, bo)
    with store.read() as session:
        said = [sentence(entry) for entry in audit.list_events(session, review.id)]
    assert said[0] == "bo joined through an invitation link of ada, with the role “Screens”"
    assert not [each for each in said if "administrator" in each]
    for role, words in (("viewer", "stayed “Screens”"), ("owner", "is now “Lead (owner)”")):
        secret = _invited(store, review, person, role=role)
        with store.write() as session:
            invitations.redeem_invitation(session, secret, bo)
        with store.read() as session:
            (newest, *_) = [sentence(entry) for entry in audit.list_events(session, review.id)]
        assert newest == f"bo used an invitation link of ada; their role {words}"
