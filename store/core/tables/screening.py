"""Decisions, the queue, pilot rounds, likely misses, and rescreening."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from store.core.tables.base import Base, Json, now


class Decision(Base):
    """One decision, added and never changed. An undo is a row that supersedes the decision.

    It belongs to the record that was shown (``record_id``) and moves with it from report to report;
    ``report_id`` is the report at the time. ``text_hash`` is of the title and abstract shown.
    """

    __tablename__ = "decision"
    __table_args__ = (
        UniqueConstraint("review_id", "token"),
        CheckConstraint("decision IN ('include', 'exclude', 'maybe', 'undo')", name="decision"),
        CheckConstraint(
            "kind IN ('own', 'consensus', 'adjudication', 'import', 'act', 'look')", name="kind"
        ),
        Index("ix_decision_report", "report_id", "stage"),
        Index("ix_decision_record", "record_id", "stage"),
        Index("ix_decision_supersedes", "supersedes"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"))
    report_id: Mapped[int] = mapped_column(ForeignKey("report.id"))
    record_id: Mapped[int | None] = mapped_column(ForeignKey("record.id"))
    text_hash: Mapped[str | None] = mapped_column(String(64))
    with_abstract: Mapped[bool | None]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    stage: Mapped[str] = mapped_column(String(20))
    decision: Mapped[str] = mapped_column(String(10))
    note: Mapped[str | None]
    protocol_version: Mapped[int] = mapped_column(Integer)
    token: Mapped[str] = mapped_column(String(100))
    supersedes: Mapped[int | None] = mapped_column(ForeignKey("decision.id"))
    # See ``store.rules.agreed_decision``; a consensus also names the other person.
    kind: Mapped[str] = mapped_column(String(15), default="own", server_default="own")
    joint_with: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    # Keys of the reasons for exclusion, in the protocol's order.
    reasons: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    # Keys of the questions that the report is included for.
    questions: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    ranking_id: Mapped[int | None] = mapped_column(ForeignKey("ranking.id"))
    place: Mapped[int | None] = mapped_column(Integer)
    shown_at: Mapped[dt.datetime | None]
    decided_at: Mapped[dt.datetime | None]
    recorded_at: Mapped[dt.datetime] = mapped_column(default=now)


class Lease(Base):
    """A card that a person holds. No more people hold a card than it still needs decisions from.

    ``slot`` numbers the holders of a card from 0. If two people take the last free slot at the same
    moment, the primary key lets only one of them have it.
    """

    __tablename__ = "lease"
    __table_args__ = (
        Index("ix_lease_review_person", "review_id", "person_id"),
        UniqueConstraint("report_id", "stage", "person_id"),
    )
    report_id: Mapped[int] = mapped_column(ForeignKey("report.id"), primary_key=True)
    stage: Mapped[str] = mapped_column(String(20), primary_key=True)
    slot: Mapped[int] = mapped_column(Integer, primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    expires_at: Mapped[dt.datetime]


class Ranking(Base):
    """An order of the undecided reports, produced by one fitted pipeline.

    ``report_ids`` (int64) and ``scores`` (float32) are little-endian arrays of ``size`` elements,
    best first. Old rankings lose both and keep their ``order_hash``.
    """

    __tablename__ = "ranking"
    __table_args__ = (Index("ix_ranking_review", "review_id", "id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"))
    revision: Mapped[int]
    pipeline: Mapped[str] = mapped_column(String(100))
    pipeline_hash: Mapped[str] = mapped_column(String(64))
    encoder: Mapped[str | None] = mapped_column(String(200))
    seed: Mapped[int]
    n_decisions: Mapped[int]
    n_include: Mapped[int]
    last_decision_id: Mapped[int | None]
    cold_start: Mapped[bool]
    warm: Mapped[bool]
    size: Mapped[int]
    seconds: Mapped[float]
    detail: Mapped[dict[str, Any]] = mapped_column(Json, default=dict, server_default="{}")
    order_hash: Mapped[str] = mapped_column(String(64))
    report_ids: Mapped[bytes | None]
    scores: Mapped[bytes | None]
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


class PilotRow(Base):
    """A pilot round: records that everybody decides before the rest is screened."""

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
    """A person who takes part in a pilot round. The row goes when they leave the review."""

    __tablename__ = "pilot_person"
    pilot_id: Mapped[int] = mapped_column(ForeignKey("pilot.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)


class Recheck(Base):
    """A list of excluded reports to check for misses. Its length is fixed beforehand."""

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
    """A report on such a list, chosen as a likely miss or drawn at random for comparison."""

    __tablename__ = "recheck_item"
    recheck_id: Mapped[int] = mapped_column(ForeignKey("recheck.id"), primary_key=True)
    place: Mapped[int] = mapped_column(Integer, primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("report.id"), index=True)
    likely: Mapped[bool]
    decision_id: Mapped[int | None] = mapped_column(ForeignKey("decision.id"))


class Rescreen(Base):
    """A request to screen some reports again because the criteria have changed."""

    __tablename__ = "rescreen"
    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"), index=True)
    stage: Mapped[str] = mapped_column(String(20))
    # The newest version at the time; reports may be screened again under a later one.
    protocol_version: Mapped[int] = mapped_column(Integer)
    reason: Mapped[str]
    # How the reports were chosen, for later readers.
    picked: Mapped[dict[str, Any]]
    reports: Mapped[int] = mapped_column(Integer)
    asked_by: Mapped[int] = mapped_column(ForeignKey("person.id"))
    asked_at: Mapped[dt.datetime] = mapped_column(default=now)
    withdrawn_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    withdrawn_at: Mapped[dt.datetime | None]


class Outdated(Base):
    """A decision that does not count while its report is screened again.

    The row names the decision rather than the report, because a decision moves with its record.
    """

    __tablename__ = "outdated"
    decision_id: Mapped[int] = mapped_column(ForeignKey("decision.id"), primary_key=True)
    rescreen_id: Mapped[int] = mapped_column(
        ForeignKey("rescreen.id"), primary_key=True, index=True
    )
