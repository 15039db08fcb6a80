"""Inviting people into a review, and taking an invitation up."""

from __future__ import annotations

import datetime as dt

from api.security import check_password, hash_password
from api.settings import Settings
from store import audit, members, people
from store.members import InvitationInfo
from store.people import PersonInfo
from store.roles import Role
from store.session import Store, WriteSession


def invite(
    session: WriteSession,
    settings: Settings,
    review_id: int,
    role: Role,
    *,
    by: int,
    note: str | None = None,
) -> tuple[InvitationInfo, str]:
    """A new invitation, and its secret.

    Raises:
        NotAllowed: whoever invites is no lead, or below the role.
    """
    valid = dt.timedelta(hours=settings.invitation_hours)
    return members.invite(session, review_id, role, by=by, valid=valid, note=note)


def link(address: str, secret: str) -> str:
    """Where an invitation is taken up.

    Args:
        address: of the server, as people reach it.
        secret: of the invitation.
    """
    return f"{address.rstrip('/')}/invitation?link={secret}"


def join_as_newcomer(
    store: Store, secret: str, *, name: str, password: str
) -> tuple[PersonInfo, InvitationInfo]:
    """Make a person of whoever holds an invitation, and take it up; both or neither.

    Raises:
        ValueError: the name or the password will not do.
        AlreadyUsed: the name is taken.
        NotFound: the invitation is not valid any more.
    """
    name = name.replace("\x00", "").strip()
    if not 1 <= len(name) <= 200:
        raise ValueError("a name has 1 to 200 characters")
    check_password(password)
    hashed = hash_password(password)
    with store.write() as session:
        # Whoever has no invitation is not told which names there are.
        members.invitation(session, secret)
        person = people.create(session, name)
        people.set_password_hash(session, person.id, hashed)
        audit.append(session, "person.added", person_id=person.id, detail={"person": person.id})
        return person, members.redeem(session, secret, person)
