"""Tables of what people do together: marks on records, assignments, bulk actions."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from store.tables import Base, now


class Bulk(Base):
    """One action on every record of a filtered list, that is undone as one."""

    __tablename__ = "bulk"
    __table_args__ = (
        UniqueConstraint("review_id", "token"),
        CheckConstraint("action IN ('decide', 'tag')", name="action"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"))
    stage: Mapped[str] = mapped_column(String(20))
    action: Mapped[str] = mapped_column(String(10))
    # The decision, or the tag.
    value: Mapped[str]
    note: Mapped[str | None]
    reasons: Mapped[list[Any]]
    # How the list was filtered, for whoever reads it later.
    picked: Mapped[dict[str, Any]]
    reports: Mapped[int] = mapped_column(Integer)
    passed_over: Mapped[int] = mapped_column(Integer)
    token: Mapped[str] = mapped_column(String(100))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    made_at: Mapped[dt.datetime] = mapped_column(default=now)
    undone_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    undone_at: Mapped[dt.datetime | None]


class BulkDecision(Base):
    """A decision that a bulk action made."""

    __tablename__ = "bulk_decision"
    bulk_id: Mapped[int] = mapped_column(ForeignKey("bulk.id"), primary_key=True)
    decision_id: Mapped[int] = mapped_column(ForeignKey("decision.id"), primary_key=True)


class Mark(Base):
    """A tag, a note or a star that somebody put on a record, and goes with it.

    ``lead`` says whether whoever put it was a lead then: assignments go by the tags of leads alone.
    """

    __tablename__ = "mark"
    __table_args__ = (
        CheckConstraint("kind IN ('tag', 'note', 'star')", name="kind"),
        Index("ix_mark_review_kind", "review_id", "kind"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"))
    record_id: Mapped[int] = mapped_column(ForeignKey("record.id"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    kind: Mapped[str] = mapped_column(String(10))
    text: Mapped[str]
    lead: Mapped[bool]
    bulk_id: Mapped[int | None] = mapped_column(ForeignKey("bulk.id"))
    made_at: Mapped[dt.datetime] = mapped_column(default=now)
    removed_at: Mapped[dt.datetime | None]


class Assignment(Base):
    """Who decides which records: by share of all, by a tag, or some records by themselves."""

    __tablename__ = "assignment"
    __table_args__ = (CheckConstraint("kind IN ('share', 'tag', 'records')", name="kind"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"), index=True)
    stage: Mapped[str] = mapped_column(String(20))
    kind: Mapped[str] = mapped_column(String(10))
    tag: Mapped[str | None]
    made_by: Mapped[int] = mapped_column(ForeignKey("person.id"))
    made_at: Mapped[dt.datetime] = mapped_column(default=now)
    ended_at: Mapped[dt.datetime | None]


class AssignmentPerson(Base):
    """A person of an assignment; ``weight`` is their share of those of a *share*."""

    __tablename__ = "assignment_person"
    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignment.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    weight: Mapped[int] = mapped_column(Integer)


class AssignmentReport(Base):
    """A report that is assigned by itself."""

    __tablename__ = "assignment_report"
    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignment.id"), primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("report.id"), primary_key=True, index=True)


class HandedOver(Base):
    """That a person would rather not decide a report; to whom they handed its card, if to anybody.

    Without a time and in no audit trail: it is nobody's business and no mark against anyone.
    """

    __tablename__ = "handed_over"
    report_id: Mapped[int] = mapped_column(ForeignKey("report.id"), primary_key=True)
    stage: Mapped[str] = mapped_column(String(20), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"), index=True)
    to_person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))


class CriteriaNote(Base):
    """What somebody wrote to the team on the criteria, perhaps because of a record."""

    __tablename__ = "criteria_note"
    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    text: Mapped[str]
    protocol_version: Mapped[int] = mapped_column(Integer)
    record_id: Mapped[int | None] = mapped_column(ForeignKey("record.id"))
    made_at: Mapped[dt.datetime] = mapped_column(default=now)
