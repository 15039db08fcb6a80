"""Versions of a review that a lead has completed, each with the counts of that day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import func, select

from store.core import audit
from store.core.errors import Conflict
from store.core.session import ReadSession, WriteSession
from store.core.tables import Admission, Completion, Identity, RecordRow, Report, ReportState, now
from store.reports.report_states import at_stage
from store.reviews import reviews
from store.searching import flow, pool_membership


@dataclass(frozen=True, slots=True)
class ReviewVersion:
    """A completed version of a review.

    Attributes:
        number: counted from 1.
        counts: the flow of the records that this version took in, by name; see
            ``store.searching.flow.Flow``.
        total: the flow of the whole review, all versions together.
        included: reports included at title and abstract, all versions together.
        studies: how many studies these reports belong to.
        unread_reason: why records were left unread; None if none were.
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


def list_versions(session: ReadSession, review_id: int) -> list[ReviewVersion]:
    """All completed versions, oldest first."""
    rows = session.execute(
        select(Completion, Identity.name)
        .outerjoin(Identity, Identity.person_id == Completion.person_id)
        .where(Completion.review_id == review_id)
        .order_by(Completion.number)
    )
    return [
        ReviewVersion(
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


def get_included_reports(session: ReadSession, review_id: int) -> dict[int, int]:
    """Reports now included at title and abstract, each with its oldest record that counts."""
    rows = session.execute(
        select(Report.id, func.min(RecordRow.id))
        .join(ReportState, at_stage())
        .join(RecordRow, RecordRow.report_id == Report.id)
        .where(
            Report.review_id == review_id,
            Report.active.is_(True),
            RecordRow.active.is_(True),
            ReportState.outcome == "include",
        )
        .group_by(Report.id)
        .order_by(Report.id)
    )
    return {row[0]: row[1] for row in rows}


def list_admissions_since_last(session: ReadSession, review_id: int) -> list[int]:
    """Admissions of the version under way; for the first version with ``flow.BASE``."""
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


def count_current_version(session: ReadSession, review_id: int) -> flow.Flow:
    """The counts of the version under way alone."""
    counts = flow.count_flow_by_admission(session, review_id)
    admission_ids = list_admissions_since_last(session, review_id)
    return sum((counts.get(id_, flow.Flow()) for id_ in admission_ids), flow.Flow())


@dataclass(frozen=True, slots=True)
class NewVersion:
    """What a lead says about the version to be completed.

    Attributes:
        studies: how many studies the included reports belong to.
        unread_reason: why records are left unread; needed if any are.
        note: what else should be kept with it.
    """

    studies: int
    unread_reason: str | None = None
    note: str | None = None


def _records_are(number: int) -> str:
    return "record is" if number == 1 else "records are"


def complete_version(
    session: WriteSession, review_id: int, new: NewVersion, *, person_id: int | None
) -> ReviewVersion:
    """Complete the version under way: its counts are kept, and later records become an update.

    If the review has no freeze date, today becomes it.

    Raises:
        Conflict: nothing came in since the last version, records are unread and no reason is
            given, or a run's records have not come in yet.
    """
    reviews.lock_review(session, review_id)
    moment = now()
    own, total = count_current_version(session, review_id), flow.count_flow(session, review_id)
    completed = list_versions(session, review_id)
    if not own.identified:
        when = f"since version {completed[-1].number} was completed" if completed else "yet"
        raise Conflict(f"no records have come in {when}; there is nothing to complete")
    if own.waiting:
        raise Conflict(
            f"{own.waiting:,} {_records_are(own.waiting)} in runs that have not finished "
            "or that wait; finish those runs or let them in first"
        )
    reason = (new.unread_reason or "").strip() or None
    if total.not_screened and reason is None:
        raise Conflict(
            f"{total.not_screened:,} {_records_are(total.not_screened)} not screened; finish "
            "screening, or say why you stop here"
        )
    settings = reviews.get_review(session, review_id).settings
    if not settings.get(pool_membership.FREEZE):
        day = moment.date().isoformat()
        reviews.update_settings(
            session, review_id, {pool_membership.FREEZE: day}, person_id=person_id
        )
    counts: dict[str, Any] = {"own": asdict(own), "total": asdict(total)}
    row = Completion(
        review_id=review_id,
        number=1 + (completed[-1].number if completed else 0),
        protocol_version=reviews.get_protocol(session, review_id).version,
        counts=counts,
        included=list(get_included_reports(session, review_id).values()),
        studies=new.studies,
        unread_reason=reason if total.not_screened else None,
        note=(new.note or "").strip() or None,
        person_id=person_id,
        completed_at=moment,
    )
    session.add(row)
    session.flush()
    audit.append_event(
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
    return list_versions(session, review_id)[-1]
