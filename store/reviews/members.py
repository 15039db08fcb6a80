"""The people of a review with their roles, and invitations to join it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import delete, func, select, update

from store.core import audit
from store.core.errors import Conflict, NotAllowed, NotFound
from store.core.session import ReadSession, WriteSession
from store.core.tables import Identity, Invitation, Lease, Membership, now
from store.reviews import changes, reviews
from store.rules.roles import Action, Role, explain_refusal, is_higher, parse_role, role_allows


@dataclass(frozen=True, slots=True)
class Member:
    """A person in a review.

    Attributes:
        screens: whether they screen; False if their role does not allow it.
    """

    id: int
    name: str
    role: Role
    since: dt.datetime
    screens: bool = True


def get_role(session: ReadSession, review_id: int, person_id: int) -> Role | None:
    """A person's role in a review; None if they are not in it."""
    row = session.get(Membership, (review_id, person_id))
    return None if row is None else parse_role(row.role)


def is_lead(session: ReadSession, review_id: int, person_id: int) -> bool:
    """Whether a person leads a review, as owner or manager."""
    return role_allows(get_role(session, review_id, person_id), "lead")


def require_role(session: ReadSession, review_id: int, person_id: int, action: Action) -> Role:
    """Check that a person's role allows an action, and return the role.

    Raises:
        NotAllowed: they are not in the review, or their role does not allow the action.
    """
    return check_role(get_role(session, review_id, person_id), action)


def check_role(role: str | None, action: Action) -> Role:
    """Check that a role, or None for no role, allows an action.

    Raises:
        NotAllowed: it does not.
    """
    if role is None:
        raise NotAllowed("You are not, or are no longer, in this review; ask one of its leads.")
    known = parse_role(role)
    if not role_allows(known, action):
        raise NotAllowed(explain_refusal(known))
    return known


def list_members(session: ReadSession, review_id: int) -> list[Member]:
    """The people of a review, in the order in which they joined."""
    rows = session.execute(
        select(
            Identity.person_id,
            Identity.name,
            Membership.role,
            Membership.since,
            Membership.screens,
        )
        .join(Membership, Membership.person_id == Identity.person_id)
        .where(Membership.review_id == review_id)
        .order_by(Membership.since, Membership.person_id)
    )
    return [
        Member(
            person,
            name,
            parse_role(role),
            since,
            screens and role_allows(parse_role(role), "screen"),
        )
        for person, name, role, since, screens in rows
    ]


def add_member(
    session: WriteSession, review_id: int, person_id: int, role: Role, *, by: int | None
) -> None:
    """Add a person to a review, or give them another role.

    A person who may no longer screen stays in open pilot rounds until the caller removes them.

    Args:
        session: a writing session.
        review_id: the review.
        person_id: the person.
        role: their new role.
        by: the lead who does this; None for the administrator of the server, who may give any role.

    Raises:
        NotAllowed: ``by`` does not lead the review, or one of the two roles is above theirs.
        Conflict: the review would be left without an owner.
        NotFound: there is no such person.
    """
    reviews.lock_review(session, review_id)
    if session.get(Identity, person_id) is None:
        raise NotFound(f"there is no person {person_id}")
    row = session.get(Membership, (review_id, person_id), populate_existing=True)
    before = None if row is None else parse_role(row.role)
    if before == role:
        return
    if by is not None:
        own = require_role(session, review_id, by, "lead")
        if is_higher(role, own) or (before is not None and is_higher(before, own)):
            raise NotAllowed(
                "You cannot make somebody an owner or change an owner's role; ask an owner."
            )
    set_role(session, review_id, person_id, role)
    audit.append_event(
        session,
        "person.role",
        review_id=review_id,
        person_id=by,
        detail={"person": person_id, "role": role, "before": before},
    )


def set_role(session: WriteSession, review_id: int, person_id: int, role: Role) -> None:
    """Give a person a role without asking whether anybody may; a new person becomes a member.

    Raises:
        Conflict: the review would be left without an owner.
    """
    row = session.get(Membership, (review_id, person_id), populate_existing=True)
    if row is None:
        session.add(Membership(review_id=review_id, person_id=person_id, role=role, since=now()))
    else:
        if parse_role(row.role) == "owner":
            _keep_an_owner(session, review_id, person_id)
        row.role = role
        if not role_allows(role, "screen"):
            release_cards(session, review_id, person_id)
    session.flush()
    changes.note_rule_change(session, review_id)


def remove_member(session: WriteSession, review_id: int, person_id: int, *, by: int | None) -> None:
    """Remove a person from a review: their decisions stay, the cards they hold go back.

    Their invitations are withdrawn. They stay in open pilot rounds until the caller removes them.

    Args:
        session: a writing session.
        review_id: the review.
        person_id: who leaves.
        by: the person themselves, or a lead; None for the administrator of the server.

    Raises:
        NotAllowed: ``by`` is neither the person nor a lead, or the person's role is above theirs.
        Conflict: the review would be left without an owner.
        NotFound: the person is not in the review.
    """
    reviews.lock_review(session, review_id)
    row = session.get(Membership, (review_id, person_id), populate_existing=True)
    if row is None:
        raise NotFound("this person is not one of the review's people")
    role = parse_role(row.role)
    if by is not None and by != person_id:
        own = require_role(session, review_id, by, "lead")
        if is_higher(role, own):
            raise NotAllowed("You cannot remove an owner; ask an owner.")
    if role == "owner":
        _keep_an_owner(session, review_id, person_id)
    session.delete(row)
    release_cards(session, review_id, person_id)
    session.execute(
        update(Invitation)
        .where(
            Invitation.review_id == review_id,
            Invitation.invited_by == person_id,
            Invitation.used_at.is_(None),
            Invitation.withdrawn_at.is_(None),
        )
        .values(withdrawn_at=now())
    )
    session.flush()
    changes.note_rule_change(session, review_id)
    audit.append_event(
        session,
        "person.removed",
        review_id=review_id,
        person_id=by,
        detail={"person": person_id, "role": role},
    )


def _keep_an_owner(session: ReadSession, review_id: int, leaving: int) -> None:
    others = session.scalar(
        select(func.count()).where(
            Membership.review_id == review_id,
            Membership.role == "owner",
            Membership.person_id != leaving,
        )
    )
    if not others:
        raise Conflict("a review keeps at least one owner; make someone else owner first")


def release_cards(session: WriteSession, review_id: int, person_id: int) -> None:
    """Give back the cards that a person holds."""
    session.execute(delete(Lease).where(Lease.review_id == review_id, Lease.person_id == person_id))
