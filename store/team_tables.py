"""Tables of a review's people: who has which role, and who is invited."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Integer, String, UniqueConstraint
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


class PilotRow(Base):
    """A pilot round: some records that everybody decides before the rest is screened."""

    __tablename__ = "pilot"
    __table_args__ = (UniqueConstraint("review_id", "stage", "number"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"))
    stage: Mapped[str] = mapped_column(String(20))
    number: Mapped[int] = mapped_column(Integer)
    seed: Mapped[int] = mapped_column(Integer)
    opened_by: Mapped[int] = mapped_column(ForeignKey("person.id"))
    opened_at: Mapped[dt.datetime] = mapped_column(default=now)
    closed_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    closed_at: Mapped[dt.datetime | None]
    note: Mapped[str | None]


class PilotReport(Base):
    """A report that was drawn for a pilot round."""

    __tablename__ = "pilot_report"
    pilot_id: Mapped[int] = mapped_column(ForeignKey("pilot.id"), primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("report.id"), primary_key=True, index=True)


class PilotPerson(Base):
    """A person who takes part in a pilot round; who has left the review has no row any more."""

    __tablename__ = "pilot_person"
    pilot_id: Mapped[int] = mapped_column(ForeignKey("pilot.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)


class Recheck(Base):
    """A list of excluded reports that somebody looks at again; its length is fixed beforehand."""

    __tablename__ = "recheck"
    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"), index=True)
    stage: Mapped[str] = mapped_column(String(20))
    likely: Mapped[int] = mapped_column(Integer)
    random: Mapped[int] = mapped_column(Integer)
    seed: Mapped[int] = mapped_column(Integer)
    asked_by: Mapped[int] = mapped_column(ForeignKey("person.id"))
    asked_at: Mapped[dt.datetime] = mapped_column(default=now)
    made_at: Mapped[dt.datetime | None]


class RecheckItem(Base):
    """A report of such a list: drawn as a likely miss, or at random beside those."""

    __tablename__ = "recheck_item"
    recheck_id: Mapped[int] = mapped_column(ForeignKey("recheck.id"), primary_key=True)
    place: Mapped[int] = mapped_column(Integer, primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("report.id"), index=True)
    likely: Mapped[bool]
    decision_id: Mapped[int | None] = mapped_column(ForeignKey("decision.id"))


class Rescreen(Base):
    """That some reports are screened again, since the criteria have changed."""

    __tablename__ = "rescreen"
    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"), index=True)
    stage: Mapped[str] = mapped_column(String(20))
    # The protocol that they are screened again under was this one then, or one that followed.
    protocol_version: Mapped[int] = mapped_column(Integer)
    reason: Mapped[str]
    # How the reports were picked, for whoever reads it later.
    picked: Mapped[dict[str, Any]]
    reports: Mapped[int] = mapped_column(Integer)
    asked_by: Mapped[int] = mapped_column(ForeignKey("person.id"))
    asked_at: Mapped[dt.datetime] = mapped_column(default=now)
    withdrawn_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    withdrawn_at: Mapped[dt.datetime | None]


class Outdated(Base):
    """A decision that does not stand while its report is screened again.

    It is the decision that is named, not the report: wherever its record goes, it goes with it.
    """

    __tablename__ = "outdated"
    decision_id: Mapped[int] = mapped_column(ForeignKey("decision.id"), primary_key=True)
    rescreen_id: Mapped[int] = mapped_column(
        ForeignKey("rescreen.id"), primary_key=True, index=True
    )
