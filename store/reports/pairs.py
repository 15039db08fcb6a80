"""Pairs of records: which ones may be the same report, and what rules and people decided."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Row,
    bindparam,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.orm import aliased

from store.core.chunks import CHUNK, batched
from store.core.errors import Conflict, NotFound
from store.core.new_rows import table_of
from store.core.session import ReadSession, WriteSession, execute_plain
from store.core.tables import (
    Batch,
    BatchEntry,
    Identity,
    PairRow,
    RecordRow,
    Review,
    is_shown,
    now,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPair:
    """What a rule decides about two records."""

    a: int
    b: int
    label: str
    rule: str
    reason: str
    guard: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJudgement:
    """What a person says about two records, which may be in any order."""

    a: int
    b: int
    label: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PairInfo:
    """A stored decision about two records; ``person`` is None if a rule decided.

    Attributes:
        live: whether it counts; it does not if it was superseded or undone.
    """

    id: int
    a: int
    b: int
    label: str
    rule: str
    reason: str
    guard: str | None
    version: str
    person_id: int | None
    person: str | None
    at: dt.datetime
    live: bool


def _info(row: PairRow | Row[Any], name: str | None) -> PairInfo:
    return PairInfo(
        id=row.id,
        a=row.a_id,
        b=row.b_id,
        label=row.label,
        rule=row.rule,
        reason=row.reason,
        guard=row.guard,
        version=row.version,
        person_id=row.person_id,
        person=name,
        at=row.created_at,
        live=row.superseded_at is None,
    )


def uncompared() -> tuple[ColumnElement[bool], ...]:
    """Conditions: a record has not been compared yet, and no import under way hides it."""
    return RecordRow.paired.is_(False), is_shown(RecordRow.intake_id)


def list_reviews_to_compare(session: ReadSession) -> list[int]:
    """Ids of reviews with records that have not been compared yet."""
    waiting = exists().where(RecordRow.review_id == Review.id, *uncompared())
    return list(session.scalars(select(Review.id).where(waiting).order_by(Review.id)))


def count_uncompared_records(session: ReadSession, review_id: int) -> int:
    """Count the records of a review that have not been compared yet."""
    query = select(func.count()).where(RecordRow.review_id == review_id, *uncompared())
    return session.scalar(query) or 0


# Built once: building a statement takes longer than running it.
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)


def _select_to_group() -> Any:
    other = aliased(RecordRow)
    joins = (PairRow.superseded_at.is_(None), PairRow.label == "same")
    grouped = or_(
        RecordRow.report_id != RecordRow.own_report_id,
        exists().where(other.report_id == RecordRow.report_id, other.id != RecordRow.id),
        exists().where(PairRow.a_id == RecordRow.id, *joins),
        exists().where(PairRow.b_id == RecordRow.id, *joins),
    )
    return select(RecordRow.id).where(RecordRow.id.in_(_IDS), grouped)


_TO_GROUP: Final = _select_to_group()
# The later of two records that wait is compared with the earlier: others may have stored that pair.
_WAITING: Final = select(RecordRow.id).where(RecordRow.id == PairRow.b_id, ~RecordRow.paired)
_SUPERSEDE: Final = (
    update(table_of(PairRow))
    .where(
        or_(PairRow.b_id.in_(_IDS), PairRow.a_id.in_(_IDS) & ~_WAITING.exists()),
        PairRow.person_id.is_(None),
        PairRow.superseded_at.is_(None),
    )
    .values(superseded_at=bindparam("moment"))
)
_INSERT: Final = insert(table_of(PairRow))
_LIVE: Final = (
    select(table_of(PairRow), Identity.name.label("person_name"))
    .outerjoin(Identity, Identity.person_id == PairRow.person_id)
    .where(or_(PairRow.a_id.in_(_IDS), PairRow.b_id.in_(_IDS)), PairRow.superseded_at.is_(None))
)


def find_records_to_group(session: ReadSession, record_ids: Iterable[int]) -> set[int]:
    """Those of these records that grouping can move, or whose reports have other records.

    The others are alone in the report created with them, and no pair joins them to another.
    """
    found: set[int] = set()
    for part in batched(record_ids, CHUNK):
        found.update(execute_plain(session, _TO_GROUP, {"ids": part}).scalars())
    return found


def replace_rule_pairs(
    session: WriteSession,
    review_id: int,
    record_ids: Sequence[int],
    new: Iterable[NewPair],
    *,
    version: str,
) -> None:
    """Replace what the rules decided about pairs with these records; people's decisions stay."""
    moment = now()
    for part in batched(record_ids, CHUNK):
        execute_plain(session, _SUPERSEDE, {"ids": part, "moment": moment})
    rows = [
        {
            "review_id": review_id,
            "a_id": min(pair.a, pair.b),
            "b_id": max(pair.a, pair.b),
            "label": pair.label,
            "rule": pair.rule,
            "reason": pair.reason,
            "guard": pair.guard,
            "version": version,
            "created_at": moment,
        }
        for pair in new
    ]
    for chunk in batched(rows, 2000):
        execute_plain(session, _INSERT, list(chunk))


def add_judgement(
    session: WriteSession, review_id: int, new: NewJudgement, *, version: str, person_id: int
) -> int:
    """Store what a person says about two records; it replaces what anybody said before.

    Args:
        session: a writing session.
        review_id: the review.
        new: what the person says.
        version: of the rules that compared the two.
        person_id: who judges.

    Returns:
        The id of the new pair.

    Raises:
        NotFound: a record is not in this review.
        ValueError: the label is unknown, or both are the same record.
    """
    if new.label not in ("same", "related", "different"):
        raise ValueError(f"label must be same, related or different, not {new.label!r}")
    low, high = sorted((new.a, new.b))
    if low == high:
        raise ValueError("a record cannot be compared with itself")
    _require_records(session, review_id, (low, high))
    moment = now()
    session.execute(
        update(PairRow)
        .where(
            PairRow.a_id == low,
            PairRow.b_id == high,
            PairRow.person_id.is_not(None),
            PairRow.superseded_at.is_(None),
        )
        .values(superseded_at=moment, superseded_by=person_id)
    )
    row = PairRow(
        review_id=review_id,
        a_id=low,
        b_id=high,
        label=new.label,
        rule="person",
        reason=new.reason,
        guard=None,
        version=version,
        person_id=person_id,
        created_at=moment,
    )
    session.add(row)
    session.flush()
    return row.id


def _require_records(session: ReadSession, review_id: int, record_ids: Sequence[int]) -> None:
    """Check that records are in a review.

    Raises:
        NotFound: one of them is not.
    """
    query = select(RecordRow.id).where(
        RecordRow.id.in_(record_ids),
        RecordRow.review_id == review_id,
        is_shown(RecordRow.intake_id),
    )
    in_review = set(session.scalars(query))
    for record_id in record_ids:
        if record_id not in in_review:
            raise NotFound(f"there is no record {record_id} in this review")


def undo_judgement(
    session: WriteSession, review_id: int, pair_id: int, *, person_id: int
) -> PairInfo:
    """Undo what a person said about a pair, so that what the rules decided counts again.

    Raises:
        NotFound: the review has no such pair.
        Conflict: a rule decided it, or it no longer counts.
    """
    row = session.get(PairRow, pair_id)
    if row is None or row.review_id != review_id:
        raise NotFound(f"there is no pair {pair_id} in this review")
    if row.person_id is None:
        raise Conflict(f"a rule decided pair {pair_id}: say that the two are different instead")
    if row.superseded_at is not None:
        raise Conflict(f"pair {pair_id} has already been undone or replaced")
    row.superseded_at, row.superseded_by = now(), person_id
    session.flush()
    return _info(row, None)


def list_live_pairs(session: ReadSession, record_ids: Iterable[int]) -> list[PairInfo]:
    """Pairs that count, with at least one of these records, oldest first."""
    pairs: dict[int, PairInfo] = {}
    for part in batched(set(record_ids), CHUNK):
        for row in execute_plain(session, _LIVE, {"ids": part}):
            pairs[row.id] = _info(row, row.person_name)
    return [pairs[pair_id] for pair_id in sorted(pairs)]


def list_judgements(session: ReadSession, review_id: int, *, limit: int = 200) -> list[PairInfo]:
    """What people said about pairs, newest first, including what no longer counts."""
    rows = session.execute(
        select(PairRow, Identity.name)
        .outerjoin(Identity, Identity.person_id == PairRow.person_id)
        .where(PairRow.review_id == review_id, PairRow.person_id.is_not(None))
        .order_by(PairRow.id.desc())
        .limit(limit)
    )
    return [_info(row, name) for row, name in rows]


def get_pairs(session: ReadSession, pair_ids: Iterable[int]) -> dict[int, PairInfo]:
    """These pairs by id."""
    found: dict[int, PairInfo] = {}
    for part in batched(pair_ids, CHUNK):
        rows = session.execute(
            select(PairRow, Identity.name)
            .outerjoin(Identity, Identity.person_id == PairRow.person_id)
            .where(PairRow.id.in_(part))
        )
        found.update((row.id, _info(row, name)) for row, name in rows)
    return found


@dataclass(frozen=True, slots=True)
class PairOutline:
    """What says what follows from a pair: a large review has thousands of them."""

    id: int
    label: str
    rule: str
    person_id: int | None


def _between_reports(
    session: ReadSession, review_id: int, *conditions: ColumnElement[bool]
) -> list[tuple[PairOutline, int, int]]:
    """Pairs that count and whose records are in two reports, with these reports, oldest first.

    Pairs with records in the pool are left out: nobody is asked about them before admission.
    """
    a, b = aliased(RecordRow), aliased(RecordRow)

    def not_pooled(record: Any) -> ColumnElement[bool]:
        pooled = (
            select(BatchEntry.record_id)
            .join(Batch, Batch.id == BatchEntry.batch_id)
            .where(BatchEntry.record_id == record.id, Batch.pooled.is_(True))
            .exists()
        )
        return or_(record.active.is_(True), ~pooled)

    rows = session.execute(
        select(
            *(PairRow.id, PairRow.label, PairRow.rule, PairRow.person_id),
            *(a.report_id, b.report_id),
        )
        .join(a, a.id == PairRow.a_id)
        .join(b, b.id == PairRow.b_id)
        .where(
            PairRow.review_id == review_id,
            PairRow.superseded_at.is_(None),
            a.report_id != b.report_id,
            not_pooled(a),
            not_pooled(b),
            *conditions,
        )
        .order_by(PairRow.id)
    )
    return [(PairOutline(*row[:4]), row[4], row[5]) for row in rows]


def list_open_questions(session: ReadSession, review_id: int) -> list[tuple[PairOutline, int, int]]:
    """Pairs to ask about, and pairs that should be one report but are not, with their reports."""
    return _between_reports(session, review_id, PairRow.label.in_(("ask", "same")))


def list_related_pairs(session: ReadSession, review_id: int) -> list[tuple[PairOutline, int, int]]:
    """Pairs that relate two reports, or that a person called different, with their reports."""
    by_person = (PairRow.label == "different") & PairRow.person_id.is_not(None)
    return _between_reports(session, review_id, (PairRow.label == "related") | by_person)


def find_judged_apart(session: ReadSession, review_id: int) -> set[tuple[int, int]]:
    """Find pairs of reports (smaller id first) that a person has said are not the same."""
    rows = _between_reports(
        session, review_id, PairRow.person_id.is_not(None), PairRow.label != "same"
    )
    return {(min(one, other), max(one, other)) for _, one, other in rows}


def count_pairs_by_rule(session: ReadSession, review_id: int) -> dict[tuple[str, str], int]:
    """Count the pairs that rules decided, by label and rule."""
    rows = session.execute(
        select(PairRow.label, PairRow.rule, func.count())
        .where(
            PairRow.review_id == review_id,
            PairRow.superseded_at.is_(None),
            PairRow.person_id.is_(None),
        )
        .group_by(PairRow.label, PairRow.rule)
    )
    return {(label, rule): count for label, rule, count in rows}
