"""The tables. Rows stay in this package; its functions give dataclasses or ids."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

Id = BigInteger().with_variant(Integer(), "sqlite")
Json = JSON().with_variant(JSONB(), "postgresql")


class Moment(TypeDecorator[dt.datetime]):
    """A moment in UTC. SQLite keeps no zone, so it is taken off and put on again."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Any) -> dt.datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"moment without a time zone: {value!r}")
        value = value.astimezone(dt.UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: dt.datetime | None, dialect: Any) -> dt.datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


def now() -> dt.datetime:
    """This moment, in UTC."""
    return dt.datetime.now(dt.UTC)


class Base(DeclarativeBase):
    """Base of all tables; constraints are named so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads this class attribute
        int: Id,
        str: Text(),
        dt.datetime: Moment(),
        dict[str, Any]: Json,
        list[Any]: Json,
        bytes: LargeBinary(),
    }


class Person(Base):
    """Who decides: a pseudonymous id that outlives the erasure of a name."""

    __tablename__ = "person"
    id: Mapped[int] = mapped_column(primary_key=True)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


class Identity(Base):
    """What is known of a person; erasable without touching decisions."""

    __tablename__ = "identity"
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    password_hash: Mapped[str | None]


class LoginLink(Base):
    """A single-use link, kept as the hash of its secret."""

    __tablename__ = "login_link"
    secret_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    expires_at: Mapped[dt.datetime]
    used_at: Mapped[dt.datetime | None]


class WebSession(Base):
    """A browser that is signed in, kept as the hash of its cookie."""

    __tablename__ = "web_session"
    secret_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    expires_at: Mapped[dt.datetime]


class ApiToken(Base):
    """A bearer token, kept as its hash."""

    __tablename__ = "api_token"
    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    revoked_at: Mapped[dt.datetime | None]


class Review(Base):
    """A review. ``revision`` counts the changes that make a new ranking due."""

    __tablename__ = "review"
    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(80), unique=True)
    title: Mapped[str]
    banner: Mapped[str | None]
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    revision: Mapped[int] = mapped_column(default=0)
    # Counts how often records that count went from report to report.
    regrouped: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


class Protocol(Base):
    """One version of a review's protocol; never changed, only followed by another."""

    __tablename__ = "protocol"
    __table_args__ = (UniqueConstraint("review_id", "version"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"))
    version: Mapped[int] = mapped_column(Integer)
    body: Mapped[dict[str, Any]]
    reason: Mapped[str | None]
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


class StrategyRow(Base):
    """One version of a review's search strategy; never changed, only followed by another."""

    __tablename__ = "strategy"
    __table_args__ = (UniqueConstraint("review_id", "version"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"))
    version: Mapped[int] = mapped_column(Integer)
    body: Mapped[dict[str, Any]]
    reason: Mapped[str | None]
    peer_review: Mapped[str | None]
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


class AcceptanceRow(Base):
    """What a person accepted in writing of a strategy version at a source; appended only."""

    __tablename__ = "strategy_acceptance"
    __table_args__ = (Index("ix_strategy_acceptance_strategy", "strategy_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    strategy_id: Mapped[int] = mapped_column(ForeignKey("strategy.id"))
    source: Mapped[str] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(40))
    leaf: Mapped[str | None]
    reason: Mapped[str]
    carried: Mapped[bool] = mapped_column(default=False)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


class LineHits(Base):
    """How many hits a line of a strategy version had at a source, asked by itself or for a run."""

    __tablename__ = "line_hits"
    __table_args__ = (Index("ix_line_hits_strategy", "strategy_id", "source"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    strategy_id: Mapped[int] = mapped_column(ForeignKey("strategy.id"))
    source: Mapped[str] = mapped_column(String(40))
    line: Mapped[str] = mapped_column(String(100))
    hits: Mapped[int | None]
    at_most: Mapped[bool] = mapped_column(default=False)
    problem: Mapped[str | None]
    # For the whole: requests, minutes, cost, and what the lost leaves bring by themselves.
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
    run_id: Mapped[int | None] = mapped_column(ForeignKey("run.id"), index=True)
    asked_at: Mapped[dt.datetime] = mapped_column(default=now)


class Search(Base):
    """One source searched once for a review: the unit of PRISMA-S. None is "not stated"."""

    __tablename__ = "search"
    __table_args__ = (CheckConstraint("kind IN ('file', 'api', 'other')", name="kind"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"), index=True)
    kind: Mapped[str] = mapped_column(String(10))
    source: Mapped[str | None]
    platform: Mapped[str | None]
    run_on: Mapped[str | None] = mapped_column(String(40))
    strategy: Mapped[str | None]
    limits: Mapped[str | None]
    reported: Mapped[int | None]
    exported: Mapped[int | None]
    searcher: Mapped[str | None]
    gap_reason: Mapped[str | None]
    # The other items of PRISMA-S, where they differ from search to search.
    route: Mapped[str | None] = mapped_column(String(20))
    limits_reason: Mapped[str | None]
    filters: Mapped[str | None]
    prior_work: Mapped[str | None]
    update_method: Mapped[str | None]
    peer_review: Mapped[str | None]
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    # What a harvested search runs: its results are of this strategy line at this source.
    strategy_id: Mapped[int | None] = mapped_column(ForeignKey("strategy.id"))
    line: Mapped[str | None] = mapped_column(String(100))
    source_name: Mapped[str | None] = mapped_column(String(40))
    # A lead's written word on whether its records wait in the pool, whatever its date says.
    assigned: Mapped[str | None] = mapped_column(String(10))
    assigned_reason: Mapped[str | None]


class Run(Base):
    """One walk through a source's results, from the first request to its end or its halt.

    ``cursor`` is where it goes on: it is written in the transaction that stores a page, so that a
    killed run resumes with nothing lost and nothing twice. ``owner`` is whoever walks it now; a
    page of another is refused.
    """

    __tablename__ = "run"
    __table_args__ = (
        CheckConstraint(
            "state IN ('waiting', 'running', 'blocked', 'stopped', 'failed', 'complete', "
            "'incomplete')",
            name="state",
        ),
        Index("ix_run_review", "review_id", "id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"))
    search_id: Mapped[int] = mapped_column(ForeignKey("search.id"), index=True)
    state: Mapped[str] = mapped_column(String(20))
    held: Mapped[bool] = mapped_column(default=False)
    queries: Mapped[list[Any]] = mapped_column(default=list)
    losses: Mapped[list[Any]] = mapped_column(default=list)
    opened_at: Mapped[dt.datetime | None]
    understood: Mapped[str | None]
    reported: Mapped[int | None]
    at_most: Mapped[bool] = mapped_column(default=False)
    warnings: Mapped[list[Any]] = mapped_column(default=list)
    notices: Mapped[list[Any]] = mapped_column(default=list)
    cursor: Mapped[dict[str, Any] | None] = mapped_column(Json)
    pages: Mapped[int] = mapped_column(default=0)
    received: Mapped[int] = mapped_column(default=0)
    problems: Mapped[list[Any]] = mapped_column(default=list)
    gold_filtered: Mapped[list[Any]] = mapped_column(default=list)
    stop_reason: Mapped[str | None]
    released_reason: Mapped[str | None]
    owner: Mapped[str | None] = mapped_column(String(40))
    heartbeat_at: Mapped[dt.datetime | None]
    started_at: Mapped[dt.datetime] = mapped_column(default=now)
    ended_at: Mapped[dt.datetime | None]
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    # "whole" asks for everything, "changes" for what the source indexed from one day to another.
    mode: Mapped[str] = mapped_column(String(10), default="whole", server_default="whole")
    since: Mapped[str | None] = mapped_column(String(10))
    until: Mapped[str | None] = mapped_column(String(10))
    night_id: Mapped[int | None] = mapped_column(ForeignKey("night.id"), index=True)


class Batch(Base):
    """An imported file, or a harvested page, of a search, with what became of it.

    The records of a ``held`` or a ``pooled`` batch are stored and do not come into the queue yet.
    ``searched_on`` is the day of the search that brought it, YYYY-MM-DD; None where it is not
    stated. ``admission_id`` is what let it out of the pool; None of what was never there.
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


class BatchRaw(Base):
    """The bytes of a batch as they came, in compressed pieces."""

    __tablename__ = "batch_raw"
    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"), primary_key=True)
    piece: Mapped[int] = mapped_column(Integer, primary_key=True)
    data: Mapped[bytes]


class BatchEntry(Base):
    """The stored fate of one entry of a batch that is a record."""

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
    """The stored fate of one entry of a batch that is no record."""

    __tablename__ = "batch_rejected"
    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"), primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True)
    line: Mapped[int | None] = mapped_column(Integer)
    reason: Mapped[str]
    excerpt: Mapped[str]


class Report(Base):
    """Records judged to be one document: the unit that is screened.

    ``state`` and ``decision_id``, the decision that counts once it is settled, are derived from
    the decision log by the review's plan and held here for the queue (``store.outcomes``).
    ``active`` is False while every batch that brought it is withdrawn.
    """

    __tablename__ = "report"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'awaiting', 'conflict', 'settled')", name="state"),
        Index("ix_report_queue", "review_id", "active", "decision_id"),
        Index("ix_report_state", "review_id", "state"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"))
    active: Mapped[bool] = mapped_column(default=True)
    state: Mapped[str] = mapped_column(String(10), default="open", server_default="open")
    decision_id: Mapped[int | None]
    first_decision_id: Mapped[int | None]


class RecordRow(Base):
    """What one source says about one report.

    ``report_id`` is derived from the live rows of ``pair``; ``own_report_id`` is the report that
    came with the record, to which it returns when it stands alone. ``paired`` is False while the
    record, or what it says now, has not been compared with the others. ``said`` is what the source
    says by now and did not say when the record was stored, by field.
    """

    __tablename__ = "record"
    __table_args__ = (
        Index("ix_record_review_paired", "review_id", "paired"),
        Index("ix_record_own_report_id", "own_report_id"),
        UniqueConstraint("review_id", "source", "source_id"),
        Index("ix_record_review_doi", "review_id", "doi"),
        Index("ix_record_review_pmid", "review_id", "pmid"),
        Index("ix_record_review_title", "review_id", "title_key"),
        Index("ix_record_report_id", "report_id"),
        Index("ix_record_review_source_id", "review_id", "source_id"),
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
    # It was published about another report; see harvest.record.NOTICE.
    notice: Mapped[bool] = mapped_column(default=False)
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


class PairRow(Base):
    """What was decided about two records, ``a_id`` the smaller id.

    A live row (``superseded_at`` is None) holds; a person's holds against any rule's. Pairs that
    have nothing to do with each other have no row.
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
    """A key by which a record meets those that may be the same report; see harvest.dedupe.keys."""

    __tablename__ = "pair_key"
    __table_args__ = (Index("ix_pair_key_record_id", "record_id"),)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"), primary_key=True)
    key: Mapped[int] = mapped_column(BigInteger(), primary_key=True)
    record_id: Mapped[int] = mapped_column(ForeignKey("record.id"), primary_key=True)


class StudyRow(Base):
    """A study that a person named, beside those that follow from related reports."""

    __tablename__ = "study"
    __table_args__ = (UniqueConstraint("review_id", "name"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"))
    name: Mapped[str] = mapped_column(String(300))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


class StudyMember(Base):
    """That a report, known by one of its records, is of a study; a report may be of several."""

    __tablename__ = "study_member"
    __table_args__ = (Index("ix_study_member_record_id", "record_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"), index=True)
    record_id: Mapped[int] = mapped_column(ForeignKey("record.id"))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    removed_at: Mapped[dt.datetime | None]
    removed_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))


class Decision(Base):
    """One judgement, appended and never changed. An undo supersedes the decision that it undoes.

    It belongs to the record that was shown (``record_id``) and goes with it from report to report;
    ``report_id`` is the report of that time. ``text_hash`` is of the title and abstract shown.
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
    # One of ``store.verdicts.KINDS``; of a consensus, with whom.
    kind: Mapped[str] = mapped_column(String(15), default="own", server_default="own")
    joint_with: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    # Keys of the protocol's reasons, in its order, why it was excluded.
    reasons: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    # Keys of the protocol's questions, for which it is included.
    questions: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    ranking_id: Mapped[int | None] = mapped_column(ForeignKey("ranking.id"))
    place: Mapped[int | None] = mapped_column(Integer)
    shown_at: Mapped[dt.datetime | None]
    decided_at: Mapped[dt.datetime | None]
    recorded_at: Mapped[dt.datetime] = mapped_column(default=now)


class Lease(Base):
    """A card that a person holds: no more hold it than are still needed to decide it.

    ``slot`` counts those who hold a report's card from 0: of two who take the last free place at
    the same moment, the key lets one have it.
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
    """An order of the undecided reports, made by one fitted pipeline.

    ``report_ids`` (int64) and ``scores`` (float32) are little-endian arrays of ``size`` elements,
    best first; they are dropped from old rankings, whose ``order_hash`` stays.
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


class GoldRecord(Base):
    """A known relevant record, with its two uses."""

    __tablename__ = "gold_record"
    __table_args__ = (
        CheckConstraint("search_use IN ('development', 'validation')", name="search_use"),
        CheckConstraint("ranking_use IN ('seed', 'held_out')", name="ranking_use"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"), index=True)
    search_use: Mapped[str] = mapped_column(String(20))
    ranking_use: Mapped[str] = mapped_column(String(20))
    origin: Mapped[str] = mapped_column(String(20))
    title: Mapped[str | None]
    abstract: Mapped[str | None]
    year: Mapped[int | None] = mapped_column(Integer)
    doi: Mapped[str | None] = mapped_column(String(500))
    pmid: Mapped[str | None] = mapped_column(String(20))
    source_id: Mapped[str | None] = mapped_column(String(500))
    # Other columns of its list: what a team wants recall apart for, such as a study design.
    tags: Mapped[dict[str, Any]] = mapped_column(default=dict)
    list_name: Mapped[str]
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    # A list that was taken away stays readable: earlier protocol versions name it.
    removed_at: Mapped[dt.datetime | None]
    # Set when it was shown among what the search missed; the next strategy version makes it
    # development, from that version on.
    opened_at: Mapped[dt.datetime | None]
    development_from: Mapped[int | None] = mapped_column(Integer)


class GoldLookup(Base):
    """Whether a known relevant record that the search missed is in a source, as it was asked."""

    __tablename__ = "gold_lookup"
    gold_id: Mapped[int] = mapped_column(ForeignKey("gold_record.id"), primary_key=True)
    source: Mapped[str] = mapped_column(String(40), primary_key=True)
    state: Mapped[str] = mapped_column(String(40))
    rejected_by: Mapped[list[Any]] = mapped_column(default=list)
    strategy_id: Mapped[int | None] = mapped_column(ForeignKey("strategy.id"))
    asked_at: Mapped[dt.datetime] = mapped_column(default=now)


class Job(Base):
    """A long operation of the worker, for showing its progress."""

    __tablename__ = "job"
    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"), index=True)
    kind: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(20))
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    message: Mapped[str | None]
    updated_at: Mapped[dt.datetime] = mapped_column(default=now)


class ModelAnswer(Base):
    """What the worker's model was asked by a page: an explanation, a comparison of orders."""

    __tablename__ = "model_answer"
    __table_args__ = (UniqueConstraint("review_id", "kind", "subject"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"))
    kind: Mapped[str] = mapped_column(String(40))
    subject: Mapped[int] = mapped_column(default=0)
    body: Mapped[dict[str, Any]] = mapped_column(default=dict)
    made_at: Mapped[dt.datetime] = mapped_column(default=now)


class AuditEvent(Base):
    """Who changed what when. Each row holds the hash of the one before it."""

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
    """The last hash of the chain; locked by whoever appends."""

    __tablename__ = "audit_head"
    id: Mapped[int] = mapped_column(primary_key=True)
    hash: Mapped[str] = mapped_column(String(64))


class Upload(Base):
    """A file that a browser sent and that nobody has confirmed yet; gone once it is imported."""

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
