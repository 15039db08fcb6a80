"""Reviews with their protocols, the audit trail, and the progress of long operations."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from store.core.tables.base import Base, now


class Review(Base):
    """A review. ``revision`` counts the changes that call for a new ranking.

    ``rule_changes`` counts what changes who may be given which card, and ``state_changes`` what
    changes the states of reports; see ``store.reviews.changes``.
    """

    __tablename__ = "review"
    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(80), unique=True)
    title: Mapped[str]
    banner: Mapped[str | None]
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    revision: Mapped[int] = mapped_column(default=0)
    # How often active records have moved from one report to another, or an import has filled texts.
    regrouped: Mapped[int] = mapped_column(default=0)
    rule_changes: Mapped[int] = mapped_column(default=0, server_default="0")
    state_changes: Mapped[int] = mapped_column(default=0, server_default="0")
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


class Protocol(Base):
    """One version of a review's protocol. It never changes; a later version replaces it."""

    __tablename__ = "protocol"
    __table_args__ = (UniqueConstraint("review_id", "version"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"))
    version: Mapped[int] = mapped_column(Integer)
    body: Mapped[dict[str, Any]]
    reason: Mapped[str | None]
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


class Job(Base):
    """A long operation of the worker, with its progress.

    ``owner`` is the process that does it now; None while it waits in the queue. ``upload_id`` is
    the file that an import reads.
    """

    __tablename__ = "job"
    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"), index=True)
    kind: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(20))
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    message: Mapped[str | None]
    updated_at: Mapped[dt.datetime] = mapped_column(default=now)
    owner: Mapped[str | None] = mapped_column(String(40))
    heartbeat_at: Mapped[dt.datetime | None]
    # Not a foreign key: the file is deleted when it has been imported.
    upload_id: Mapped[int | None]


class ModelAnswer(Base):
    """An answer that the worker's model prepared for a page, such as an explanation."""

    __tablename__ = "model_answer"
    __table_args__ = (UniqueConstraint("review_id", "kind", "subject"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"))
    kind: Mapped[str] = mapped_column(String(40))
    subject: Mapped[int] = mapped_column(default=0)
    body: Mapped[dict[str, Any]] = mapped_column(default=dict)
    made_at: Mapped[dt.datetime] = mapped_column(default=now)


class ComputedResult(Base):
    """Figures of a review that take long to work out, as they were at ``computed_at``.

    ``basis`` says what they were worked out from, and ``decisions`` from how many decisions.
    ``body`` is JSON; None if working them out failed, and then ``problem`` says why.
    """

    __tablename__ = "computed_result"
    __table_args__ = (Index("ix_computed_result_kind", "review_id", "kind", "id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"))
    kind: Mapped[str] = mapped_column(String(40))
    basis: Mapped[str] = mapped_column(String(200))
    decisions: Mapped[int]
    computed_at: Mapped[dt.datetime] = mapped_column(default=now)
    seconds: Mapped[float]
    body: Mapped[str | None]
    problem: Mapped[str | None]


class AuditEvent(Base):
    """Who changed what, and when. Each row has the hash of the row before it."""

    __tablename__ = "audit_event"
    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int | None] = mapped_column(ForeignKey("review.id"), index=True)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    at: Mapped[dt.datetime] = mapped_column(default=now)
    action: Mapped[str] = mapped_column(String(80))
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64), unique=True)


class AuditHead(Base):
    """The last hash of the audit trail. A writer locks this row before adding an event."""

    __tablename__ = "audit_head"
    id: Mapped[int] = mapped_column(primary_key=True)
    hash: Mapped[str] = mapped_column(String(64))
