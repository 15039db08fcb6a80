"""Which searches belong to the pool: those run after the freeze date, unless a lead says otherwise.

The day on which a file arrived never decides this.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from store.core import audit
from store.core.chunks import CHUNK, batched
from store.core.errors import Conflict, NotFound
from store.core.session import ReadSession, WriteSession
from store.core.tables import (
    Batch,
    BatchEntry,
    Completion,
    RecordRow,
    Report,
    ReportState,
    Search,
    is_shown,
)
from store.reports.report_states import at_stage
from store.reviews import reviews
from store.searching import batches, pool, search_days

FREEZE = "freeze_on"

ASSIGNED = ("review", "pool")


def get_freeze_date(session: ReadSession, review_id: int) -> str | None:
    """The search freeze date, YYYY-MM-DD; None if the review has none and so no pool."""
    return read_freeze_date(reviews.get_review(session, review_id).settings)


def read_freeze_date(settings: Mapping[str, Any]) -> str | None:
    """The search freeze date in a review's settings; None if there is none, or it is no day."""
    try:
        return parse_freeze_date(settings.get(FREEZE))
    except ValueError:
        return None


def parse_freeze_date(value: object) -> str | None:
    """A search freeze date from its stored JSON; None if a lead took it away.

    Raises:
        ValueError: it is not a day, YYYY-MM-DD.
    """
    if not value:
        return None
    if not (isinstance(value, str) and search_days.is_day(value)):
        raise ValueError(f"{value!r} is not a day, YYYY-MM-DD")
    return value


def _find_last_completion(session: ReadSession, review_id: int) -> dt.datetime | None:
    return session.scalar(
        select(func.max(Completion.completed_at)).where(Completion.review_id == review_id)
    )


@dataclass(frozen=True, slots=True)
class PoolMembership:
    """What decides whether the records of a search wait in the pool.

    Attributes:
        freeze: the search freeze date, YYYY-MM-DD, or None.
        completed: when the last version was completed, or None.
    """

    freeze: str | None
    completed: dt.datetime | None

    def is_pooled(self, search: Search, day: str, stored_at: dt.datetime) -> bool:
        """Whether the records of a search wait in the pool.

        Args:
            search: the search.
            day: when it was run, as ``find_search_day`` gives it.
            stored_at: when its records were stored.
        """
        if search.assigned:
            return search.assigned == "pool"
        if self.freeze is None:
            return False
        # The counts of a completed version are final; later records belong to the next version.
        return (self.completed is not None and stored_at > self.completed) or day > self.freeze


def get_membership(session: ReadSession, review_id: int) -> PoolMembership:
    """The rules of a review's pool as they are now."""
    return PoolMembership(
        get_freeze_date(session, review_id), _find_last_completion(session, review_id)
    )


def _update_batches(session: WriteSession, review_id: int) -> list[int]:
    """Set which batches wait in the pool; gives the ids of those that changed."""
    changed = []
    membership = get_membership(session, review_id)
    rows = session.execute(
        select(Batch, Search)
        .join(Search, Search.id == Batch.search_id)
        .where(Batch.review_id == review_id, Batch.admission_id.is_(None))
        .order_by(Batch.id)
    ).all()
    for batch, search in rows:
        if batch.run_id is None:
            batch.searched_on = search_days.find_search_day(search.run_on, batch.created_at)
        day = batch.searched_on or search_days.find_search_day(None, batch.created_at)
        pooled = membership.is_pooled(search, day, batch.created_at)
        if pooled != batch.pooled:
            batch.pooled = pooled
            changed.append(batch.id)
    session.flush()
    return changed


def _find_undated(session: ReadSession, batch_ids: list[int]) -> list[int]:
    """Searches that would be pooled only because of the day on which their file came."""
    rows = session.scalars(
        select(Search)
        .join(Batch, Batch.search_id == Search.id)
        .where(Batch.id.in_(batch_ids), Batch.pooled.is_(True), Search.assigned.is_(None))
        .distinct()
        .order_by(Search.id)
    )
    return [
        row.id
        for row in rows
        if row.kind != "api" and search_days.find_latest_day(row.run_on) is None
    ]


def _count_decided(session: ReadSession, batch_ids: list[int]) -> dict[int, int]:
    """How many decided reports are found by pooled batches alone, by search."""
    other = aliased(Batch)
    entry = aliased(BatchEntry)
    record = aliased(RecordRow)
    elsewhere = (
        select(entry.record_id)
        .join(other, other.id == entry.batch_id)
        .join(record, record.id == entry.record_id)
        .where(
            record.report_id == Report.id,
            other.withdrawn_at.is_(None),
            other.pooled.is_(False),
            other.held.is_(False),
            entry.fate != "filtered",
        )
        .exists()
    )
    reports_by_search: dict[int, set[int]] = {}
    for chunk in batched(batch_ids, CHUNK):
        rows = session.execute(
            select(Batch.search_id, Report.id)
            .join(BatchEntry, BatchEntry.batch_id == Batch.id)
            .join(RecordRow, RecordRow.id == BatchEntry.record_id)
            .join(Report, Report.id == RecordRow.report_id)
            .join(ReportState, at_stage())
            .where(
                Batch.id.in_(chunk),
                Batch.pooled.is_(True),
                Batch.withdrawn_at.is_(None),
                ReportState.decision_id.is_not(None),
                ~elsewhere,
            )
            .distinct()
        )
        for search_id, report_id in rows:
            reports_by_search.setdefault(search_id, set()).add(report_id)
    return {search_id: len(reports) for search_id, reports in sorted(reports_by_search.items())}


def _update_pool(session: WriteSession, review_id: int) -> int:
    """Update the pool and which records count; gives how many batches moved.

    Raises:
        Conflict: a search without a stated date, or a decided record, would go to the pool.
    """
    changed = _update_batches(session, review_id)
    undated = _find_undated(session, changed)
    if undated:
        numbers = ", ".join(str(search) for search in undated)
        raise Conflict(
            f"the date of search {numbers} is not stated; state it, or move the search to the "
            "review or to incoming records, with a reason"
        )
    decided = _count_decided(session, changed)
    if decided:
        counts = ", ".join(f"search {search}: {count:,}" for search, count in decided.items())
        raise Conflict(
            f"records of later searches have been decided ({counts}); choose a later date, or "
            "move those searches to the review, with a reason"
        )
    for batch_id in changed:
        batches.refresh_batch(session, batch_id)
    if changed:
        reviews.request_ranking(session, review_id)
    return len(changed)


def set_freeze_date(
    session: WriteSession, review_id: int, day: dt.date | None, *, person_id: int | None
) -> int:
    """Set the search freeze date; records of searches run after it wait in the pool.

    Returns:
        How many files and pages moved.

    Raises:
        Conflict: records that would go to the pool are decided, or the date of their search is not
            stated; or the date is removed while a version is completed or records wait.
    """
    reviews.lock_review(session, review_id)
    if day is None:
        if _find_last_completion(session, review_id) is not None:
            raise Conflict("a version is completed, so later records must wait as incoming records")
        if pool.count_records(session, review_id):
            raise Conflict("incoming records are waiting: let them in, or set a later date")
    value = day.isoformat() if day else None
    reviews.update_settings(session, review_id, {FREEZE: value}, person_id=person_id)
    session.flush()
    return _update_pool(session, review_id)


def refresh_pool(session: WriteSession, review_id: int) -> int:
    """Update the pool after the date of a search changed; gives how many batches moved."""
    reviews.lock_review(session, review_id)
    return _update_pool(session, review_id)


@dataclass(frozen=True, slots=True)
class SearchAssignment:
    """Where a lead says that the records of a search belong.

    Attributes:
        to: one of ``ASSIGNED``.
        reason: why, whatever the date of the search says.
    """

    search_id: int
    to: str
    reason: str


def assign_search(
    session: WriteSession,
    review_id: int,
    assignment: SearchAssignment,
    *,
    person_id: int | None,
) -> int:
    """Say in writing where the records of a search belong, whatever its date says.

    Returns:
        How many of its files and pages moved.

    Raises:
        ValueError: ``to`` is not one of ``ASSIGNED``, or no reason is given.
        NotFound: the review has no such search.
        Conflict: records that would go to the pool are decided.
    """
    search_id, to, reason = assignment.search_id, assignment.to, assignment.reason.strip()
    if to not in ASSIGNED:
        raise ValueError(f"a search must be assigned to one of {', '.join(ASSIGNED)}, not {to!r}")
    if not reason:
        raise ValueError("say why the search belongs there")
    reviews.lock_review(session, review_id)
    row = session.scalars(
        select(Search).where(
            Search.id == search_id, Search.review_id == review_id, is_shown(Search.intake_id)
        )
    ).first()
    if row is None:
        raise NotFound(f"there is no search {search_id} in this review")
    before = row.assigned
    row.assigned, row.assigned_reason = to, reason
    session.flush()
    n_changed = _update_pool(session, review_id)
    audit.append_event(
        session,
        "search.assigned",
        review_id=review_id,
        person_id=person_id,
        detail={"search": search_id, "before": before, "to": to, "reason": reason},
    )
    return n_changed


def get_freeze_dates(session: ReadSession) -> Mapping[int, str]:
    """Freeze dates of the reviews that have one, YYYY-MM-DD, by review."""
    dates = {
        review.id: read_freeze_date(review.settings) for review in reviews.list_reviews(session)
    }
    return {review_id: day for review_id, day in sorted(dates.items()) if day}
