"""Versions of a review that a lead completed, each with its counts as they were then."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import func, select

from store import audit, flow, pool, reviews
from store.errors import Conflict
from store.living_tables import Admission, Completion
from store.session import ReadSession, WriteSession
from store.tables import Decision, Identity, RecordRow, Report, now


@dataclass(frozen=True, slots=True)
class CompletionInfo:
    """A completed version.

    Attributes:
        number: counted from 1.
        counts: the flow of what it took in, as it was then, by name; see ``store.flow.Flow``.
        total: the flow of the whole review as it was then.
        included: reports included at title and abstract then, all versions together.
        studies: studies that these are of.
        unread_reason: why records were left unread; None where none was.
    """

    id: int
    number: int
    protocol_version: int
    counts: Mapping[str, int]
    total: Mapping[str, int]
    included: int
    studies: int
    unread_reason: str | None
    note: str | None
    person: str | None
    completed_at: dt.datetime


def everything(session: ReadSession, review_id: int) -> list[CompletionInfo]:
    """All completed versions, oldest first."""
    rows = session.execute(
        select(Completion, Identity.name)
        .outerjoin(Identity, Identity.person_id == Completion.person_id)
        .where(Completion.review_id == review_id)
        .order_by(Completion.number)
    )
    return [
        CompletionInfo(
            id=row.id,
            number=row.number,
            protocol_version=row.protocol_version,
            counts=row.counts["own"],
            total=row.counts["total"],
            included=len(row.included),
            studies=row.studies,
            unread_reason=row.unread_reason,
            note=row.note,
            person=person,
            completed_at=row.completed_at,
        )
        for row, person in rows
    ]


def included(session: ReadSession, review_id: int) -> dict[int, int]:
    """Reports included now at title and abstract, each with its oldest record that counts."""
    rows = session.execute(
        select(Report.id, func.min(RecordRow.id))
        .join(Decision, Decision.id == Report.decision_id)
        .join(RecordRow, RecordRow.report_id == Report.id)
        .where(
            Report.review_id == review_id,
            Report.active.is_(True),
            RecordRow.active.is_(True),
            Decision.decision == "include",
        )
        .group_by(Report.id)
        .order_by(Report.id)
    )
    return {row[0]: row[1] for row in rows}


def since_last(session: ReadSession, review_id: int) -> list[int]:
    """Admissions that the version under way took in; ``flow.BASE`` too before the first."""
    newest = session.scalar(
        select(func.max(Completion.id)).where(Completion.review_id == review_id)
    )
    if newest is None:
        rows = session.scalars(select(Admission.id).where(Admission.review_id == review_id))
        return [flow.BASE, *rows]
    return list(
        session.scalars(
            select(Admission.id)
            .where(Admission.review_id == review_id, Admission.completion_id == newest)
            .order_by(Admission.id)
        )
    )


def under_way(session: ReadSession, review_id: int) -> flow.Flow:
    """The counts of the version under way by itself."""
    apart = flow.by_admission(session, review_id)
    mine = (apart.get(each, flow.Flow()) for each in since_last(session, review_id))
    return sum(mine, flow.Flow())


def complete(
    session: WriteSession,
    review_id: int,
    *,
    studies: int,
    person_id: int | None,
    unread_reason: str | None = None,
    note: str | None = None,
    moment: dt.datetime | None = None,
) -> CompletionInfo:
    """Complete the version under way: its counts are kept, and what comes later is an update.

    Where no freeze date is set, today becomes it.

    Args:
        session: a transaction that writes.
        review_id: the review.
        studies: studies that the included reports are of.
        person_id: the lead.
        unread_reason: why records are left unread; needed where some are.
        note: what the lead wants said of it.
        moment: now.

    Raises:
        Conflict: nothing was screened since the last version, or records are unread and no reason
            is given, or a run's records have not come in yet.
    """
    reviews.lock(session, review_id)
    moment = moment or now()
    own, total = under_way(session, review_id), flow.flow(session, review_id)
    done = everything(session, review_id)
    if not own.identified:
        what = f"since version {done[-1].number} was completed" if done else "yet"
        raise Conflict(f"no records were taken in {what}; there is nothing to complete")
    if own.waiting:
        raise Conflict(
            f"{own.waiting:,} records are in runs that have not ended or are held; end or release "
            "those first"
        )
    reason = (unread_reason or "").strip() or None
    if total.not_screened and reason is None:
        raise Conflict(
            f"{total.not_screened:,} records are not screened; screen them, or say why they are "
            "left unread"
        )
    settings = reviews.by_id(session, review_id).settings
    if not settings.get(pool.FREEZE):
        day = moment.date().isoformat()
        reviews.set_settings(session, review_id, {pool.FREEZE: day}, person_id=person_id)
    counts: dict[str, Any] = {"own": asdict(own), "total": asdict(total)}
    row = Completion(
        review_id=review_id,
        number=1 + (done[-1].number if done else 0),
        protocol_version=reviews.protocol(session, review_id).version,
        counts=counts,
        included=list(included(session, review_id).values()),
        studies=studies,
        unread_reason=reason if total.not_screened else None,
        note=(note or "").strip() or None,
        person_id=person_id,
        completed_at=moment,
    )
    session.add(row)
    session.flush()
    audit.append(
        session,
        "review.completed",
        review_id=review_id,
        person_id=person_id,
        detail={
            "version": row.number,
            "included": len(row.included),
            "not_screened": total.not_screened,
            "reason": reason,
        },
    )
    return everything(session, review_id)[-1]
