"""The pool: records of searches run after the freeze date, which wait until a lead admits them.

What is there changes no queue, no count and no claim. Membership goes by the day a search was run
or by a lead's written word, never by the day a file arrived.
"""

from __future__ import annotations

import calendar
import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, case, func, select
from sqlalchemy.orm import aliased

from store import audit, reviews, searches
from store.chunks import CHUNK, batched
from store.errors import Conflict, NotFound
from store.living_tables import Completion
from store.session import ReadSession, WriteSession
from store.tables import (
    Batch,
    BatchEntry,
    BatchRejected,
    RecordRow,
    Report,
    Review,
    Search,
    now,
)

FREEZE = "freeze_on"
ASSIGNED = ("review", "pool")


def freeze(session: ReadSession, review_id: int) -> str | None:
    """The search freeze date, YYYY-MM-DD; None where nothing is pooled."""
    value = reviews.by_id(session, review_id).settings.get(FREEZE)
    return str(value) if value else None


def latest_day(stated: str | None) -> str | None:
    """The last day that a stated date can mean, YYYY-MM-DD; None where it cannot be told."""
    parts = (stated or "").strip().split("-")
    try:
        numbers = [int(part) for part in parts]
        if len(numbers) == 1:
            return dt.date(numbers[0], 12, 31).isoformat()
        if len(numbers) == 2:
            first = dt.date(numbers[0], numbers[1], 1)
            return (first.replace(day=calendar.monthrange(*numbers)[1])).isoformat()
        return dt.date(*numbers).isoformat()
    except (ValueError, TypeError):
        return None


def day_of(stated: str | None, filed: dt.datetime) -> str:
    """The last day on which a search can have been run: what is stated, or when it was filed."""
    arrived = filed.date().isoformat()
    return min(latest_day(stated) or arrived, arrived)


def _completed_at(session: ReadSession, review_id: int) -> dt.datetime | None:
    return session.scalar(
        select(func.max(Completion.completed_at)).where(Completion.review_id == review_id)
    )


@dataclass(frozen=True, slots=True)
class Membership:
    """What decides whether a search's records wait in the pool.

    Attributes:
        freeze: the search freeze date, YYYY-MM-DD, or None.
        completed: when the last version was completed, or None.
    """

    freeze: str | None
    completed: dt.datetime | None

    def late(self, search: Search, day: str, filed: dt.datetime) -> bool:
        """Whether what a search brought waits in the pool.

        Args:
            search: the search.
            day: when it was run, as ``day_of`` gives it.
            filed: when its records were stored.
        """
        if search.assigned:
            return search.assigned == "pool"
        if self.freeze is None:
            return False
        # A completed version has its counts; whatever comes after belongs to the next.
        return (self.completed is not None and filed > self.completed) or day > self.freeze


def membership(session: ReadSession, review_id: int) -> Membership:
    """A review's freeze date and last completion."""
    return Membership(freeze(session, review_id), _completed_at(session, review_id))


def _recompute(session: WriteSession, review_id: int) -> list[int]:
    """Set again which batches wait in the pool; gives those that changed."""
    changed = []
    member = membership(session, review_id)
    rows = session.execute(
        select(Batch, Search)
        .join(Search, Search.id == Batch.search_id)
        .where(Batch.review_id == review_id, Batch.admission_id.is_(None))
        .order_by(Batch.id)
    ).all()
    for batch, search in rows:
        if batch.run_id is None:
            batch.searched_on = day_of(search.run_on, batch.created_at)
        day = batch.searched_on or day_of(None, batch.created_at)
        late = member.late(search, day, batch.created_at)
        if late != batch.pooled:
            batch.pooled = late
            changed.append(batch.id)
    session.flush()
    return changed


def _undated(session: ReadSession, batch_ids: list[int]) -> list[int]:
    """Searches that would go to the pool for the day on which their file came."""
    rows = session.scalars(
        select(Search)
        .join(Batch, Batch.search_id == Search.id)
        .where(Batch.id.in_(batch_ids), Batch.pooled.is_(True), Search.assigned.is_(None))
        .distinct()
        .order_by(Search.id)
    )
    return [row.id for row in rows if row.kind != "api" and latest_day(row.run_on) is None]


def _decided_in(session: ReadSession, batch_ids: list[int]) -> dict[int, int]:
    """Decided reports that only batches of the pool bring, by the search of these."""
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
    found: dict[int, set[int]] = {}
    for part in batched(batch_ids, CHUNK):
        rows = session.execute(
            select(Batch.search_id, Report.id)
            .join(BatchEntry, BatchEntry.batch_id == Batch.id)
            .join(RecordRow, RecordRow.id == BatchEntry.record_id)
            .join(Report, Report.id == RecordRow.report_id)
            .where(
                Batch.id.in_(part),
                Batch.pooled.is_(True),
                Batch.withdrawn_at.is_(None),
                Report.decision_id.is_not(None),
                ~elsewhere,
            )
            .distinct()
        )
        for search_id, report_id in rows:
            found.setdefault(search_id, set()).add(report_id)
    return {search_id: len(reports) for search_id, reports in sorted(found.items())}


def _applied(session: WriteSession, review_id: int) -> int:
    """Recompute the pool, and which records count; a decided record never goes there."""
    changed = _recompute(session, review_id)
    undated = _undated(session, changed)
    if undated:
        words = ", ".join(str(search) for search in undated)
        raise Conflict(
            f"when search {words} was run is not stated; state it, or assign it to the review or "
            "the pool in writing"
        )
    decided = _decided_in(session, changed)
    if decided:
        words = ", ".join(f"search {search}: {count:,}" for search, count in decided.items())
        raise Conflict(
            f"records of searches run later are decided already ({words}); choose a later date, or "
            "assign those searches to the review in writing"
        )
    for batch_id in changed:
        searches.refresh_active(session, batch_id)
    if changed:
        reviews.touch(session, review_id)
    return len(changed)


def set_freeze(
    session: WriteSession, review_id: int, day: dt.date | None, *, person_id: int | None
) -> int:
    """Set the search freeze date; records of searches run after it wait in the pool.

    Returns:
        How many files and pages changed sides.

    Raises:
        Conflict: records that would go to the pool are decided, or nobody stated when their
            search was run; or the date is taken away while a version is completed or something
            waits.
    """
    reviews.lock(session, review_id)
    if day is None:
        if _completed_at(session, review_id) is not None:
            raise Conflict("a version is completed: what comes later waits in the pool")
        if waiting(session, review_id):
            raise Conflict("records wait in the pool: admit them, or set a later date")
    value = day.isoformat() if day else None
    reviews.set_settings(session, review_id, {FREEZE: value}, person_id=person_id)
    session.flush()
    return _applied(session, review_id)


def restate(session: WriteSession, review_id: int) -> int:
    """Set the pool again after a search's date was stated or mended."""
    reviews.lock(session, review_id)
    return _applied(session, review_id)


def assign(
    session: WriteSession,
    review_id: int,
    search_id: int,
    to: str,
    *,
    reason: str,
    person_id: int | None,
) -> int:
    """A lead's written word on where a search's records belong, whatever its date says.

    Returns:
        How many of its files and pages changed sides.

    Raises:
        ValueError: ``to`` is none of ``ASSIGNED``, or no reason is given.
        NotFound: the review has no such search.
        Conflict: records that would go to the pool are decided.
    """
    if to not in ASSIGNED:
        raise ValueError(f"a search is assigned to one of {', '.join(ASSIGNED)}, not {to!r}")
    if not reason.strip():
        raise ValueError("an assignment needs its reason in words")
    reviews.lock(session, review_id)
    row = session.get(Search, search_id)
    if row is None or row.review_id != review_id:
        raise NotFound(f"there is no search {search_id} in this review")
    before = row.assigned
    row.assigned, row.assigned_reason = to, reason.strip()
    session.flush()
    changed = _applied(session, review_id)
    audit.append(
        session,
        "search.assigned",
        review_id=review_id,
        person_id=person_id,
        detail={"search": search_id, "before": before, "to": to, "reason": reason.strip()},
    )
    return changed


def bring(
    session: WriteSession,
    review_id: int,
    record_id: int,
    *,
    route: str,
    reason: str,
    person_id: int | None,
) -> int:
    """Bring one urgent record out of the pool by hand: it comes in by a route of its own.

    The search that found it stays in the pool; when that is admitted, the record is its duplicate.

    Args:
        session: a transaction that writes.
        review_id: the review.
        record_id: a record of the pool.
        route: how it was found, one of ``searches.ROUTES``.
        reason: why it cannot wait.
        person_id: the lead.

    Returns:
        The report that is in the review now.

    Raises:
        ValueError: no reason is given, or the route is unknown.
        NotFound: no such record is in the pool.
    """
    if not reason.strip():
        raise ValueError("say why it cannot wait for the others")
    reviews.lock(session, review_id)
    row = session.get(RecordRow, record_id)
    inside = waiting_records(review_id).where(BatchEntry.record_id == record_id)
    if row is None or row.review_id != review_id or session.scalar(inside.limit(1)) is None:
        raise NotFound(f"there is no record {record_id} in the pool of this review")
    today = now()
    fields = {
        "source": "Added by hand",
        "route": route,
        "run_on": today.date().isoformat(),
        "strategy": reason.strip(),
    }
    search_id = searches.create(
        session, review_id, kind="other", person_id=person_id, fields=fields
    )
    search = session.get(Search, search_id)
    assert search is not None
    search.assigned, search.assigned_reason = "review", reason.strip()
    words = f"record {record_id} of {row.source} {row.source_id}, brought on {today.isoformat()}"
    batch = Batch(
        review_id=review_id,
        search_id=search_id,
        name=f"{row.source} {row.source_id}, added by hand",
        sha256=hashlib.sha256(words.encode()).hexdigest(),
        size=0,
        format="by hand",
        columns={},
        notices=[],
        created_at=today,
        created_by=person_id,
        searched_on=today.date().isoformat(),
    )
    session.add(batch)
    session.flush()
    session.add(BatchEntry(batch_id=batch.id, position=1, record_id=record_id, fate="same"))
    session.flush()
    searches.refresh_active(session, batch.id)
    reviews.touch(session, review_id)
    audit.append(
        session,
        "pool.brought",
        review_id=review_id,
        person_id=person_id,
        detail={"record": record_id, "search": search_id, "route": route, "reason": reason.strip()},
    )
    return row.report_id


def pooled(review_id: int) -> Any:
    """Condition on a batch: it waits in the review's pool, and its run has ended."""
    return and_(
        Batch.review_id == review_id,
        Batch.withdrawn_at.is_(None),
        Batch.pooled.is_(True),
        Batch.held.is_(False),
    )


def waiting_records(review_id: int) -> Any:
    """Ids of records that are in the pool and not in the review."""
    return (
        select(BatchEntry.record_id)
        .join(Batch, Batch.id == BatchEntry.batch_id)
        .join(RecordRow, RecordRow.id == BatchEntry.record_id)
        .where(pooled(review_id), BatchEntry.fate != "filtered", RecordRow.active.is_(False))
    )


@dataclass(frozen=True, slots=True)
class Waiting:
    """What one search has in the pool.

    Attributes:
        entries: records that it brought and that no admitted search of its own brought before.
        new: reports that the review does not hold, ``copies`` the others; ``filtered`` not kept.
        first: the first and the ``last`` day on which it was run, among what waits.
    """

    search_id: int
    source: str | None
    entries: int
    new: int
    copies: int
    filtered: int
    rejected: int
    first: str | None
    last: str | None
    undated: bool


def by_search(session: ReadSession, review_id: int, *, up_to: str | None = None) -> list[Waiting]:
    """What waits, by search, oldest first; only of searches run up to a day, on request."""
    inside = pooled(review_id)
    if up_to is not None:
        inside = and_(inside, Batch.searched_on <= up_to)
    mine = (
        select(
            Batch.search_id,
            BatchEntry.record_id,
            func.max(case((BatchEntry.fate != "filtered", 1), else_=0)).label("kept"),
        )
        .join(Batch, Batch.id == BatchEntry.batch_id)
        .where(inside)
        .group_by(Batch.search_id, BatchEntry.record_id)
        .subquery()
    )
    earlier = aliased(Batch)
    entry = aliased(BatchEntry)
    before = (
        select(entry.record_id)
        .join(earlier, earlier.id == entry.batch_id)
        .where(
            earlier.search_id == mine.c.search_id,
            entry.record_id == mine.c.record_id,
            earlier.pooled.is_(False),
            earlier.withdrawn_at.is_(None),
        )
        .exists()
    )
    rows = session.execute(
        select(mine.c.search_id, mine.c.kept, Report.active, RecordRow.report_id)
        .join(RecordRow, RecordRow.id == mine.c.record_id)
        .join(Report, Report.id == RecordRow.report_id)
        .where(~before)
        .order_by(mine.c.search_id, RecordRow.id)
    ).all()
    entries: dict[int, list[Any]] = {}
    for row in rows:
        entries.setdefault(row[0], []).append(row)
    days = session.execute(
        select(
            Batch.search_id,
            Search.source,
            func.min(Batch.searched_on),
            func.max(Batch.searched_on),
            func.min(Search.run_on),
        )
        .join(Search, Search.id == Batch.search_id)
        .where(inside)
        .group_by(Batch.search_id, Search.source)
        .order_by(Batch.search_id)
    ).all()
    rejected = (
        select(Batch.search_id, func.count())
        .join(BatchRejected, BatchRejected.batch_id == Batch.id)
        .where(inside)
        .group_by(Batch.search_id)
    )
    lost: dict[int, int] = dict(session.execute(rejected).all())
    return [
        _waiting(search, source, entries.get(search, []), lost.get(search, 0), first, last, stated)
        for search, source, first, last, stated in days
        # One that brought again what the review holds has nothing that waits.
        if search in entries or search in lost
    ]


def waiting(session: ReadSession, review_id: int) -> int:
    """How many records wait in the pool, those filtered included.

    What a night's overlap brought again is none: its search brought it into the review before.
    """
    return sum(each.entries for each in by_search(session, review_id))


def _waiting(
    search: int,
    source: str | None,
    rows: list[Any],
    lost: int,
    first: str | None,
    last: str | None,
    stated: str | None,
) -> Waiting:
    kept = [row for row in rows if row[1]]
    new = {row[3] for row in kept if not row[2]}
    return Waiting(
        search_id=search,
        source=source,
        entries=len(rows),
        new=len(new),
        copies=len(kept) - len(new),
        filtered=len(rows) - len(kept),
        rejected=lost,
        first=first,
        last=last,
        undated=latest_day(stated) is None,
    )


def stamp(session: ReadSession, review_id: int) -> str:
    """Changes whenever what waits does; empty where nothing waits."""
    count, newest = session.execute(
        select(func.count(), func.max(Batch.id)).where(pooled(review_id))
    ).one()
    return f"{count}-{newest}" if count else ""


def reports(session: ReadSession, review_id: int) -> list[int]:
    """Reports of the pool that the review does not hold, oldest first."""
    return list(
        session.scalars(
            select(Report.id)
            .join(RecordRow, RecordRow.report_id == Report.id)
            .where(
                Report.review_id == review_id,
                Report.active.is_(False),
                RecordRow.id.in_(waiting_records(review_id)),
            )
            .distinct()
            .order_by(Report.id)
        )
    )


def records(session: ReadSession, review_id: int) -> dict[int, int]:
    """Records that wait in the pool and are not in the review, with their reports."""
    rows = session.execute(
        select(RecordRow.id, RecordRow.report_id)
        .where(RecordRow.review_id == review_id, RecordRow.id.in_(waiting_records(review_id)))
        .order_by(RecordRow.id)
    )
    return {row[0]: row[1] for row in rows}


def frozen(session: ReadSession) -> Mapping[int, str]:
    """Reviews with a freeze date."""
    rows = session.execute(select(Review.id, Review.settings).order_by(Review.id))
    return {row[0]: row[1][FREEZE] for row in rows if row[1].get(FREEZE)}


def only_pooled(session: ReadSession, record_ids: set[int]) -> set[int]:
    """Which of these records wait in the pool and nowhere else."""
    out = aliased(Batch)
    entry = aliased(BatchEntry)
    elsewhere = (
        select(entry.record_id)
        .join(out, out.id == entry.batch_id)
        .where(
            entry.record_id == BatchEntry.record_id,
            out.pooled.is_(False),
            out.withdrawn_at.is_(None),
        )
        .exists()
    )
    found: set[int] = set()
    for part in batched(record_ids, CHUNK):
        found.update(
            session.scalars(
                select(BatchEntry.record_id)
                .join(Batch, Batch.id == BatchEntry.batch_id)
                .where(
                    BatchEntry.record_id.in_(part),
                    Batch.pooled.is_(True),
                    ~elsewhere,
                )
            )
        )
    return found
