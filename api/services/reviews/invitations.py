"""Inviting people into a review, and accepting an invitation."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from api.security import check_password, hash_password
from api.services.reviews.names import check_person_name
from api.settings import Settings
from store.core import audit
from store.core.session import Store
from store.reviews import invitations as stored_invitations
from store.reviews import people
from store.reviews.invitations import InvitationInfo, NewInvitation
from store.reviews.people import PersonInfo
from store.rules.roles import Role


@dataclass(frozen=True, slots=True)
class InvitationRequest:
    """The invitation that a lead asks for.

    Attributes:
        note: who it is for; None if the lead did not say.
    """

    role: Role
    note: str | None = None


@dataclass(frozen=True, slots=True)
class CreatedInvitation:
    """A new invitation, with its secret, which is not stored."""

    info: InvitationInfo
    secret: str

    def link(self, address: str) -> str:
        """Where the invitation is accepted, on a server with this address."""
        return f"{address.rstrip('/')}/invitation?link={self.secret}"


def invite_person(
    store: Store, settings: Settings, review_id: int, request: InvitationRequest, *, by: int
) -> CreatedInvitation:
    """Create an invitation that can be used once.

    Raises:
        NotAllowed: ``by`` does not lead the review, or the role is above theirs.
    """
    valid = dt.timedelta(hours=settings.invitation_hours)
    new = NewInvitation(request.role, valid, request.note)
    with store.write() as session:
        info, secret = stored_invitations.create_invitation(session, review_id, new, by=by)
    return CreatedInvitation(info, secret)


def withdraw_invitation(store: Store, review_id: int, invitation_id: int, *, by: int) -> None:
    """Withdraw an invitation, so that nobody can use it.

    Raises:
        NotFound: the review has no such invitation.
    """
    with store.write() as session:
        stored_invitations.withdraw_invitation(session, review_id, invitation_id, by=by)


def accept_invitation(store: Store, secret: str, person: PersonInfo) -> InvitationInfo:
    """Let a person into the review; if they have a higher role there, they keep it.

    Raises:
        NotFound: the invitation is not valid any more.
    """
    with store.write() as session:
        return stored_invitations.redeem_invitation(session, secret, person)


def join_as_new_person(
    store: Store, secret: str, *, name: str, password: str
) -> tuple[PersonInfo, InvitationInfo]:
    """Create a person and let them into the review, both or neither.

    Raises:
        ValueError: the name is empty or too long, or the password is too easy to guess.
        AlreadyUsed: the name is taken.
        NotFound: the invitation is not valid any more.
    """
    name = check_person_name(name)
    check_password(password)
    with store.read() as session:
        # Before the password is hashed, which is slow on purpose: strangers get no such work.
        stored_invitations.get_invitation(session, secret)
    hashed = hash_password(password)
    with store.write() as session:
        stored_invitations.lock_invitation(session, secret)
        # First, so that people without an invitation cannot find out which names are taken.
        stored_invitations.get_invitation(session, secret)
        person = people.create_person(session, name)
        people.set_password_hash(session, person.id, hashed)
        audit.append_event(
            session, "person.added", person_id=person.id, detail={"person": person.id}
        )
        return person, stored_invitations.redeem_invitation(session, secret, person)
