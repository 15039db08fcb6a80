"""Scheduled searches, admissions from the pool, completed versions, and record events."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from store.core.tables.base import Base, now

EVENT_KINDS = (
    *("changed", "vanished", "returned", "published"),
    *("retracted", "republished", "corrected", "concern"),
)
ACTS = ("kept", "excluded", "sensitivity")


class Night(Base):
    """A scheduled search of a review's sources. The worker that adds its row is the one to run it.

    ``problems`` says for each source why it was not searched. ``missed`` counts due times that
    passed while no worker was running. ``told_at`` is when the summary was sent; ``untold`` lists
    why it was not.
    """

    __tablename__ = "night"
    __table_args__ = (UniqueConstraint("review_id", "due_at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"))
    due_at: Mapped[dt.datetime]
    missed: Mapped[int] = mapped_column(Integer, default=0)
    problems: Mapped[dict[str, Any]] = mapped_column(default=dict)
    begun_at: Mapped[dt.datetime | None]
    started_at: Mapped[dt.datetime] = mapped_column(default=now)
    ended_at: Mapped[dt.datetime | None]
    told_at: Mapped[dt.datetime | None]
    untold: Mapped[list[Any]] = mapped_column(default=list)


class Completion(Base):
    """A version of a review that a lead has completed, with its counts at that time."""

    __tablename__ = "completion"
    __table_args__ = (UniqueConstraint("review_id", "number"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"))
    number: Mapped[int] = mapped_column(Integer)
    protocol_version: Mapped[int] = mapped_column(Integer)
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    # One record of each included report: records may be grouped into other reports later.
    included: Mapped[list[Any]] = mapped_column(default=list)
    studies: Mapped[int] = mapped_column(Integer, default=0)
    unread_reason: Mapped[str | None]
    note: Mapped[str | None]
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    completed_at: Mapped[dt.datetime] = mapped_column(default=now)


class Admission(Base):
    """Records released from the pool together: a top-up of an unfinished version, or an update."""

    __tablename__ = "admission"
    __table_args__ = (
        CheckConstraint("kind IN ('top-up', 'update')", name="kind"),
        UniqueConstraint("review_id", "kind", "number"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"))
    kind: Mapped[str] = mapped_column(String(10))
    number: Mapped[int] = mapped_column(Integer)
    up_to: Mapped[str] = mapped_column(String(10))
    rule: Mapped[str | None]
    records: Mapped[int] = mapped_column(Integer, default=0)
    reports: Mapped[int] = mapped_column(Integer, default=0)
    read_in_full: Mapped[bool] = mapped_column(default=True)
    completion_id: Mapped[int | None] = mapped_column(ForeignKey("completion.id"))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    admitted_at: Mapped[dt.datetime] = mapped_column(default=now)


class Event(Base):
    """Something that a source reported about a record. No source can undo it.

    ``key`` distinguishes two events of one kind on one record: the notice, or the new text. A
    person may mark the event as mistaken, with evidence; the row stays.
    """

    __tablename__ = "event"
    __table_args__ = (
        UniqueConstraint("record_id", "kind", "key"),
        Index("ix_event_review_at", "review_id", "at"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"))
    record_id: Mapped[int] = mapped_column(ForeignKey("record.id"))
    kind: Mapped[str] = mapped_column(String(20))
    key: Mapped[str] = mapped_column(String(200))
    source: Mapped[str] = mapped_column(String(200))
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("batch.id"))
    run_id: Mapped[int | None] = mapped_column(ForeignKey("run.id"), index=True)
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
    at: Mapped[dt.datetime] = mapped_column(default=now)
    mistaken_at: Mapped[dt.datetime | None]
    mistaken_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    evidence: Mapped[str | None]


class EventAct(Base):
    """What a person did about an event. Rows are only added; the newest one counts."""

    __tablename__ = "event_act"
    __table_args__ = (
        CheckConstraint("act IN ('kept', 'excluded', 'sensitivity')", name="act"),
        Index("ix_event_act_event_id", "event_id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    event_id: Mapped[int] = mapped_column(ForeignKey("event.id"))
    act: Mapped[str] = mapped_column(String(20))
    note: Mapped[str]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    at: Mapped[dt.datetime] = mapped_column(default=now)
