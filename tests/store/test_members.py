from __future__ import annotations

import datetime as dt
import itertools
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.protocol import ProtocolBody
from store import decisions, members, people, queue, reviews
from store.errors import Conflict, NotAllowed, NotFound
from store.people import PersonInfo
from store.reviews import ReviewInfo
from store.roles import MAY, ROLES, Role, above, as_role
from store.session import Store
from tests.store.made import add_records

HOUR = dt.timedelta(hours=1)


def _person(store: Store, review: ReviewInfo, name: str, role: Role | None) -> PersonInfo:
    with store.write() as session:
        made = people.create(session, name)
        if role is not None:
            members.add(session, review.id, made.id, role, by=None)
    return made


def test_whoever_makes_a_review_owns_it(store: Store, review: ReviewInfo) -> None:
    with store.read() as session:
        (only,) = members.everyone(session, review.id)
    assert (only.name, only.role) == ("ada", "owner")


def test_roles_from_the_highest_down_may_ever_less() -> None:
    for higher, lower in itertools.pairwise(ROLES):
        assert MAY[lower] <= MAY[higher]
        assert above(higher, lower)
    with pytest.raises(ValueError, match="role must be one of owner, manager"):
        as_role("boss")


@given(st.sampled_from(ROLES), st.sampled_from(ROLES), st.sampled_from(ROLES))
def test_nobody_gives_or_takes_a_role_above_their_own(
    sqlite_store: Store, own: Role, before: Role, after: Role
) -> None:
    with sqlite_store.write() as session:
        (ada, *_) = people.everyone(session)
        number = len(people.everyone(session))
        review = reviews.create(
            session,
            slug=f"r{number}",
            title="x",
            protocol=ProtocolBody().stored(),
            person_id=ada.id,
        )
        actor = people.create(session, f"actor {number}")
        other = people.create(session, f"other {number}")
        members.add(session, review.id, actor.id, own, by=ada.id)
        members.add(session, review.id, other.id, before, by=ada.id)
    lead = own in ("owner", "manager")
    allowed = lead and not above(after, own) and not above(before, own)
    try:
        with sqlite_store.write() as session:
            members.add(session, review.id, other.id, after, by=actor.id)
        done = True
    except NotAllowed:
        done = False
    assert done == (allowed or before == after)
    with sqlite_store.read() as session:
        assert members.role_of(session, review.id, other.id) == (after if done else before)


def test_a_review_keeps_an_owner(store: Store, review: ReviewInfo, person: PersonInfo) -> None:
    bo = _person(store, review, "bo", "manager")
    for again in range(2):
        with store.write() as session, pytest.raises(Conflict, match="at least one owner"):
            members.remove(session, review.id, person.id, by=person.id)
        with store.write() as session, pytest.raises(Conflict, match="at least one owner"):
            members.add(session, review.id, person.id, "viewer", by=person.id)
        if not again:
            with store.write() as session, pytest.raises(NotAllowed, match="above your own"):
                members.add(session, review.id, bo.id, "owner", by=bo.id)
    with store.write() as session:
        members.add(session, review.id, bo.id, "owner", by=person.id)
        members.remove(session, review.id, person.id, by=person.id)
    with store.read() as session:
        assert [each.name for each in members.everyone(session, review.id)] == ["bo"]


def test_who_is_removed_keeps_their_decisions_and_holds_no_card(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    add_records(store, review.id, 3)
    bo = _person(store, review, "bo", "reviewer")
    with store.write() as session:
        held = queue.lease(session, review.id, bo.id, [], number=3, valid=HOUR)
    assert len(held) == 3
    first, second, _ = (place.report_id for place in held)
    with store.write() as session:
        decisions.record(session, review.id, bo.id, decisions.NewDecision("a", first, "include"))
        assert queue.lease(session, review.id, person.id, [], number=3, valid=HOUR) == []
        members.remove(session, review.id, bo.id, by=person.id)
        free = queue.lease(session, review.id, person.id, [], number=3, valid=HOUR)
    assert {place.report_id for place in free} == {place.report_id for place in held[1:]}
    with store.write() as session, pytest.raises(NotAllowed, match="no longer, one of"):
        decisions.record(session, review.id, bo.id, decisions.NewDecision("b", second, "include"))
    with store.write() as session, pytest.raises(NotAllowed):
        (line,) = decisions.log(session, review.id, seen_by=None)
        decisions.undo(session, review.id, bo.id, line.id, token="c")
    with store.read() as session:
        (line,) = decisions.log(session, review.id, seen_by=None)
    assert (line.person, line.counts) == ("bo", True)


def test_a_viewer_screens_nothing_and_undoes_nobodys_decision(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    add_records(store, review.id, 1)
    bo = _person(store, review, "bo", "reviewer")
    with store.write() as session:
        (place,) = queue.lease(session, review.id, person.id, [], number=1, valid=HOUR)
        new = decisions.NewDecision("a", place.report_id, "include")
        number, _ = decisions.record(session, review.id, person.id, new)
    with store.write() as session, pytest.raises(NotAllowed, match="As reviewer"):
        decisions.undo(session, review.id, bo.id, number, token="b")
    with store.write() as session:
        members.add(session, review.id, bo.id, "viewer", by=person.id)
    with store.write() as session, pytest.raises(NotAllowed, match="As viewer"):
        decisions.record(
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
        _, secret = members.invite(session, review.id, role, by=by.id, valid=valid, note="for bo")
    return secret


def test_an_invitation_is_good_for_one_use(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    bo, cy = _person(store, review, "bo", None), _person(store, review, "cy", None)
    secret = _invited(store, review, person)
    with store.read() as session:
        (open_one,) = members.invitations(session, review.id)
        assert members.invitation(session, secret) == open_one
    assert (open_one.role, open_one.note, open_one.invited_by) == ("reviewer", "for bo", "ada")
    with store.write() as session:
        members.redeem(session, secret, bo)
    with store.write() as session, pytest.raises(NotFound, match="not valid any more"):
        members.redeem(session, secret, cy)
    with store.read() as session:
        assert members.role_of(session, review.id, bo.id) == "reviewer"
        assert members.role_of(session, review.id, cy.id) is None
        assert members.invitations(session, review.id) == []


def test_of_two_who_redeem_at_once_one_comes_in(
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
                members.redeem(session, secret, who)
        except NotFound:
            refused.append(who.name)

    threads = [threading.Thread(target=take, args=(who,)) for who in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(refused) == 1
    with store.read() as session:
        assert len(members.everyone(session, review.id)) == 2


def test_what_ends_an_invitation(store: Store, review: ReviewInfo, person: PersonInfo) -> None:
    bo = _person(store, review, "bo", "manager")
    cy = _person(store, review, "cy", None)
    gone = [_invited(store, review, person, valid=-HOUR)]
    withdrawn = _invited(store, review, person)
    of_bo = _invited(store, review, bo, role="manager")
    with store.write() as session:
        info = members.invitation(session, withdrawn)
        members.withdraw(session, review.id, info.id, by=bo.id)
        # Whoever invited is now below the role that they offered.
        members.add(session, review.id, bo.id, "reviewer", by=person.id)
    gone += [withdrawn, of_bo, "never made"]
    for secret in gone:
        with store.write() as session, pytest.raises(NotFound, match="not valid any more"):
            members.redeem(session, secret, cy)
    with store.write() as session:
        members.add(session, review.id, bo.id, "manager", by=person.id)
        members.remove(session, review.id, bo.id, by=person.id)
        members.add(session, review.id, bo.id, "manager", by=person.id)
    with store.write() as session, pytest.raises(NotFound):
        members.redeem(session, of_bo, cy)


def test_nobody_invites_above_their_role_and_a_higher_role_stays(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    bo = _person(store, review, "bo", "manager")
    cy = _person(store, review, "cy", "adjudicator")
    with (
        store.write() as session,
        pytest.raises(NotAllowed, match="may not invite somebody as owner"),
    ):
        members.invite(session, review.id, "owner", by=bo.id, valid=HOUR)
    with store.write() as session, pytest.raises(NotAllowed, match="As adjudicator"):
        members.invite(session, review.id, "viewer", by=cy.id, valid=HOUR)
    secret = _invited(store, review, person, role="viewer")
    with store.write() as session:
        members.redeem(session, secret, cy)
    with store.read() as session:
        assert members.role_of(session, review.id, cy.id) == "adjudicator"
