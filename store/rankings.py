"""Rankings: an order of the undecided reports, kept as arrays with their meta data."""

from __future__ import annotations

import datetime as dt
import hashlib
import sys
from array import array
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import func, select, update

from store.errors import NotFound
from store.session import ReadSession, WriteSession
from store.tables import Ranking, Report, Review, now

# Orders kept whole. Older ones lose their arrays: 10,000 records decided one by one would else
# leave a gigabyte behind. Their hash stays, by which a refit can be checked.
_KEEP = 5


@dataclass(frozen=True, slots=True)
class NewRanking:
    """A ranking to be stored; ``report_ids`` best first, ``scores`` beside them.

    ``detail`` is what else the model says of it: weights of what gave it a head start.
    """

    revision: int
    pipeline: str
    pipeline_hash: str
    encoder: str | None
    seed: int
    n_decisions: int
    n_include: int
    last_decision_id: int | None
    cold_start: bool
    warm: bool
    seconds: float
    detail: dict[str, Any]
    report_ids: array[int]
    scores: array[float]


@dataclass(frozen=True, slots=True)
class RankingInfo:
    """A ranking without its order."""

    id: int
    revision: int
    pipeline: str
    pipeline_hash: str
    encoder: str | None
    seed: int
    n_decisions: int
    n_include: int
    last_decision_id: int | None
    cold_start: bool
    warm: bool
    size: int
    seconds: float
    detail: dict[str, Any]
    order_hash: str
    created_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Order:
    """The order of a ranking: report ids best first, and their scores."""

    report_ids: array[int]
    scores: array[float]


_Numbers = TypeVar("_Numbers", "array[int]", "array[float]")


def _bytes(values: _Numbers) -> bytes:
    """Little-endian bytes of an array."""
    if sys.byteorder == "big":
        values = values[:]
        values.byteswap()
    return values.tobytes()


def _filled(values: _Numbers, data: bytes) -> _Numbers:
    """An empty array, filled from little-endian bytes."""
    values.frombytes(data)
    if sys.byteorder == "big":
        values.byteswap()
    return values


def save(session: WriteSession, review_id: int, new: NewRanking) -> int:
    """Store a ranking; readers see it when the transaction commits, and the old one until then.

    Raises:
        ValueError: the arrays differ in length.
    """
    if len(new.report_ids) != len(new.scores):
        raise ValueError(f"{len(new.report_ids)} report ids but {len(new.scores)} scores")
    ids = _bytes(new.report_ids)
    row = Ranking(
        review_id=review_id,
        revision=new.revision,
        pipeline=new.pipeline,
        pipeline_hash=new.pipeline_hash,
        encoder=new.encoder,
        seed=new.seed,
        n_decisions=new.n_decisions,
        n_include=new.n_include,
        last_decision_id=new.last_decision_id,
        cold_start=new.cold_start,
        warm=new.warm,
        size=len(new.report_ids),
        seconds=new.seconds,
        detail=new.detail,
        order_hash=hashlib.sha256(ids).hexdigest(),
        report_ids=ids,
        scores=_bytes(new.scores),
        created_at=now(),
    )
    session.add(row)
    session.flush()
    kept = (
        select(Ranking.id)
        .where(Ranking.review_id == review_id)
        .order_by(Ranking.id.desc())
        .limit(_KEEP)
    )
    oldest = min(session.scalars(kept).all())
    session.execute(
        update(Ranking)
        .where(
            Ranking.review_id == review_id,
            Ranking.id < oldest,
            Ranking.report_ids.is_not(None),
        )
        .values(report_ids=None, scores=None)
    )
    return row.id


_HEAVY = frozenset({"report_ids", "scores", "review_id"})


def newest(session: ReadSession, review_id: int) -> RankingInfo | None:
    """The ranking that queues are made of; None before the first."""
    columns = [column for column in Ranking.__table__.columns if column.key not in _HEAVY]
    row = session.execute(
        select(*columns).where(Ranking.review_id == review_id).order_by(Ranking.id.desc()).limit(1)
    ).first()
    return None if row is None else RankingInfo(**row._mapping)


def expectations(session: ReadSession, review_id: int, span: str) -> list[tuple[int, float]]:
    """Decisions that each ranking knew, and relevant records that it expected among the next.

    Args:
        session: a transaction.
        review_id: the review.
        span: of how many records the expectation is, as the ranking's detail names it.

    Returns:
        In the order in which the rankings were made; those that expected nothing are left out.
    """
    rows = session.execute(
        select(Ranking.n_decisions, Ranking.detail)
        .where(Ranking.review_id == review_id)
        .order_by(Ranking.id)
    )
    return [
        (known, float(detail["expected"][span]))
        for known, detail in rows
        if span in (detail.get("expected") or {})
    ]


def due(session: ReadSession) -> list[int]:
    """Reviews with counting records whose newest ranking is older than their last change."""
    seen = (
        select(func.max(Ranking.revision)).where(Ranking.review_id == Review.id).scalar_subquery()
    )
    return list(
        session.scalars(
            select(Review.id)
            .where(
                Review.revision > func.coalesce(seen, -1),
                select(Report.id)
                .where(Report.review_id == Review.id, Report.active.is_(True))
                .exists(),
            )
            .order_by(Review.id)
        )
    )


def order(session: ReadSession, review_id: int, ranking_id: int) -> Order:
    """The order of a ranking.

    Raises:
        NotFound: the review has no such ranking, or its order is no longer kept.
    """
    row = session.get(Ranking, ranking_id)
    if row is None or row.review_id != review_id or row.report_ids is None or row.scores is None:
        raise NotFound(f"the order of ranking {ranking_id} is not kept")
    ids: array[int] = array("q")
    scores: array[float] = array("f")
    return Order(_filled(ids, row.report_ids), _filled(scores, row.scores))
