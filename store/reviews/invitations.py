"""Invitations: a link that lets one person join a review with a role."""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select, update

from store.core import audit
from store.core.errors import NotAllowed, NotFound
from store.core.session import ReadSession, WriteSession
from store.core.tables import Identity, Invitation, Membership, Review, now
from store.reviews import reviews
from store.reviews.members import get_role, require_role, set_role
from store.reviews.people import PersonInfo, hash_secret
from store.rules.roles import Role, is_higher, parse_role, role_allows


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
    before = get_role(session, review_id, person.id)
    own = before if before and not is_higher(info.role, before) else info.role
    if own != before:
        set_role(session, review_id, person.id, own)
    invited_by = session.scalar(select(Invitation.invited_by).where(Invitation.id == info.id))
    audit.append_event(
        session,
        "invitation.used",
        review_id=review_id,
        person_id=person.id,
        detail={
            "invitation": info.id,
            "role": own,
            "before": before,
            "invited_by": invited_by,
        },
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
