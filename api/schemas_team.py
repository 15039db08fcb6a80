"""JSON of a review's people and invitations."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from pydantic import StringConstraints

from api.schemas import In, Out
from store.roles import Role

Secret = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class MemberOut(Out):
    """A person of a review."""

    id: int
    name: str
    role: Role
    since: dt.datetime


class RoleIn(In):
    """The role that a person is to have."""

    role: Role


class InvitationIn(In):
    """A new invitation: the role that it gives, and whom it is for."""

    role: Role = "reviewer"
    note: Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]*$")] | None = None


class InvitationOut(Out):
    """An invitation that can be redeemed; its secret and link are told once, when it is made."""

    id: int
    role: Role
    note: str | None
    invited_by: str | None
    created_at: dt.datetime
    expires_at: dt.datetime
    secret: str | None = None
    link: str | None = None


class RedeemIn(In):
    """The secret of an invitation."""

    secret: Secret


class JoinedOut(Out):
    """The review that an invitation let you into, and your role in it."""

    slug: str
    title: str
    role: Role
