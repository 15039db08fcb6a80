"""The people of a review with their roles, and invitations to join it."""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, func, select, update

from store.core import audit
from store.core.errors import Conflict, NotAllowed, NotFound
from store.core.session import ReadSession, WriteSession
from store.core.tables import Identity, Invitation, Lease, Membership, Review, now
from store.reviews import changes, reviews
from store.reviews.people import PersonInfo, hash_secret
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


@dataclass(frozen=True, slots=True)
class NewInvitation:
    """An invitation to be made.

    Attributes:
        role: the role that it gives.
        valid: how long it can be used.
        note: who it is for, in the words of the person who makes it.
    """

    role: Role
    valid: dt.timedelta
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationInfo:
    """An invitation without its secret.

    Attributes:
        note: who it is for, in the words of the person who made it.
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
    _set_role(session, review_id, person_id, role)
    audit.append_event(
        session,
        "person.role",
        review_id=review_id,
        person_id=by,
        detail={"person": person_id, "role": role, "before": before},
    )


def _set_role(session: WriteSession, review_id: int, person_id: int, role: Role) -> None:
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


def create_invitation(
    session: WriteSession, review_id: int, new: NewInvitation, *, by: int
) -> tuple[InvitationInfo, str]:
    """Create an invitation, and return it with its secret, which is not stored.

    Raises:
        NotAllowed: ``by`` does not lead the review, or the role is above theirs.
    """
    reviews.lock_review(session, review_id)
    own = require_role(session, review_id, by, "lead")
    if is_higher(new.role, own):
        raise NotAllowed("You cannot invite somebody as an owner; ask an owner.")
    secret = secrets.token_urlsafe(32)
    row = Invitation(
        review_id=review_id,
        role=new.role,
        secret_hash=hash_secret(secret),
        note=new.note,
        invited_by=by,
        created_at=now(),
        expires_at=now() + new.valid,
    )
    session.add(row)
    session.flush()
    audit.append_event(
        session,
        "invitation.made",
        review_id=review_id,
        person_id=by,
        detail={"invitation": row.id, "role": new.role, "note": new.note},
    )
    return _list_invitations(session, Invitation.id == row.id)[0], secret


def list_invitations(session: ReadSession, review_id: int) -> list[InvitationInfo]:
    """Invitations that can still be redeemed, oldest first."""
    invitations = _list_invitations(session, Invitation.review_id == review_id)
    return [invitation for invitation in invitations if invitation.valid]


def get_invitation(session: ReadSession, secret: str) -> InvitationInfo:
    """Look at an invitation without using it.

    Raises:
        NotFound: it is unknown, used, withdrawn or expired; the message does not say which.
    """
    invitations = _list_invitations(session, Invitation.secret_hash == hash_secret(secret))
    if not invitations or not invitations[0].valid:
        raise NotFound("this invitation is no longer valid; ask for a new one")
    return invitations[0]


def withdraw_invitation(
    session: WriteSession, review_id: int, invitation_id: int, *, by: int
) -> None:
    """Withdraw an invitation; a used one stays as it is.

    Raises:
        NotFound: the review has no such invitation.
    """
    reviews.lock_review(session, review_id)
    row = session.get(Invitation, invitation_id)
    if row is None or row.review_id != review_id:
        raise NotFound(f"there is no invitation {invitation_id} in this review")
    if row.used_at is None and row.withdrawn_at is None:
        row.withdrawn_at = now()
        audit.append_event(
            session,
            "invitation.withdrawn",
            review_id=review_id,
            person_id=by,
            detail={"invitation": invitation_id},
        )


def lock_invitation(session: WriteSession, secret: str) -> None:
    """Lock the review that an invitation is for, before the invitation is read to be redeemed."""
    query = select(Invitation.review_id).where(Invitation.secret_hash == hash_secret(secret))
    review_id = session.scalar(query)
    if review_id is not None:
        reviews.lock_review(session, review_id)


def redeem_invitation(session: WriteSession, secret: str, person: PersonInfo) -> InvitationInfo:
    """Use up an invitation. A person who already has a higher role keeps it.

    Raises:
        NotFound: see ``get_invitation``.
    """
    lock_invitation(session, secret)
    info = get_invitation(session, secret)
    # If two people redeem it at the same moment, only one of the updates finds it unused.
    review_id = session.scalar(
        update(Invitation)
        .where(Invitation.id == info.id, Invitation.used_at.is_(None))
        .values(used_at=now(), used_by=person.id)
        .returning(Invitation.review_id)
    )
    if review_id is None:
        raise NotFound("this invitation is no longer valid; ask for a new one")
    reviews.lock_review(session, review_id)
    own = get_role(session, review_id, person.id)
    if own is None or is_higher(info.role, own):
        _set_role(session, review_id, person.id, info.role)
        own = info.role
    invited_by = session.scalar(select(Invitation.invited_by).where(Invitation.id == info.id))
    audit.append_event(
        session,
        "invitation.used",
        review_id=review_id,
        person_id=person.id,
        detail={"invitation": info.id, "role": own, "invited_by": invited_by},
    )
    return info


def _list_invitations(session: ReadSession, condition: ColumnElement[bool]) -> list[InvitationInfo]:
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
            id=row.id,
            slug=slug,
            title=title,
            role=parse_role(row.role),
            note=row.note,
            invited_by=name,
            created_at=row.created_at,
            expires_at=row.expires_at,
            valid=_is_valid(row, inviter_role),
        )
        for row, slug, title, name, inviter_role in rows
    ]


def _is_valid(row: Invitation, inviter_role: str | None) -> bool:
    """Whether an invitation can be redeemed: its author must still be allowed to give its role."""
    unused = row.used_at is None and row.withdrawn_at is None and row.expires_at > now()
    if not unused or inviter_role is None:
        return False
    own = parse_role(inviter_role)
    return role_allows(own, "lead") and not is_higher(parse_role(row.role), own)
