"""Admissions: what was let out of the pool at once, as a top-up or as an update."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, update

from store import audit, reviews, searches
from store.chunks import CHUNK, batched
from store.errors import Conflict, NotFound
from store.living_tables import Admission, Completion
from store.pool import by_search, pooled
from store.session import ReadSession, WriteSession
from store.tables import Batch, Identity, now


@dataclass(frozen=True, slots=True)
class AdmissionInfo:
    """Records that were let out of the pool at once.

    Attributes:
        kind: ``top-up`` of an unfinished version, or ``update`` after a completed one.
        number: counted from 1 within its kind.
        up_to: the day up to which searches were admitted, YYYY-MM-DD.
        rule: the rule that admitted it; None where a lead did.
        records: entries that came out, ``reports`` those new to the review among them.
    """

    id: int
    kind: str
    number: int
    up_to: str
    rule: str | None
    records: int
    reports: int
    read_in_full: bool
    completion_id: int | None
    person: str | None
    admitted_at: dt.datetime

    @property
    def name(self) -> str:
        """As it is called in pages and documents."""
        return f"{self.kind} {self.number}"


def due_for(session: ReadSession, review_id: int, up_to: str) -> list[int]:
    """Batches of the pool whose search was run up to a day."""
    query = select(Batch.id).where(pooled(review_id), Batch.searched_on <= up_to)
    return list(session.scalars(query.order_by(Batch.id)))


def open_kind(session: ReadSession, review_id: int) -> tuple[str, int | None]:
    """What an admission would be now, and the completed version that it follows."""
    completion = session.execute(
        select(Completion.id, Completion.completed_at)
        .where(Completion.review_id == review_id)
        .order_by(Completion.id.desc())
        .limit(1)
    ).first()
    if completion is None:
        return "top-up", None
    begun = session.scalar(
        select(func.count())
        .select_from(Admission)
        .where(
            Admission.review_id == review_id,
            Admission.kind == "update",
            Admission.completion_id == completion[0],
        )
    )
    return ("top-up" if begun else "update"), completion[0]


def admit(
    session: WriteSession,
    review_id: int,
    up_to: dt.date,
    *,
    person_id: int | None,
    rule: str | None = None,
    moment: dt.datetime | None = None,
) -> tuple[int, list[int]]:
    """Let the whole pool up to a day into the review.

    Args:
        session: a transaction that writes.
        review_id: the review.
        up_to: searches run on that day or before.
        person_id: the lead; None for a rule.
        rule: the rule, in words.
        moment: now.

    Returns:
        The admission's id, and the files and pages that came out.

    Raises:
        Conflict: nothing waits up to that day.
    """
    reviews.lock(session, review_id)
    # Pages that brought again what the review holds are no reason for a top-up of nothing.
    if not by_search(session, review_id, up_to=up_to.isoformat()):
        raise Conflict(f"nothing waits in the pool of searches run up to {up_to.isoformat()}")
    batches = due_for(session, review_id, up_to.isoformat())
    kind, completion = open_kind(session, review_id)
    number = 1 + (
        session.scalar(
            select(func.max(Admission.number)).where(
                Admission.review_id == review_id, Admission.kind == kind
            )
        )
        or 0
    )
    row = Admission(
        review_id=review_id,
        kind=kind,
        number=number,
        up_to=up_to.isoformat(),
        rule=rule,
        completion_id=completion,
        person_id=person_id,
        admitted_at=moment or now(),
    )
    session.add(row)
    session.flush()
    for part in batched(batches, CHUNK):
        session.execute(
            update(Batch).where(Batch.id.in_(part)).values(pooled=False, admission_id=row.id)
        )
    session.flush()
    for batch_id in batches:
        searches.refresh_active(session, batch_id)
    reviews.touch(session, review_id)
    return row.id, batches


def counted(
    session: WriteSession,
    review_id: int,
    admission_id: int,
    *,
    records: int,
    reports: int,
    in_full: int,
) -> AdmissionInfo:
    """Keep what an admission brought, and whether all of it is read.

    Args:
        session: the transaction of the admission.
        review_id: the review.
        admission_id: the admission.
        records: entries that came out of the pool.
        reports: those of them that are reports of their own.
        in_full: the most reports that are read in full whatever the plan says.
    """
    row = session.get(Admission, admission_id)
    assert row is not None
    row.records, row.reports, row.read_in_full = records, reports, reports <= in_full
    session.flush()
    audit.append(
        session,
        "pool.admitted",
        review_id=review_id,
        person_id=row.person_id,
        detail={
            "admission": row.id,
            "name": f"{row.kind} {row.number}",
            "up_to": row.up_to,
            "rule": row.rule,
            "records": row.records,
            "reports": row.reports,
        },
    )
    return by_id(session, review_id, row.id)


def _admissions(session: ReadSession, condition: Any) -> list[AdmissionInfo]:
    rows = session.execute(
        select(Admission, Identity.name)
        .outerjoin(Identity, Identity.person_id == Admission.person_id)
        .where(condition)
        .order_by(Admission.id)
    )
    return [
        AdmissionInfo(
            id=row.id,
            kind=row.kind,
            number=row.number,
            up_to=row.up_to,
            rule=row.rule,
            records=row.records,
            reports=row.reports,
            read_in_full=row.read_in_full,
            completion_id=row.completion_id,
            person=person,
            admitted_at=row.admitted_at,
        )
        for row, person in rows
    ]


def everything(session: ReadSession, review_id: int) -> list[AdmissionInfo]:
    """All admissions of a review, oldest first."""
    return _admissions(session, Admission.review_id == review_id)


def by_id(session: ReadSession, review_id: int, admission_id: int) -> AdmissionInfo:
    """One admission.

    Raises:
        NotFound: the review has none of that number.
    """
    found = _admissions(
        session, (Admission.id == admission_id) & (Admission.review_id == review_id)
    )
    if not found:
        raise NotFound(f"there is no admission {admission_id} in this review")
    return found[0]
