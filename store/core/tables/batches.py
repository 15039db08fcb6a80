"""Imported files and harvested pages, with what became of each entry."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from store.core.tables.base import Base, now


class Batch(Base):
    """An imported file, or one page of a harvest.

    The records of a ``held`` or ``pooled`` batch are stored but do not enter the queue yet.
    ``searched_on`` is the day of its search, YYYY-MM-DD; None if it is not stated. ``admission_id``
    is the admission that released it from the pool; None if it was never pooled.
    """

    __tablename__ = "batch"
    __table_args__ = (
        Index("ix_batch_review_sha256", "review_id", "sha256"),
        Index("ix_batch_run_number", "run_id", "number", unique=True),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"))
    search_id: Mapped[int] = mapped_column(ForeignKey("search.id"), index=True)
    name: Mapped[str]
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]
    format: Mapped[str] = mapped_column(String(40))
    columns: Mapped[dict[str, Any]] = mapped_column(default=dict)
    notices: Mapped[list[Any]] = mapped_column(default=list)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    withdrawn_at: Mapped[dt.datetime | None]
    withdrawn_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    withdrawn_reason: Mapped[str | None]
    run_id: Mapped[int | None] = mapped_column(ForeignKey("run.id"))
    number: Mapped[int | None] = mapped_column(Integer)
    problem: Mapped[str | None]
    held: Mapped[bool] = mapped_column(default=False)
    searched_on: Mapped[str | None] = mapped_column(String(10))
    pooled: Mapped[bool] = mapped_column(default=False)
    admission_id: Mapped[int | None] = mapped_column(ForeignKey("admission.id"), index=True)
    # The import that brought it, which hides it until it has ended; None for a page.
    intake_id: Mapped[int | None] = mapped_column(ForeignKey("intake.id"))
    # Its entries by fate, and those rejected; triggers keep them, see docs/decisions/0014.
    n_new: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    n_changed: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    n_same: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    n_filtered: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    n_rejected: Mapped[int] = mapped_column(default=0, server_default=text("0"))


class BatchRaw(Base):
    """The raw bytes of a batch, in compressed pieces."""

    __tablename__ = "batch_raw"
    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"), primary_key=True)
    piece: Mapped[int] = mapped_column(Integer, primary_key=True)
    data: Mapped[bytes]


class BatchEntry(Base):
    """What became of one entry of a batch that is a record."""

    __tablename__ = "batch_entry"
    __table_args__ = (
        CheckConstraint("fate IN ('new', 'changed', 'same', 'filtered')", name="fate"),
        Index("ix_batch_entry_record_id", "record_id"),
    )
    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"), primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True)
    record_id: Mapped[int] = mapped_column(ForeignKey("record.id"))
    fate: Mapped[str] = mapped_column(String(10))


class BatchRejected(Base):
    """An entry of a batch that could not be read as a record, with the reason."""

    __tablename__ = "batch_rejected"
    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"), primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True)
    line: Mapped[int | None] = mapped_column(Integer)
    reason: Mapped[str]
    excerpt: Mapped[str]


class FlowCount(Base):
    """What became of a review's entries, as counted at a number of changes; see ``flow_counts``.

    It is right while the review's stored count of the kind "changes" is the same.
    """

    __tablename__ = "flow_count"
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"), primary_key=True)
    changes: Mapped[int]
    body: Mapped[dict[str, Any]] = mapped_column(default=dict)


class FlowReport(Base):
    """A report that came in with an admission from the pool, or whose run has not let it in yet."""

    __tablename__ = "flow_report"
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"), primary_key=True)
    report_id: Mapped[int] = mapped_column(primary_key=True)
    admission_id: Mapped[int]
    held: Mapped[bool]


class Upload(Base):
    """An uploaded file that nobody has confirmed yet; it is deleted once it is imported."""

    __tablename__ = "upload"
    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    name: Mapped[str]
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]
    request: Mapped[dict[str, Any]] = mapped_column(default=dict)
    taken_up: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


class UploadRaw(Base):
    """The bytes of an upload, in compressed pieces."""

    __tablename__ = "upload_raw"
    upload_id: Mapped[int] = mapped_column(
        ForeignKey("upload.id", ondelete="CASCADE"), primary_key=True
    )
    piece: Mapped[int] = mapped_column(Integer, primary_key=True)
    data: Mapped[bytes]
