"""JSON of a review's people, invitations and assignments."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import Field

from api.schemas.base import In, Out
from api.types import Id, Text
from store.rules.roles import Role


class RoleIn(In):
    """A person's role, and whether they screen; None leaves that as it is."""

    role: Role
    screens: bool | None = None


class MappedIn(In):
    """The member that a person named in an imported file is; None for nobody."""

    member: Id | None


class InvitationIn(In):
    """A new invitation: the role that it gives, and who it is for."""

    role: Role = "reviewer"
    note: Annotated[Text, Field(max_length=200)] | None = None


class InvitationOut(Out):
    """An invitation that can be used; its secret and link are shown once, when it is made."""

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

    secret: Annotated[Text, Field(min_length=1, max_length=200)]


class JoinedOut(Out):
    """The review that an invitation let you into, and your role in it."""

    slug: str
    title: str
    role: Role


class AssignmentIn(In):
    """Who decides which records: a ``share`` of all, those a lead gave a ``tag``, or ``records``.

    ``people`` gives a weight for each person id; only a share uses the weights. ``reports`` are
    the single records.
    """

    kind: Literal["share", "tag", "records"]
    people: Annotated[dict[Id, Annotated[int, Field(ge=1, le=1000)]], Field(max_length=200)]
    tag: Annotated[Text, Field(max_length=60)] | None = None
    reports: Annotated[tuple[Id, ...], Field(max_length=50_000)] = ()


class HandOverIn(In):
    """A card that you would rather not decide, and who gets it; null for the next in line."""

    report: Id
    to: Id | None = None
