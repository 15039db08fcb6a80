"""Records, the reports that they form, pairs of records, and studies."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    String,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from store.core.tables.base import Base, Json, now
from store.core.tables.intakes import shown_property


class Report(Base):
    """Records judged to be one document: the unit that is screened.

    ``counted`` is False if no record of it counts, or if it is ``out_of_range``: outside the
    protocol's years and left out; see ``store.reports.limits``. It is ``active`` if it is counted
    and no import under way hides it; only that is for readers.
    """

    __tablename__ = "report"
    __table_args__ = (Index("ix_report_review_active", "review_id", "active", "intake_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"))
    counted: Mapped[bool] = mapped_column("active", default=True)
    intake_id: Mapped[int | None] = mapped_column(ForeignKey("intake.id"))
    active: Mapped[bool] = shown_property(counted, intake_id)
    out_of_range: Mapped[bool] = mapped_column(default=False, server_default=false())
    # Its counted records, and those of them with an abstract. The database keeps both.
    records: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    abstracts: Mapped[int] = mapped_column(default=0, server_default=text("0"))


class ReportCount(Base):
    """How many counted reports of a review there are; triggers keep it, see docs/decisions/0014.

    At a stage, ``kind`` is the outcome of ``report_state``. At the stage "all" it is what is summed
    over reports: ``records``, ``no-abstract`` or ``out-of-range``; or ``changes``, how often files,
    pages or the grouping have changed. ``intake_id`` is the import that
    hides the reports, or 0. The number is the sum over ``slot``: each connection of PostgreSQL
    writes a row of its own, so that none waits for another.
    """

    __tablename__ = "report_count"
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"), primary_key=True)
    stage: Mapped[str] = mapped_column(String(20), primary_key=True)
    kind: Mapped[str] = mapped_column(String(12), primary_key=True)
    intake_id: Mapped[int] = mapped_column(primary_key=True)
    slot: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int]


class ReportState(Base):
    """How far a report has come at a stage, derived from the decision log by the review's plan.

    Every report has a row at title and abstract from the moment it is stored, so that counts and
    the queue read this table alone. At another stage it has a row from the first decision there;
    without one nobody has decided it. ``store.reports.screening_state`` is all that writes it.

    ``outcome`` is the decision that counts (include, exclude or maybe) once the report is settled,
    and otherwise the state. ``review_id``, ``counted`` and ``intake_id`` are those of the report;
    ``first_person_id`` made the first decision, so that a queue passes over what somebody has
    decided without reading the decisions. ``first_read_id`` is the first decision made by reading:
    it did not come with a file, and no bulk action made it. ``change`` is the number of the change
    of the review that wrote the row last.
    """

    __tablename__ = "report_state"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'awaiting', 'conflict', 'settled')", name="state"),
        Index(
            "ix_report_state_queue",
            *("review_id", "stage", "active", "state"),
            *("first_person_id", "report_id", "intake_id"),
        ),
        Index("ix_report_state_outcome", "review_id", "stage", "active", "outcome", "intake_id"),
        Index("ix_report_state_change", "review_id", "stage", "change"),
        # What was read, in that order, with all that the curve of includes needs.
        Index(
            "ix_report_state_read",
            *("review_id", "stage", "active", "state", "first_read_id", "outcome", "intake_id"),
            sqlite_where=text("first_read_id IS NOT NULL"),
            postgresql_where=text("first_read_id IS NOT NULL"),
        ),
    )
    report_id: Mapped[int] = mapped_column(ForeignKey("report.id"), primary_key=True)
    stage: Mapped[str] = mapped_column(String(20), primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"))
    counted: Mapped[bool] = mapped_column("active")
    intake_id: Mapped[int | None] = mapped_column(ForeignKey("intake.id"))
    active: Mapped[bool] = shown_property(counted, intake_id)
    state: Mapped[str] = mapped_column(String(10), default="open", server_default="open")
    outcome: Mapped[str] = mapped_column(String(10), default="open", server_default="open")
    decision_id: Mapped[int | None] = mapped_column(ForeignKey("decision.id"))
    first_decision_id: Mapped[int | None] = mapped_column(ForeignKey("decision.id"))
    first_read_id: Mapped[int | None] = mapped_column(ForeignKey("decision.id"))
    first_person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    change: Mapped[int] = mapped_column(default=0, server_default="0")


class RecordRow(Base):
    """What one source says about one report.

    ``report_id`` is derived from the live rows of ``pair``; ``own_report_id`` is the report created
    with the record, to which it returns when it is no longer grouped with others. ``paired`` is
    False until the record, as it is now, has been compared with the others. ``said`` holds, by
    field, what the source has changed since the record was stored. ``active`` is as for a report.
    """

    __tablename__ = "record"
    __table_args__ = (
        Index("ix_record_review_paired", "review_id", "paired"),
        Index("ix_record_own_report_id", "own_report_id"),
        UniqueConstraint("review_id", "source", "source_id"),
        Index("ix_record_report_id", "report_id"),
        Index("ix_record_review_source_id", "review_id", "source_id"),
        Index(
            "ix_record_review_year",
            *("review_id", "year", "report_id", "active", "intake_id"),
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"))
    report_id: Mapped[int] = mapped_column(ForeignKey("report.id"))
    own_report_id: Mapped[int | None] = mapped_column(ForeignKey("report.id"))
    paired: Mapped[bool] = mapped_column(default=False)
    source: Mapped[str] = mapped_column(String(200))
    source_id: Mapped[str] = mapped_column(String(500))
    title: Mapped[str | None]
    abstract: Mapped[str | None]
    authors: Mapped[list[Any]] = mapped_column(default=list)
    year: Mapped[int | None] = mapped_column(Integer)
    date: Mapped[str | None]
    venue: Mapped[str | None]
    volume: Mapped[str | None]
    issue: Mapped[str | None]
    pages: Mapped[str | None]
    publisher: Mapped[str | None]
    doi: Mapped[str | None] = mapped_column(String(500))
    pmid: Mapped[str | None] = mapped_column(String(20))
    pmcid: Mapped[str | None] = mapped_column(String(20))
    issn: Mapped[str | None]
    urls: Mapped[list[Any]] = mapped_column(default=list)
    language: Mapped[str | None]
    types: Mapped[list[Any]] = mapped_column(default=list)
    keywords: Mapped[list[Any]] = mapped_column(default=list)
    accession: Mapped[str | None]
    database: Mapped[str | None]
    label: Mapped[str | None] = mapped_column(String(10))
    notes: Mapped[list[Any]] = mapped_column(default=list)
    flags: Mapped[list[Any]] = mapped_column(default=list)
    extra: Mapped[dict[str, Any]] = mapped_column(default=dict)
    title_key: Mapped[str] = mapped_column(String(300))
    search_text: Mapped[str]
    said: Mapped[dict[str, Any] | None] = mapped_column(Json)
    # Whether it is a notice about another report; see harvest.record.NOTICE.
    notice: Mapped[bool] = mapped_column(default=False)
    counted: Mapped[bool] = mapped_column("active", default=True)
    intake_id: Mapped[int | None] = mapped_column(ForeignKey("intake.id"))
    active: Mapped[bool] = shown_property(counted, intake_id)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


class PairRow(Base):
    """What a rule or a person decided about two records; ``a_id`` is the smaller id.

    A row counts while it is live (``superseded_at`` is None); a person's row overrides any rule's.
    Pairs of unrelated records have no row.
    """

    __tablename__ = "pair"
    __table_args__ = (
        CheckConstraint("label IN ('same', 'related', 'ask', 'different')", name="label"),
        CheckConstraint("a_id < b_id", name="order"),
        Index("ix_pair_a_id", "a_id"),
        Index("ix_pair_b_id", "b_id"),
        Index("ix_pair_review_label", "review_id", "label"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"))
    a_id: Mapped[int] = mapped_column(ForeignKey("record.id"))
    b_id: Mapped[int] = mapped_column(ForeignKey("record.id"))
    label: Mapped[str] = mapped_column(String(10))
    rule: Mapped[str] = mapped_column(String(40))
    reason: Mapped[str]
    guard: Mapped[str | None]
    version: Mapped[str] = mapped_column(String(20))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    superseded_at: Mapped[dt.datetime | None]
    superseded_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))


class PairKey(Base):
    """A key that a record shares with possible duplicates; see harvest.dedupe.keys."""

    __tablename__ = "pair_key"
    # A row has nothing but its key, so SQLite keeps no table beside the index of keys.
    __table_args__ = (
        Index("ix_pair_key_record_id", "record_id"),
        {"sqlite_with_rowid": False},
    )
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"), primary_key=True)
    key: Mapped[int] = mapped_column(BigInteger(), primary_key=True)
    record_id: Mapped[int] = mapped_column(ForeignKey("record.id"), primary_key=True)


class SearchIndex(Base):
    """One row, if SQLite has an index of words; see ``store.reports.record_search``.

    Records up to ``done_to`` are in it.
    """

    __tablename__ = "search_index"
    id: Mapped[int] = mapped_column(primary_key=True)
    done_to: Mapped[int]


class StudyRow(Base):
    """A study that a person named, in addition to those derived from related reports."""

    __tablename__ = "study"
    __table_args__ = (UniqueConstraint("review_id", "name"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"))
    name: Mapped[str] = mapped_column(String(300))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


class StudyMember(Base):
    """A report in a study, identified by one of its records; it may be in several studies."""

    __tablename__ = "study_member"
    __table_args__ = (Index("ix_study_member_record_id", "record_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"), index=True)
    record_id: Mapped[int] = mapped_column(ForeignKey("record.id"))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    removed_at: Mapped[dt.datetime | None]
    removed_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
