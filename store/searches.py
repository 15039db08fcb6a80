"""Searches and the files that belong to them: the rows of the search log."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, case, func, select, update

from store import audit, flow, reviews
from store.errors import Conflict, NotFound
from store.session import ReadSession, WriteSession
from store.tables import (
    Batch,
    BatchEntry,
    BatchRejected,
    Identity,
    RecordRow,
    Report,
    Review,
    Run,
    Search,
    now,
)

STATED_FIELDS = (
    *("source", "platform", "run_on", "strategy", "limits", "reported", "exported", "searcher"),
    *("gap_reason", "route", "limits_reason", "filters", "prior_work", "update_method"),
    "peer_review",
)
# What the program itself states of a harvested search.
MEASURED = ("source", "platform", "run_on", "strategy", "limits", "reported", "exported")
# Ways by which records are found, as PRISMA-S tells them apart.
ROUTES = ("database", "registry", "website", "citation", "contact", "other")


@dataclass(frozen=True, slots=True)
class BatchInfo:
    """An imported file, or a harvested page, and what became of its entries.

    ``read == new + changed + same + filtered + rejected`` always. ``run_id`` and ``number`` are a
    page's; ``problem`` is why it leaves a gap.
    """

    id: int
    search_id: int
    name: str
    sha256: str
    size: int
    format: str
    columns: Mapping[str, Any]
    notices: tuple[str, ...]
    new: int
    changed: int
    same: int
    rejected: int
    created_at: dt.datetime
    person: str | None
    withdrawn_at: dt.datetime | None
    withdrawn_reason: str | None
    filtered: int = 0
    run_id: int | None = None
    number: int | None = None
    problem: str | None = None
    held: bool = False
    pooled: bool = False

    @property
    def read(self) -> int:
        """Entries that were in the file."""
        return self.records + self.rejected

    @property
    def records(self) -> int:
        """Entries that are records."""
        return self.new + self.changed + self.same + self.filtered


@dataclass(frozen=True, slots=True)
class SearchInfo:
    """A search; None is "not stated".

    Attributes:
        received: entries of files that are not withdrawn, rejected ones included; an entry that an
            earlier file or run of the same search brought already is not counted again.
        at_most: ``reported`` is a sum over queries that may bring the same record.
        walked: entries of the last harvest that asked for everything.
        assigned: where a lead said that its records belong: "review" or "pool".
        strategy_id: the strategy version that a harvested search runs, ``line`` its line and
            ``source_name`` the source's short name.
    """

    id: int
    kind: str
    source: str | None
    platform: str | None
    run_on: str | None
    strategy: str | None
    limits: str | None
    reported: int | None
    exported: int | None
    searcher: str | None
    gap_reason: str | None
    created_at: dt.datetime
    batches: tuple[BatchInfo, ...]
    received: int = 0
    at_most: bool = False
    route: str | None = None
    limits_reason: str | None = None
    filters: str | None = None
    prior_work: str | None = None
    update_method: str | None = None
    peer_review: str | None = None
    strategy_id: int | None = None
    line: str | None = None
    source_name: str | None = None
    walked: int | None = None
    assigned: str | None = None
    assigned_reason: str | None = None

    @property
    def gap(self) -> int | None:
        """Hits reported less entries received; None where no number of them is known.

        Of a harvested search both are of the last run that asked for everything.
        """
        if self.reported is None or self.at_most:
            return None
        return self.reported - (self.received if self.walked is None else self.walked)

    @property
    def pooled(self) -> bool:
        """Whether all that it brought waits in the pool."""
        live = [batch for batch in self.batches if not batch.withdrawn_at]
        return bool(live) and all(batch.pooled for batch in live)

    @property
    def withdrawn(self) -> bool:
        """Whether it has files and all of them are withdrawn."""
        return bool(self.batches) and all(batch.withdrawn_at for batch in self.batches)


@dataclass(frozen=True, slots=True)
class RejectedInfo:
    """An entry that is no record, as it was stored."""

    position: int
    line: int | None
    reason: str
    excerpt: str


def create(
    session: WriteSession,
    review_id: int,
    *,
    kind: str,
    person_id: int | None,
    fields: Mapping[str, Any],
) -> int:
    """A new search; fields that are left out are "not stated".

    Raises:
        ValueError: a field is not one of ``STATED_FIELDS``.
    """
    _known(fields)
    row = Search(review_id=review_id, kind=kind, created_by=person_id, **fields)
    session.add(row)
    session.flush()
    return row.id


def _known(fields: Mapping[str, Any]) -> None:
    unknown = set(fields) - set(STATED_FIELDS)
    if unknown:
        raise ValueError(f"unknown field(s) of a search: {', '.join(sorted(unknown))}")
    route = fields.get("route")
    if route is not None and route not in ROUTES:
        raise ValueError(f"route must be one of {', '.join(ROUTES)}, not {route!r}")


def edit(
    session: WriteSession,
    review_id: int,
    search_id: int,
    fields: Mapping[str, Any],
    *,
    person_id: int | None,
) -> None:
    """State what was not stated, or mend it; what it said before goes to the audit trail.

    Raises:
        NotFound: the review has no such search.
        ValueError: a field is unknown, or what a harvested search ran.
    """
    _known(fields)
    row = _row(session, review_id, search_id)
    told = sorted(set(fields) & set(MEASURED)) if row.kind == "api" else []
    if told:
        raise ValueError(f"{told[0]} of a harvested search is what was run, and cannot be edited")
    before = {name: getattr(row, name) for name in fields}
    if before == dict(fields):
        return
    for name, value in fields.items():
        setattr(row, name, value)
    audit.append(
        session,
        "search.edited",
        review_id=review_id,
        person_id=person_id,
        detail={"search": search_id, "before": before, "after": dict(fields)},
    )


def _row(session: ReadSession, review_id: int, search_id: int) -> Search:
    row = session.get(Search, search_id)
    if row is None or row.review_id != review_id:
        raise NotFound(f"there is no search {search_id} in this review")
    return row


def everything(session: ReadSession, review_id: int) -> list[SearchInfo]:
    """All searches of a review with their files, oldest first."""
    files: dict[int, list[BatchInfo]] = {}
    for batch in _batches(session, Batch.review_id == review_id):
        files.setdefault(batch.search_id, []).append(batch)
    rows = session.scalars(select(Search).where(Search.review_id == review_id).order_by(Search.id))
    came = flow.received(session, review_id)
    whole = _whole(session, review_id)
    return [_info(row, files.get(row.id, []), came.get(row.id, 0), whole) for row in rows]


def _whole(session: ReadSession, review_id: int) -> dict[int, tuple[int, bool]]:
    """Of each harvested search, entries of the newest run that asked for everything.

    And whether it reported a sum over queries that may overlap.
    """
    newest = (
        select(func.max(Run.id))
        .where(Run.review_id == review_id, Run.mode == "whole", Run.opened_at.is_not(None))
        .group_by(Run.search_id)
    )
    rows = session.execute(
        select(Run.search_id, Run.received, Run.at_most).where(Run.id.in_(newest))
    )
    return {search: (walked, at_most) for search, walked, at_most in rows}


def by_id(session: ReadSession, review_id: int, search_id: int) -> SearchInfo:
    """One search with its files.

    Raises:
        NotFound: the review has no such search.
    """
    row = _row(session, review_id, search_id)
    came = flow.received(session, review_id).get(search_id, 0)
    whole = _whole(session, review_id)
    return _info(row, _batches(session, Batch.search_id == search_id), came, whole)


def _info(
    row: Search, batches: list[BatchInfo], received: int, whole: Mapping[int, tuple[int, bool]]
) -> SearchInfo:
    walked, at_most = whole.get(row.id, (None, False))
    return SearchInfo(
        id=row.id,
        kind=row.kind,
        source=row.source,
        platform=row.platform,
        run_on=row.run_on,
        strategy=row.strategy,
        limits=row.limits,
        reported=row.reported,
        exported=row.exported,
        searcher=row.searcher,
        gap_reason=row.gap_reason,
        created_at=row.created_at,
        batches=tuple(batches),
        received=received,
        at_most=at_most,
        walked=walked,
        assigned=row.assigned,
        assigned_reason=row.assigned_reason,
        route=row.route,
        limits_reason=row.limits_reason,
        filters=row.filters,
        prior_work=row.prior_work,
        update_method=row.update_method,
        peer_review=row.peer_review,
        strategy_id=row.strategy_id,
        line=row.line,
        source_name=row.source_name,
    )


def _batches(session: ReadSession, condition: Any) -> list[BatchInfo]:
    fates = (
        select(
            BatchEntry.batch_id,
            *(
                func.sum(case((BatchEntry.fate == fate, 1), else_=0)).label(fate)
                for fate in ("new", "changed", "same", "filtered")
            ),
        )
        .group_by(BatchEntry.batch_id)
        .subquery()
    )
    rejected = (
        select(BatchRejected.batch_id, func.count().label("rejected"))
        .group_by(BatchRejected.batch_id)
        .subquery()
    )
    rows = session.execute(
        select(
            Batch,
            func.coalesce(fates.c.new, 0),
            func.coalesce(fates.c.changed, 0),
            func.coalesce(fates.c.same, 0),
            func.coalesce(fates.c.filtered, 0),
            func.coalesce(rejected.c.rejected, 0),
            Identity.name,
        )
        .outerjoin(fates, fates.c.batch_id == Batch.id)
        .outerjoin(rejected, rejected.c.batch_id == Batch.id)
        .outerjoin(Identity, Identity.person_id == Batch.created_by)
        .where(condition)
        .order_by(Batch.id)
    )
    return [
        BatchInfo(
            id=row.id,
            search_id=row.search_id,
            name=row.name,
            sha256=row.sha256,
            size=row.size,
            format=row.format,
            columns=row.columns,
            notices=tuple(row.notices),
            new=new,
            changed=changed,
            same=same,
            rejected=lost,
            created_at=row.created_at,
            person=person,
            withdrawn_at=row.withdrawn_at,
            withdrawn_reason=row.withdrawn_reason,
            filtered=filtered,
            run_id=row.run_id,
            number=row.number,
            problem=row.problem,
            held=row.held,
            pooled=row.pooled,
        )
        for row, new, changed, same, filtered, lost, person in rows
    ]


def find_batch(session: ReadSession, review_id: int, sha256: str) -> BatchInfo | None:
    """The file of that content, if the review holds it and it is not withdrawn."""
    found = _batches(
        session,
        (Batch.review_id == review_id)
        & (Batch.sha256 == sha256)
        & Batch.withdrawn_at.is_(None)
        & Batch.run_id.is_(None),
    )
    return found[0] if found else None


def batch(session: ReadSession, review_id: int, batch_id: int) -> BatchInfo:
    """One imported file.

    Raises:
        NotFound: the review has no such file.
    """
    found = _batches(session, (Batch.review_id == review_id) & (Batch.id == batch_id))
    if not found:
        raise NotFound(f"there is no imported file {batch_id} in this review")
    return found[0]


def rejected(session: ReadSession, batch_id: int, *, limit: int = 1000) -> list[RejectedInfo]:
    """Entries of a file that are no records, in file order."""
    rows = session.scalars(
        select(BatchRejected)
        .where(BatchRejected.batch_id == batch_id)
        .order_by(BatchRejected.position)
        .limit(limit)
    )
    return [RejectedInfo(row.position, row.line, row.reason, row.excerpt) for row in rows]


def stamp(session: ReadSession, review_id: int) -> tuple[int, int, int]:
    """Changes whenever the review's reports change: files that count, withdrawn ones, groupings."""
    regrouped = session.scalar(select(Review.regrouped).where(Review.id == review_id))
    counted, withdrawn = session.execute(
        select(
            func.count(case((and_(Batch.held.is_(False), Batch.pooled.is_(False)), 1))),
            func.count(Batch.withdrawn_at),
        ).where(Batch.review_id == review_id)
    ).one()
    return counted, withdrawn, regrouped or 0


def withdraw(
    session: WriteSession, review_id: int, batch_id: int, *, reason: str, person_id: int | None
) -> int:
    """Take a wrong file back: its records leave the counts, decisions on them stay readable.

    Returns:
        How many reports left the counts; records that another file brought too stay.

    Raises:
        NotFound: the review has no such file.
        Conflict: it is withdrawn already.
    """
    row = session.get(Batch, batch_id)
    if row is None or row.review_id != review_id:
        raise NotFound(f"there is no imported file {batch_id} in this review")
    if row.withdrawn_at is not None:
        raise Conflict(f"file {batch_id} is withdrawn already: {row.withdrawn_reason}")
    row.withdrawn_at, row.withdrawn_by, row.withdrawn_reason = now(), person_id, reason
    session.flush()
    gone = refresh_active(session, batch_id)
    reviews.touch(session, review_id)
    audit.append(
        session,
        "file.withdrawn",
        review_id=review_id,
        person_id=person_id,
        detail={"file": batch_id, "name": row.name, "reason": reason, "reports": gone},
    )
    return gone


def withdraw_search(
    session: WriteSession, review_id: int, search_id: int, *, reason: str, person_id: int | None
) -> int:
    """Take a whole search back, with all its files, pages and runs.

    Returns:
        How many reports left the counts.

    Raises:
        NotFound: the review has no such search.
        Conflict: nothing of it is left to withdraw.
    """
    _row(session, review_id, search_id)
    mine = (Batch.search_id == search_id) & Batch.withdrawn_at.is_(None)
    left = session.scalars(select(Batch.id).where(mine)).all()
    if not left:
        raise Conflict(f"search {search_id} has nothing that is not withdrawn already")
    session.execute(
        update(Batch)
        .where(mine)
        .values(withdrawn_at=now(), withdrawn_by=person_id, withdrawn_reason=reason)
    )
    gone = _refresh(
        session,
        select(BatchEntry.record_id)
        .join(Batch, Batch.id == BatchEntry.batch_id)
        .where(Batch.search_id == search_id),
    )
    reviews.touch(session, review_id)
    audit.append(
        session,
        "search.withdrawn",
        review_id=review_id,
        person_id=person_id,
        detail={"search": search_id, "files": len(left), "reason": reason, "reports": gone},
    )
    return gone


def refresh_active(session: WriteSession, batch_id: int) -> int:
    """Set again which records and reports of a file count.

    Returns:
        How many reports of the file do not count now.
    """
    return _refresh(session, select(BatchEntry.record_id).where(BatchEntry.batch_id == batch_id))


def refresh_run(session: WriteSession, run_id: int) -> int:
    """Set again which records and reports of a run count.

    Returns:
        How many reports of the run do not count now.
    """
    return _refresh(
        session,
        select(BatchEntry.record_id)
        .join(Batch, Batch.id == BatchEntry.batch_id)
        .where(Batch.run_id == run_id),
    )


def _refresh(session: WriteSession, mine: Select[int]) -> int:
    """A record counts while a file brought it, unfiltered, that is in the review.

    One that is withdrawn, held or in the pool is not.
    """
    alive = (
        select(BatchEntry.record_id)
        .join(Batch, Batch.id == BatchEntry.batch_id)
        .where(
            BatchEntry.record_id == RecordRow.id,
            BatchEntry.fate != "filtered",
            Batch.withdrawn_at.is_(None),
            Batch.held.is_(False),
            Batch.pooled.is_(False),
        )
        .exists()
    )
    session.execute(update(RecordRow).where(RecordRow.id.in_(mine)).values(active=alive))
    reports = select(RecordRow.report_id).where(RecordRow.id.in_(mine))
    member = (
        select(RecordRow.id)
        .where(RecordRow.report_id == Report.id, RecordRow.active.is_(True))
        .exists()
    )
    session.execute(update(Report).where(Report.id.in_(reports)).values(active=member))
    return (
        session.scalar(
            select(func.count())
            .select_from(Report)
            .where(Report.id.in_(reports), Report.active.is_(False))
        )
        or 0
    )
