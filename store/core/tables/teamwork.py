"""Marks on records, assignments, bulk actions, and the discussion of criteria."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from store.core.tables.base import Base, now


class Bulk(Base):
    """One action on every record of a filtered list, which can be undone as a whole."""

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
    # How the list was filtered, for later readers.
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
    __table_args__ = (Index("ix_bulk_decision_decision", "decision_id"),)
    bulk_id: Mapped[int] = mapped_column(ForeignKey("bulk.id"), primary_key=True)
    decision_id: Mapped[int] = mapped_column(ForeignKey("decision.id"), primary_key=True)


class Mark(Base):
    """A tag, note or star that somebody put on a record; it moves with the record.

    ``lead`` says whether that person was a lead at the time: assignments use only leads' tags.
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
    """Who decides which records: a share of all, those with a tag, or single records."""

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
    """A person in an assignment; ``weight`` sets how much of a *share* is theirs."""

    __tablename__ = "assignment_person"
    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignment.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    weight: Mapped[int] = mapped_column(Integer)


class AssignmentReport(Base):
    """A report that was assigned individually."""

    __tablename__ = "assignment_report"
    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignment.id"), primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("report.id"), primary_key=True, index=True)


class HandedOver(Base):
    """A report that a person would rather not decide, and the colleague they handed it to, if any.

    It has no time and is not in the audit trail: handing a card over is private, and no fault.
    """

    __tablename__ = "handed_over"
    report_id: Mapped[int] = mapped_column(ForeignKey("report.id"), primary_key=True)
    stage: Mapped[str] = mapped_column(String(20), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"), index=True)
    to_person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))


class CriteriaNote(Base):
    """A note to the team about the criteria, with the record that prompted it, if any."""

    __tablename__ = "criteria_note"
    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    text: Mapped[str]
    protocol_version: Mapped[int] = mapped_column(Integer)
    record_id: Mapped[int | None] = mapped_column(ForeignKey("record.id"))
    made_at: Mapped[dt.datetime] = mapped_column(default=now)


class ImportedPerson(Base):
    """A person whom a file names. They have no identity: they cannot sign in or join a review.

    ``mapped_to`` is the member who a lead says they are.
    """

    __tablename__ = "imported_person"
    __table_args__ = (UniqueConstraint("review_id", "name"),)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"))
    name: Mapped[str] = mapped_column(String(200))
    tool: Mapped[str | None] = mapped_column(String(40))
    mapped_to: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


class ImportedDecision(Base):
    """What a file says that somebody decided, at either stage.

    It is kept as the file has it, and never counts. Where people of the file agree on titles and
    abstracts, a ``decision`` of the kind *import* counts.
    """

    __tablename__ = "imported_decision"
    __table_args__ = (
        CheckConstraint("decision IN ('include', 'exclude', 'maybe')", name="decision"),
        Index("ix_imported_decision_record", "record_id", "stage"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"), index=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"))
    record_id: Mapped[int] = mapped_column(ForeignKey("record.id"))
    # None if the file names nobody.
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    stage: Mapped[str] = mapped_column(String(20))
    decision: Mapped[str] = mapped_column(String(10))
    # In the file's words.
    reasons: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    labels: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    note: Mapped[str | None]
    decided_at: Mapped[dt.datetime | None]
    recorded_at: Mapped[dt.datetime] = mapped_column(default=now)
