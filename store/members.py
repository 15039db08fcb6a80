"""Who is of a review, in which role; invitations into it."""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, func, select, update

from store import audit, pilots, reviews
from store.errors import Conflict, NotAllowed, NotFound
from store.people import PersonInfo, hash_of
from store.roles import Action, Role, above, as_role, may, refusal
from store.session import ReadSession, WriteSession
from store.tables import Identity, Lease, Review, now
from store.team_tables import Invitation, Membership


@dataclass(frozen=True, slots=True)
class Member:
    """A person of a review."""

    id: int
    name: str
    role: Role
    since: dt.datetime


@dataclass(frozen=True, slots=True)
class InvitationInfo:
    """An invitation without its secret.

    Attributes:
        note: whom it is for, in the words of whoever made it.
        valid: whether it can still be redeemed.
    """

    id: int
    slug: str
    title: str
    role: Role
    note: str | None
    invited_by: str | None
    created_at: dt.datetime
    expires_at: dt.datetime
    valid: bool


def role_of(session: ReadSession, review_id: int, person_id: int) -> Role | None:
    """A person's role in a review; None where they are not of it."""
    found = session.get(Membership, (review_id, person_id))
    return None if found is None else as_role(found.role)


def is_lead(session: ReadSession, review_id: int, person_id: int) -> bool:
    """Whether a person leads a review: owner or manager."""
    return may(role_of(session, review_id, person_id), "lead")


def require(session: ReadSession, review_id: int, person_id: int, action: Action) -> Role:
    """A person's role, which allows an action.

    Raises:
        NotAllowed: they are not of the review, or their role does not allow it.
    """
    role = role_of(session, review_id, person_id)
    if role is None:
        raise NotAllowed("You are not, or no longer, one of this review's people; ask its lead.")
    if not may(role, action):
        raise NotAllowed(refusal(role, action))
    return role


def screening(session: ReadSession, review_id: int) -> list[Member]:
    """Those of a review's people who may screen, in the order in which they came."""
    return [each for each in everyone(session, review_id) if may(each.role, "screen")]


def everyone(session: ReadSession, review_id: int) -> list[Member]:
    """A review's people, in the order in which they came."""
    rows = session.execute(
        select(Identity.person_id, Identity.name, Membership.role, Membership.since)
        .join(Membership, Membership.person_id == Identity.person_id)
        .where(Membership.review_id == review_id)
        .order_by(Membership.since, Membership.person_id)
    )
    return [Member(person, name, as_role(role), since) for person, name, role, since in rows]


def slugs_of(session: ReadSession, person_id: int) -> set[str]:
    """Short names of the reviews that a person is of."""
    query = (
        select(Review.slug)
        .join(Membership, Membership.review_id == Review.id)
        .where(Membership.person_id == person_id)
    )
    return set(session.scalars(query))


def add(
    session: WriteSession, review_id: int, person_id: int, role: Role, *, by: int | None
) -> None:
    """Take a person into a review, or give them another role.

    Args:
        session: a writing session.
        review_id: the review.
        person_id: who is taken in.
        role: in which role.
        by: who does so; None for whoever runs the server, who may give any role.

    Raises:
        NotAllowed: whoever does so is no lead, or below one of the two roles.
        Conflict: the review would be left without an owner.
        NotFound: there is no such person.
    """
    reviews.lock(session, review_id)
    if session.get(Identity, person_id) is None:
        raise NotFound(f"there is no person {person_id}")
    row = session.get(Membership, (review_id, person_id), populate_existing=True)
    before = None if row is None else as_role(row.role)
    if before == role:
        return
    if by is not None:
        own = require(session, review_id, by, "lead")
        if above(role, own) or (before is not None and above(before, own)):
            raise NotAllowed(f"As {own} you may not give or change a role above your own.")
    if row is None:
        session.add(Membership(review_id=review_id, person_id=person_id, role=role, since=now()))
    else:
        if before == "owner":
            _keep_an_owner(session, review_id, person_id)
        row.role = role
        if not may(role, "screen"):
            _free(session, review_id, person_id)
            pilots.leave(session, review_id, person_id)
    session.flush()
    audit.append(
        session,
        "person.role",
        review_id=review_id,
        person_id=by,
        detail={"person": person_id, "role": role, "before": before},
    )


def remove(session: WriteSession, review_id: int, person_id: int, *, by: int | None) -> None:
    """Take a person out of a review: their decisions stay, the cards they hold go back.

    Args:
        session: a writing session.
        review_id: the review.
        person_id: who leaves.
        by: who does so, the person themselves or a lead; None for whoever runs the server.

    Raises:
        NotAllowed: whoever does so is neither, or below the person's role.
        Conflict: the review would be left without an owner.
        NotFound: the person is not of the review.
    """
    reviews.lock(session, review_id)
    row = session.get(Membership, (review_id, person_id), populate_existing=True)
    if row is None:
        raise NotFound("this person is not one of the review's people")
    role = as_role(row.role)
    if by is not None and by != person_id:
        own = require(session, review_id, by, "lead")
        if above(role, own):
            raise NotAllowed(f"As {own} you may not remove somebody who is {role}.")
    if role == "owner":
        _keep_an_owner(session, review_id, person_id)
    session.delete(row)
    _free(session, review_id, person_id)
    pilots.leave(session, review_id, person_id)
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
    audit.append(
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


def _free(session: WriteSession, review_id: int, person_id: int) -> None:
    session.execute(delete(Lease).where(Lease.review_id == review_id, Lease.person_id == person_id))


def invite(
    session: WriteSession,
    review_id: int,
    role: Role,
    *,
    by: int,
    valid: dt.timedelta,
    note: str | None = None,
) -> tuple[InvitationInfo, str]:
    """A new invitation and its secret, which is not kept.

    Raises:
        NotAllowed: whoever invites is no lead, or below the role.
    """
    own = require(session, review_id, by, "lead")
    if above(role, own):
        raise NotAllowed(f"As {own} you may not invite somebody as {role}.")
    secret = secrets.token_urlsafe(32)
    row = Invitation(
        review_id=review_id,
        role=role,
        secret_hash=hash_of(secret),
        note=note,
        invited_by=by,
        created_at=now(),
        expires_at=now() + valid,
    )
    session.add(row)
    session.flush()
    audit.append(
        session,
        "invitation.made",
        review_id=review_id,
        person_id=by,
        detail={"invitation": row.id, "role": role, "note": note},
    )
    return _found(session, Invitation.id == row.id)[0], secret


def invitations(session: ReadSession, review_id: int) -> list[InvitationInfo]:
    """Invitations that can still be redeemed, oldest first."""
    return [each for each in _found(session, Invitation.review_id == review_id) if each.valid]


def invitation(session: ReadSession, secret: str) -> InvitationInfo:
    """What an invitation offers, without using it.

    Raises:
        NotFound: it is unknown, used, withdrawn or expired; which of these is not told.
    """
    found = _found(session, Invitation.secret_hash == hash_of(secret))
    if not found or not found[0].valid:
        raise NotFound("this invitation is not valid any more; ask for a new one")
    return found[0]


def withdraw(session: WriteSession, review_id: int, invitation_id: int, *, by: int) -> None:
    """Make an invitation useless.

    Raises:
        NotFound: the review has no such invitation.
    """
    row = session.get(Invitation, invitation_id)
    if row is None or row.review_id != review_id:
        raise NotFound(f"there is no invitation {invitation_id} in this review")
    if row.used_at is None and row.withdrawn_at is None:
        row.withdrawn_at = now()
        audit.append(
            session,
            "invitation.withdrawn",
            review_id=review_id,
            person_id=by,
            detail={"invitation": invitation_id},
        )


def redeem(session: WriteSession, secret: str, person: PersonInfo) -> InvitationInfo:
    """Use an invitation up. A higher role that the person has already stays theirs.

    Raises:
        NotFound: see ``invitation``.
    """
    info = invitation(session, secret)
    # Of two who redeem it at the same moment, the update lets one through.
    review_id = session.scalar(
        update(Invitation)
        .where(Invitation.id == info.id, Invitation.used_at.is_(None))
        .values(used_at=now(), used_by=person.id)
        .returning(Invitation.review_id)
    )
    if review_id is None:
        raise NotFound("this invitation is not valid any more; ask for a new one")
    own = role_of(session, review_id, person.id)
    if own is None or above(info.role, own):
        add(session, review_id, person.id, info.role, by=None)
    audit.append(
        session,
        "invitation.used",
        review_id=review_id,
        person_id=person.id,
        detail={"invitation": info.id},
    )
    return info


def _found(session: ReadSession, condition: ColumnElement[bool]) -> list[InvitationInfo]:
    rows = session.execute(
        select(Invitation, Review.slug, Review.title, Identity.name, Membership.role)
        .join(Review, Review.id == Invitation.review_id)
        .outerjoin(Identity, Identity.person_id == Invitation.invited_by)
        .outerjoin(
            Membership,
            (Membership.review_id == Invitation.review_id)
            & (Membership.person_id == Invitation.invited_by),
        )
        .where(condition)
        .order_by(Invitation.id)
    )
    return [
        InvitationInfo(
            row.id,
            slug,
            title,
            as_role(row.role),
            row.note,
            name,
            row.created_at,
            row.expires_at,
            _valid(row, inviter),
        )
        for row, slug, title, name, inviter in rows
    ]


def _valid(row: Invitation, inviter: str | None) -> bool:
    """Whoever invited must still be a lead, and not below the role, when it is redeemed."""
    open_still = row.used_at is None and row.withdrawn_at is None and row.expires_at > now()
    if not open_still or inviter is None:
        return False
    own = as_role(inviter)
    return may(own, "lead") and not above(as_role(row.role), own)
