"""Strategies, searches, runs, and the known relevant records that check them."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from store.core.tables.base import Base, Json, now


class StrategyRow(Base):
    """One version of a review's search strategy. It never changes; a later version replaces it."""

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
    """A loss at a source that a person accepted in writing. Rows are only added."""

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
    """Hits of one line of a strategy version at a source, counted separately or during a run."""

    __tablename__ = "line_hits"
    __table_args__ = (Index("ix_line_hits_strategy", "strategy_id", "source"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    strategy_id: Mapped[int] = mapped_column(ForeignKey("strategy.id"))
    source: Mapped[str] = mapped_column(String(40))
    line: Mapped[str] = mapped_column(String(100))
    hits: Mapped[int | None]
    at_most: Mapped[bool] = mapped_column(default=False)
    problem: Mapped[str | None]
    # For the whole strategy: requests, minutes, cost, and hits of each lost term alone.
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
    run_id: Mapped[int | None] = mapped_column(ForeignKey("run.id"), index=True)
    asked_at: Mapped[dt.datetime] = mapped_column(default=now)


class Search(Base):
    """One source searched once for a review: the unit of PRISMA-S. None means "not stated"."""

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
    # The other items of PRISMA-S that can differ between searches.
    route: Mapped[str | None] = mapped_column(String(20))
    limits_reason: Mapped[str | None]
    filters: Mapped[str | None]
    prior_work: Mapped[str | None]
    update_method: Mapped[str | None]
    peer_review: Mapped[str | None]
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    # For a harvest: the strategy line that is run, and the source.
    strategy_id: Mapped[int | None] = mapped_column(ForeignKey("strategy.id"))
    line: Mapped[str | None] = mapped_column(String(100))
    source_name: Mapped[str | None] = mapped_column(String(40))
    # A lead's decision on whether its records wait in the pool; it overrides the search date.
    assigned: Mapped[str | None] = mapped_column(String(10))
    assigned_reason: Mapped[str | None]
    # The import that created it, which hides it until it has ended.
    intake_id: Mapped[int | None] = mapped_column(ForeignKey("intake.id"))


class Run(Base):
    """One pass through a source's results, from the first request until it ends or is stopped.

    ``cursor`` is where the run continues. It is saved in the transaction that stores a page, so
    that a killed run resumes without losing or repeating a page. ``owner`` is the process that runs
    it now; pages from any other process are refused. ``log`` says what else happened, such as a
    walk that began again; ``repeated`` counts entries that it then received a second time.
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
    log: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    repeated: Mapped[int] = mapped_column(default=0, server_default="0")
    gold_filtered: Mapped[list[Any]] = mapped_column(default=list)
    stop_reason: Mapped[str | None]
    released_reason: Mapped[str | None]
    owner: Mapped[str | None] = mapped_column(String(40))
    heartbeat_at: Mapped[dt.datetime | None]
    started_at: Mapped[dt.datetime] = mapped_column(default=now)
    ended_at: Mapped[dt.datetime | None]
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    # "whole" asks for everything; "changes" asks for what was indexed from ``since`` to ``until``.
    mode: Mapped[str] = mapped_column(String(10), default="whole", server_default="whole")
    since: Mapped[str | None] = mapped_column(String(10))
    until: Mapped[str | None] = mapped_column(String(10))
    night_id: Mapped[int | None] = mapped_column(ForeignKey("night.id"), index=True)


class GoldRecord(Base):
    """A known relevant record, with its use for the search and its use for the ranking."""

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
    # Other columns of its list, such as study design, for which a team wants separate recall.
    tags: Mapped[dict[str, Any]] = mapped_column(default=dict)
    list_name: Mapped[str]
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    # A removed list stays readable, because earlier protocol versions refer to it.
    removed_at: Mapped[dt.datetime | None]
    # When it was shown as missed by the search. From the next strategy version on, it counts as
    # development.
    opened_at: Mapped[dt.datetime | None]
    development_from: Mapped[int | None] = mapped_column(Integer)


class GoldLookup(Base):
    """What a source answered when asked for a known relevant record that the search missed."""

    __tablename__ = "gold_lookup"
    gold_id: Mapped[int] = mapped_column(ForeignKey("gold_record.id"), primary_key=True)
    source: Mapped[str] = mapped_column(String(40), primary_key=True)
    state: Mapped[str] = mapped_column(String(40))
    rejected_by: Mapped[list[Any]] = mapped_column(default=list)
    strategy_id: Mapped[int | None] = mapped_column(ForeignKey("strategy.id"))
    asked_at: Mapped[dt.datetime] = mapped_column(default=now)
