"""Rankings: orders of the undecided reports, stored as arrays with what is known about them."""

from __future__ import annotations

import datetime as dt
import hashlib
import sys
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import case, func, select, update

from store.core.errors import NotFound
from store.core.session import ReadSession, WriteSession
from store.core.tables import (
    Decision,
    PilotReport,
    PilotRow,
    Ranking,
    RecordRow,
    Report,
    ReportState,
    Review,
    now,
)
from store.reports.report_states import at_stage
from store.reports.screening_state import active_condition, current_reports_query
from store.rules.agreed_decision import OWN, UNDECIDED
from store.rules.plans import TITLE_ABSTRACT

# How many orders are kept whole. Older ones lose their arrays; otherwise 10,000 records decided
# one by one would leave a gigabyte behind. The hash stays, so that a refit can be checked.
_KEEP = 5


@dataclass(frozen=True, slots=True)
class NewRanking:
    """A ranking to be stored.

    Attributes:
        detail: what else the model says about it, such as the weights of its head start.
        report_ids: best first.
        scores: of the reports, in the same order.
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


def save_ranking(session: WriteSession, review_id: int, new: NewRanking) -> int:
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


def get_newest_ranking(session: ReadSession, review_id: int) -> RankingInfo | None:
    """The ranking that queues use; None before the first."""
    query = _select_infos().where(Ranking.review_id == review_id)
    row = session.execute(query.order_by(Ranking.id.desc()).limit(1)).first()
    return None if row is None else RankingInfo(**row._mapping)


def get_ranking(session: ReadSession, ranking_id: int) -> RankingInfo:
    """A ranking without its order.

    Raises:
        NotFound: there is no such ranking.
    """
    row = session.execute(_select_infos().where(Ranking.id == ranking_id)).first()
    if row is None:
        raise NotFound(f"there is no ranking {ranking_id}")
    return RankingInfo(**row._mapping)


def _select_infos() -> Any:
    columns = [column for column in Ranking.__table__.columns if column.key not in _HEAVY]
    return select(*columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingKind:
    """Rankings of a review that were made in the same way.

    Attributes:
        number: how many; ``cold`` of them before there were decisions to learn from.
        first: when the first was made; ``last`` is the last.
        versions: of the software that made the last one, by name; empty for rankings of before
            these were kept.
    """

    pipeline: str
    pipeline_hash: str
    encoder: str | None
    seed: int
    number: int
    cold: int
    first: dt.datetime
    last: dt.datetime
    versions: Mapping[str, str]


def list_kinds(session: ReadSession, review_id: int) -> list[RankingKind]:
    """The ways in which a review's rankings were made, the earliest first."""
    same = (Ranking.pipeline, Ranking.pipeline_hash, Ranking.encoder, Ranking.seed)
    kinds = []
    for *way, number, cold, first, last, newest in session.execute(
        select(
            *same,
            func.count(),
            func.coalesce(func.sum(case((Ranking.cold_start, 1), else_=0)), 0),
            func.min(Ranking.created_at),
            func.max(Ranking.created_at),
            func.max(Ranking.id),
        )
        .where(Ranking.review_id == review_id)
        .group_by(*same)
        .order_by(func.min(Ranking.id))
    ):
        detail = session.scalar(select(Ranking.detail).where(Ranking.id == newest)) or {}
        kinds.append(
            RankingKind(
                pipeline=way[0],
                pipeline_hash=way[1],
                encoder=way[2],
                seed=way[3],
                number=number,
                cold=int(cold),
                first=first,
                last=last,
                versions=detail.get("versions") or {},
            )
        )
    return kinds


def count_shown(session: ReadSession, review_id: int) -> tuple[int, int, int]:
    """Decisions on records that a ranking had placed, on records drawn for pilot rounds, and all.

    Those of pilot rounds are not counted as placed: they were drawn at random. Undone decisions
    are left out, and so are those on reports that others must still decide, those that settle a
    conflict, and those that came with a file.
    """
    in_pilot = Report.id.in_(
        current_reports_query(PilotReport)
        .join(PilotRow, PilotRow.id == PilotReport.pilot_id)
        .where(PilotRow.review_id == review_id, PilotRow.stage == TITLE_ABSTRACT)
    )
    shown, drawn, decided = session.execute(
        select(
            func.count(case((~in_pilot, Decision.place))),
            func.count(case((in_pilot, 1))),
            func.count(),
        )
        .select_from(Decision)
        .join(RecordRow, RecordRow.id == Decision.record_id)
        .join(Report, Report.id == RecordRow.report_id)
        .join(ReportState, at_stage())
        .where(
            Decision.review_id == review_id,
            Decision.stage == TITLE_ABSTRACT,
            Decision.kind == OWN,
            ReportState.state.not_in(UNDECIDED),
            *active_condition(),
        )
    ).one()
    return int(shown), int(drawn), int(decided)


def list_expectations(session: ReadSession, review_id: int, span: str) -> list[tuple[int, float]]:
    """How many relevant records each ranking expected among the next ones.

    Args:
        session: a transaction.
        review_id: the review.
        span: for how many next records, as the key in the ranking's detail.

    Returns:
        For each ranking that has an expectation, in the order in which they were made: how many
        decisions it had learned from, and how many relevant records it expected.
    """
    rows = session.execute(
        select(Ranking.n_decisions, Ranking.detail)
        .where(Ranking.review_id == review_id)
        .order_by(Ranking.id)
    )
    return [
        (n_decisions, float(detail["expected"][span]))
        for n_decisions, detail in rows
        if span in (detail.get("expected") or {})
    ]


def list_reviews_to_rank(session: ReadSession) -> list[int]:
    """Reviews with records whose newest ranking is older than their last change."""
    ranked_revision = (
        select(func.max(Ranking.revision)).where(Ranking.review_id == Review.id).scalar_subquery()
    )
    return list(
        session.scalars(
            select(Review.id)
            .where(
                Review.revision > func.coalesce(ranked_revision, -1),
                select(Report.id)
                .where(Report.review_id == Review.id, Report.active.is_(True))
                .exists(),
            )
            .order_by(Review.id)
        )
    )


def list_partly_encoded(session: ReadSession) -> list[int]:
    """Reviews whose newest ranking was made before all of their texts had been encoded."""
    newest = select(func.max(Ranking.id)).group_by(Ranking.review_id)
    rows = session.execute(
        select(Ranking.review_id, Ranking.detail)
        .where(Ranking.id.in_(newest))
        .order_by(Ranking.review_id)
    )
    # A ranking of a pipeline without an encoder says nothing about meaning.
    return [
        review_id
        for review_id, detail in rows
        if (meaning := detail.get("meaning")) and not meaning["complete"]
    ]


def get_order(session: ReadSession, review_id: int, ranking_id: int) -> Order:
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
