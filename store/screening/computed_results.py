"""Figures that take long to work out, stored with what they were worked out from."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import delete, func, select

from store.core.session import ReadSession, WriteSession
from store.core.tables import (
    AuditEvent,
    Batch,
    ComputedResult,
    Decision,
    PairRow,
    Ranking,
    Recheck,
    Report,
    Review,
    now,
)


@dataclass(frozen=True, slots=True)
class Basis:
    """What figures are worked out from.

    Attributes:
        key: two equal keys say that nothing has changed in between.
        decisions: how many lines the log of decisions has.
        records: about how many records the review has: reports that ever were.
    """

    key: str
    decisions: int
    records: int


@dataclass(frozen=True, slots=True)
class NewResult:
    """Figures to be stored.

    Attributes:
        body: the figures, as JSON; None if working them out failed.
        problem: why it failed, in words.
    """

    kind: str
    basis: Basis
    seconds: float
    body: str | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class StoredResult:
    """Stored figures, or a stored failure; see ``NewResult``."""

    basis: str
    decisions: int
    at: dt.datetime
    seconds: float
    body: str | None
    problem: str | None


def find_basis(session: ReadSession, review_id: int) -> Basis:
    """What figures of a review would be worked out from now.

    Whatever changes a review's figures raises one of its counts or adds a line to one of its logs.
    """
    counts = session.execute(
        select(Review.revision, Review.regrouped, Review.rule_changes, Review.state_changes).where(
            Review.id == review_id
        )
    ).one()
    decisions = _count(session, Decision, review_id)
    newest = [
        session.scalar(select(func.max(table.id)).where(table.review_id == review_id)) or 0
        for table in (Ranking, AuditEvent, PairRow, Batch)
    ]
    filled = session.scalar(
        select(func.count(Recheck.made_at)).where(Recheck.review_id == review_id)
    )
    key = ".".join(str(number) for number in (*counts, decisions, *newest, filled))
    return Basis(key, decisions, _count(session, Report, review_id))


def _count(session: ReadSession, table: type[Decision] | type[Report], review_id: int) -> int:
    query = select(func.count()).select_from(table).where(table.review_id == review_id)
    return session.scalar(query) or 0


def store_result(session: WriteSession, review_id: int, new: NewResult) -> None:
    """Store figures in place of earlier ones of their kind.

    A failure replaces an earlier failure alone, so that the last figures can still be shown.
    """
    earlier = delete(ComputedResult).where(
        ComputedResult.review_id == review_id, ComputedResult.kind == new.kind
    )
    if new.body is None:
        earlier = earlier.where(ComputedResult.body.is_(None))
    session.execute(earlier)
    session.add(
        ComputedResult(
            review_id=review_id,
            kind=new.kind,
            basis=new.basis.key,
            decisions=new.basis.decisions,
            computed_at=now(),
            seconds=new.seconds,
            body=new.body,
            problem=new.problem,
        )
    )
    session.flush()


def list_results(session: ReadSession, review_id: int, kind: str) -> list[StoredResult]:
    """The newest figures of a kind, and the failure after them, if there is one; oldest first."""
    rows = session.scalars(
        select(ComputedResult)
        .where(ComputedResult.review_id == review_id, ComputedResult.kind == kind)
        .order_by(ComputedResult.id)
    )
    return [
        StoredResult(
            basis=row.basis,
            decisions=row.decisions,
            at=row.computed_at,
            seconds=row.seconds,
            body=row.body,
            problem=row.problem,
        )
        for row in rows
    ]
