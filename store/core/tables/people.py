"""People, how they sign in, and who may do what in which review."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, true
from sqlalchemy.orm import Mapped, mapped_column

from store.core.tables.base import Base, now

_ROLES = "role IN ('owner', 'manager', 'adjudicator', 'reviewer', 'viewer')"


class Person(Base):
    """A pseudonymous id for a person, which remains when their name is erased."""

    __tablename__ = "person"
    id: Mapped[int] = mapped_column(primary_key=True)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


class Identity(Base):
    """A person's name and password hash, which can be erased without touching decisions.

    ``name_key`` is the form in which no two names agree. ``former_name`` is the name before an
    upgrade gave this person a number, because another had the same name in other letters.
    """

    __tablename__ = "identity"
    __table_args__ = (Index("ux_identity_name_key", "name_key", unique=True),)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    name_key: Mapped[str] = mapped_column(String(400), server_default="")
    former_name: Mapped[str | None] = mapped_column(String(200))
    password_hash: Mapped[str | None]


class LoginLink(Base):
    """A single-use login link, stored as the hash of its secret."""

    __tablename__ = "login_link"
    secret_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    expires_at: Mapped[dt.datetime]
    used_at: Mapped[dt.datetime | None]


class WebSession(Base):
    """A browser that is signed in, stored as the hash of its cookie."""

    __tablename__ = "web_session"
    secret_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    expires_at: Mapped[dt.datetime]


class KnownBrowser(Base):
    """A browser in which a person has signed in before, stored as the hash of its cookie."""

    __tablename__ = "known_browser"
    secret_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    expires_at: Mapped[dt.datetime]


class LoginAttempt(Base):
    """Attempts to sign in of one name from one address, of one address, or of one browser."""

    __tablename__ = "login_attempt"
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    attempts: Mapped[int]
    blocked_until: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime]


class ApiToken(Base):
    """A bearer token, stored as its hash."""

    __tablename__ = "api_token"
    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    revoked_at: Mapped[dt.datetime | None]


class Membership(Base):
    """A person's role in a review. The row goes when they are removed; the audit trail stays.

    ``screens`` is False for somebody who could screen by their role and does not, such as a lead.
    """

    __tablename__ = "membership"
    __table_args__ = (CheckConstraint(_ROLES, name="role"),)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True, index=True)
    role: Mapped[str] = mapped_column(String(20))
    screens: Mapped[bool] = mapped_column(default=True, server_default=true())
    since: Mapped[dt.datetime] = mapped_column(default=now)


class Invitation(Base):
    """A single-use link for joining a review, stored as the hash of its secret."""

    __tablename__ = "invitation"
    __table_args__ = (CheckConstraint(_ROLES, name="role"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"), index=True)
    role: Mapped[str] = mapped_column(String(20))
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    # Who it is for, in the words of the person who made it; it is never checked.
    note: Mapped[str | None]
    invited_by: Mapped[int] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    expires_at: Mapped[dt.datetime]
    used_at: Mapped[dt.datetime | None]
    used_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    withdrawn_at: Mapped[dt.datetime | None]
