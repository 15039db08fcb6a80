"""Pairs of records: who may meet whom, what was decided about them, by which rule or person."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, func, insert, or_, select, update
from sqlalchemy.orm import aliased

from harvest.record import Record
from store.chunks import CHUNK, batched
from store.errors import Conflict, NotFound
from store.records import record_of
from store.session import ReadSession, WriteSession
from store.tables import Batch, BatchEntry, Identity, PairKey, PairRow, RecordRow, Review, now


@dataclass(frozen=True, slots=True)
class NewPair:
    """What a rule decided about two records."""

    a: int
    b: int
    label: str
    rule: str
    reason: str
    guard: str | None


@dataclass(frozen=True, slots=True)
class PairInfo:
    """A row about two records; ``person`` is None where a rule decided.

    Attributes:
        live: whether it holds; a row that was superseded or undone does not.
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


def _info(row: PairRow, name: str | None) -> PairInfo:
    return PairInfo(
        row.id,
        row.a_id,
        row.b_id,
        row.label,
        row.rule,
        row.reason,
        row.guard,
        row.version,
        row.person_id,
        name,
        row.created_at,
        row.superseded_at is None,
    )


def due(session: ReadSession) -> list[int]:
    """Reviews with records that have not been compared yet."""
    waiting = exists().where(RecordRow.review_id == Review.id, RecordRow.paired.is_(False))
    return list(session.scalars(select(Review.id).where(waiting).order_by(Review.id)))


def waiting(session: ReadSession, review_id: int) -> int:
    """How many records of a review have not been compared yet."""
    query = select(func.count()).where(
        RecordRow.review_id == review_id, RecordRow.paired.is_(False)
    )
    return session.scalar(query) or 0


def next_records(session: ReadSession, review_id: int, *, limit: int) -> dict[int, Record]:
    """The oldest records that have not been compared yet, by id."""
    rows = session.scalars(
        select(RecordRow)
        .where(RecordRow.review_id == review_id, RecordRow.paired.is_(False))
        .order_by(RecordRow.id)
        .limit(limit)
    )
    return {row.id: record_of(row) for row in rows}


def by_ids(session: ReadSession, record_ids: Iterable[int]) -> dict[int, Record]:
    """Records by id."""
    found: dict[int, Record] = {}
    for part in batched(record_ids, CHUNK):
        for row in session.scalars(select(RecordRow).where(RecordRow.id.in_(part))):
            found[row.id] = record_of(row)
    return found


def file_keys(
    session: WriteSession, review_id: int, keys: Mapping[int, Sequence[int]]
) -> dict[int, list[int]]:
    """Store records' keys in place of their earlier ones, and give who shares each, oldest first.

    Args:
        session: a transaction that writes.
        review_id: the review.
        keys: keys by record id.
    """
    for part in batched(keys, CHUNK):
        session.execute(delete(PairKey).where(PairKey.record_id.in_(part)))
    rows = [
        {"review_id": review_id, "key": key, "record_id": record_id}
        for record_id, mine in keys.items()
        for key in mine
    ]
    for chunk in batched(rows, 5000):
        session.execute(insert(PairKey), list(chunk))
    sharing: dict[int, list[int]] = defaultdict(list)
    for part in batched(sorted({key for mine in keys.values() for key in mine}), CHUNK):
        found = session.execute(
            select(PairKey.key, PairKey.record_id)
            .where(PairKey.review_id == review_id, PairKey.key.in_(part))
            .order_by(PairKey.key, PairKey.record_id)
        )
        for key, record_id in found:
            sharing[key].append(record_id)
    return sharing


def replace_by_rule(
    session: WriteSession,
    review_id: int,
    record_ids: Sequence[int],
    new: Iterable[NewPair],
    *,
    version: str,
) -> None:
    """Store what the rules say of records' pairs; what they said before of these holds no longer.

    A person's rows stay. The records count as compared from now on.
    """
    moment = now()
    for part in batched(record_ids, CHUNK):
        session.execute(
            update(PairRow)
            .where(
                or_(PairRow.a_id.in_(part), PairRow.b_id.in_(part)),
                PairRow.person_id.is_(None),
                PairRow.superseded_at.is_(None),
            )
            .values(superseded_at=moment)
        )
        session.execute(update(RecordRow).where(RecordRow.id.in_(part)).values(paired=True))
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
        session.execute(insert(PairRow), list(chunk))


def add_by_person(
    session: WriteSession,
    review_id: int,
    a: int,
    b: int,
    *,
    label: str,
    reason: str,
    version: str,
    person_id: int,
) -> int:
    """Store what a person says of two records; an earlier word of a person's on them ends.

    Raises:
        NotFound: a record is not of this review.
        ValueError: the label is none, or the two are one record.
    """
    if label not in ("same", "related", "different"):
        raise ValueError(f"label must be same, related or different, not {label!r}")
    low, high = sorted((a, b))
    if low == high:
        raise ValueError("a record cannot be judged against itself")
    known = set(
        session.scalars(
            select(RecordRow.id).where(
                RecordRow.id.in_((low, high)), RecordRow.review_id == review_id
            )
        )
    )
    for record_id in (low, high):
        if record_id not in known:
            raise NotFound(f"there is no record {record_id} in this review")
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
        label=label,
        rule="person",
        reason=reason,
        guard=None,
        version=version,
        person_id=person_id,
        created_at=moment,
    )
    session.add(row)
    session.flush()
    return row.id


def undo(session: WriteSession, review_id: int, pair_id: int, *, person_id: int) -> PairInfo:
    """Take back what a person said of a pair; the rules' word on it holds again.

    Raises:
        NotFound: the review has no such row.
        Conflict: a rule decided it, or it holds no longer.
    """
    row = session.get(PairRow, pair_id)
    if row is None or row.review_id != review_id:
        raise NotFound(f"there is no pair {pair_id} in this review")
    if row.person_id is None:
        raise Conflict(f"pair {pair_id} was decided by a rule: say that the two are different")
    if row.superseded_at is not None:
        raise Conflict(f"pair {pair_id} holds no longer")
    row.superseded_at, row.superseded_by = now(), person_id
    session.flush()
    return _info(row, None)


def live_of(session: ReadSession, record_ids: Iterable[int]) -> list[PairInfo]:
    """Live rows with at least one of these records, oldest first."""
    found: dict[int, PairInfo] = {}
    for part in batched(set(record_ids), CHUNK):
        rows = session.execute(
            select(PairRow, Identity.name)
            .outerjoin(Identity, Identity.person_id == PairRow.person_id)
            .where(
                or_(PairRow.a_id.in_(part), PairRow.b_id.in_(part)),
                PairRow.superseded_at.is_(None),
            )
        )
        for row, name in rows:
            found[row.id] = _info(row, name)
    return [found[pair_id] for pair_id in sorted(found)]


def by_person(session: ReadSession, review_id: int, *, limit: int = 200) -> list[PairInfo]:
    """What persons said of pairs, newest first, rows that hold no longer included."""
    rows = session.execute(
        select(PairRow, Identity.name)
        .outerjoin(Identity, Identity.person_id == PairRow.person_id)
        .where(PairRow.review_id == review_id, PairRow.person_id.is_not(None))
        .order_by(PairRow.id.desc())
        .limit(limit)
    )
    return [_info(row, name) for row, name in rows]


def _between_reports(
    session: ReadSession, review_id: int, *conditions: ColumnElement[bool]
) -> list[tuple[PairInfo, int, int]]:
    """Live rows whose records are in two reports now, with these, oldest first.

    What waits in the pool asks nobody anything before it is admitted.
    """
    a, b = aliased(RecordRow), aliased(RecordRow)

    def out_of_pool(record: Any) -> ColumnElement[bool]:
        pooled = (
            select(BatchEntry.record_id)
            .join(Batch, Batch.id == BatchEntry.batch_id)
            .where(BatchEntry.record_id == record.id, Batch.pooled.is_(True))
            .exists()
        )
        return or_(record.active.is_(True), ~pooled)

    rows = session.execute(
        select(PairRow, Identity.name, a.report_id, b.report_id)
        .join(a, a.id == PairRow.a_id)
        .join(b, b.id == PairRow.b_id)
        .outerjoin(Identity, Identity.person_id == PairRow.person_id)
        .where(
            PairRow.review_id == review_id,
            PairRow.superseded_at.is_(None),
            a.report_id != b.report_id,
            out_of_pool(a),
            out_of_pool(b),
            *conditions,
        )
        .order_by(PairRow.id)
    )
    return [(_info(row, name), one, other) for row, name, one, other in rows]


def open_questions(session: ReadSession, review_id: int) -> list[tuple[PairInfo, int, int]]:
    """Live pairs to be asked about, or to be one report and not: with their reports now."""
    return _between_reports(session, review_id, PairRow.label.in_(("ask", "same")))


def related(session: ReadSession, review_id: int) -> list[tuple[PairInfo, int, int]]:
    """Live rows that relate two reports or tell them apart by a person, with the reports now."""
    by_person = (PairRow.label == "different") & PairRow.person_id.is_not(None)
    return _between_reports(session, review_id, (PairRow.label == "related") | by_person)


def said_between(session: ReadSession, review_id: int) -> set[tuple[int, int]]:
    """Pairs of reports (smaller id first) that a person has said are two."""
    rows = _between_reports(
        session, review_id, PairRow.person_id.is_not(None), PairRow.label != "same"
    )
    return {(min(one, other), max(one, other)) for _, one, other in rows}


def by_rule(session: ReadSession, review_id: int) -> dict[tuple[str, str], int]:
    """Live rows of the rules by label and rule."""
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


def crowded(session: ReadSession, review_id: int, *, limit: int) -> int:
    """How many keys are shared by more records than are compared with each other."""
    keys = (
        select(PairKey.key)
        .where(PairKey.review_id == review_id)
        .group_by(PairKey.key)
        .having(func.count() > limit)
        .subquery()
    )
    return session.scalar(select(func.count()).select_from(keys)) or 0
