"""Tables of a review's people: who has which role, and who is invited."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from store.tables import Base, now

_ROLES = "role IN ('owner', 'manager', 'adjudicator', 'reviewer', 'viewer')"


class Membership(Base):
    """That a person is of a review, in a role. Who was removed has no row; the audit trail has."""

    __tablename__ = "membership"
    __table_args__ = (CheckConstraint(_ROLES, name="role"),)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True, index=True)
    role: Mapped[str] = mapped_column(String(20))
    since: Mapped[dt.datetime] = mapped_column(default=now)


class Invitation(Base):
    """A link into a review, good for one use, kept as the hash of its secret."""

    __tablename__ = "invitation"
    __table_args__ = (CheckConstraint(_ROLES, name="role"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"), index=True)
    role: Mapped[str] = mapped_column(String(20))
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    # Whom it is for, in the words of whoever made it; nothing is checked against it.
    note: Mapped[str | None]
    invited_by: Mapped[int] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    expires_at: Mapped[dt.datetime]
    used_at: Mapped[dt.datetime | None]
    used_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    withdrawn_at: Mapped[dt.datetime | None]
