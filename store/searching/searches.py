"""Searches of a review: the rows of the search log."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, update

from store.core import audit
from store.core.errors import Conflict, NotFound
from store.core.session import ReadSession, WriteSession
from store.core.tables import Batch, BatchEntry, Run, Search, is_shown, now
from store.reviews import reviews
from store.searching import batches, flow
from store.searching.batches import BatchInfo

STATED_FIELDS = (
    *("source", "platform", "run_on", "strategy", "limits", "reported", "exported", "searcher"),
    *("gap_reason", "route", "limits_reason", "filters", "prior_work", "update_method"),
    "peer_review",
)

# Fields of a search by API that Winnow itself fills in.
MEASURED = ("source", "platform", "run_on", "strategy", "limits", "reported", "exported")

# How records are found, as PRISMA-S distinguishes it.
ROUTES = ("database", "registry", "website", "citation", "contact", "other")


@dataclass(frozen=True, slots=True)
class SearchInfo:
    """A search; None means "not stated".

    Attributes:
        received: entries of files that are not withdrawn, rejected ones included. An entry that an
            earlier file or run of the same search had is not counted again.
        at_most: ``reported`` is a sum over queries that may share hits.
        walked: for a search by API, entries of its last run that asked for everything.
        assigned: where a lead said that its records belong: "review" or "pool".
        strategy_id: for a search by API the strategy version, ``line`` the line of it that is run
            and ``source_name`` the source's short name.
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
        """How many more hits the source reported than entries came; None if that is not known.

        For a search by API, both numbers are from the last run that asked for everything.
        """
        if self.reported is None or self.at_most:
            return None
        return self.reported - (self.received if self.walked is None else self.walked)

    @property
    def pooled(self) -> bool:
        """Whether all its records wait in the pool."""
        live = [batch for batch in self.batches if not batch.withdrawn_at]
        return bool(live) and all(batch.pooled for batch in live)

    @property
    def withdrawn(self) -> bool:
        """Whether it has files and all of them are withdrawn."""
        return bool(self.batches) and all(batch.withdrawn_at for batch in self.batches)


def create_search(
    session: WriteSession,
    review_id: int,
    *,
    kind: str,
    person_id: int | None,
    fields: Mapping[str, Any],
) -> int:
    """Create a search; fields that are left out are "not stated".

    Raises:
        ValueError: a field is not one of ``STATED_FIELDS``.
    """
    _check_fields(fields)
    row = Search(review_id=review_id, kind=kind, created_by=person_id, **fields)
    session.add(row)
    session.flush()
    return row.id


def _check_fields(fields: Mapping[str, Any]) -> None:
    unknown = set(fields) - set(STATED_FIELDS)
    if unknown:
        raise ValueError(f"a search has no field {', '.join(sorted(unknown))}")
    route = fields.get("route")
    if route is not None and route not in ROUTES:
        raise ValueError(f"route must be one of {', '.join(ROUTES)}, not {route!r}")


def update_search(
    session: WriteSession,
    review_id: int,
    search_id: int,
    fields: Mapping[str, Any],
    *,
    person_id: int | None,
) -> None:
    """State or correct fields of a search; their earlier values go to the audit trail.

    Raises:
        NotFound: the review has no such search.
        ValueError: a field is unknown, or says what a search by API ran.
    """
    _check_fields(fields)
    reviews.lock_review(session, review_id)
    row = _row(session, review_id, search_id)
    measured = sorted(set(fields) & set(MEASURED)) if row.kind == "api" else []
    if measured:
        raise ValueError(f"{measured[0]} cannot be edited: it records what Winnow ran")
    before = {name: getattr(row, name) for name in fields}
    if before == dict(fields):
        return
    for name, value in fields.items():
        setattr(row, name, value)
    audit.append_event(
        session,
        "search.edited",
        review_id=review_id,
        person_id=person_id,
        detail={"search": search_id, "before": before, "after": dict(fields)},
    )


def _row(session: ReadSession, review_id: int, search_id: int) -> Search:
    row = session.scalars(
        select(Search).where(
            Search.id == search_id, Search.review_id == review_id, is_shown(Search.intake_id)
        )
    ).first()
    if row is None:
        raise NotFound(f"there is no search {search_id} in this review")
    return row


def list_searches(session: ReadSession, review_id: int) -> list[SearchInfo]:
    """All searches of a review with their files, oldest first."""
    files: dict[int, list[BatchInfo]] = {}
    for batch in batches.list_batches_of_review(session, review_id):
        files.setdefault(batch.search_id, []).append(batch)
    rows = session.scalars(
        select(Search)
        .where(Search.review_id == review_id, is_shown(Search.intake_id))
        .order_by(Search.id)
    )
    received = flow.count_received(session, review_id)
    whole_runs = _find_whole_runs(session, review_id)
    return [_info(row, files.get(row.id, []), received.get(row.id, 0), whole_runs) for row in rows]


def number_searches(session: ReadSession, review_id: int) -> dict[int, int]:
    """Numbers of a review's searches by id, from 1, as pages and the command line say them."""
    ids = session.scalars(
        select(Search.id)
        .where(Search.review_id == review_id, is_shown(Search.intake_id))
        .order_by(Search.id)
    )
    return {search_id: number for number, search_id in enumerate(ids, 1)}


def get_search_by_number(session: ReadSession, review_id: int, number: int) -> int:
    """The id of a review's search with this number.

    Raises:
        NotFound: the review has no such search.
    """
    ids = list(number_searches(session, review_id))
    if not 1 <= number <= len(ids):
        known = f"; it has {len(ids)} (see Imports)" if ids else ""
        raise NotFound(f"there is no search {number} in this review{known}")
    return ids[number - 1]


def _find_whole_runs(session: ReadSession, review_id: int) -> dict[int, tuple[int, bool]]:
    """For each search by API, its newest run that asked for everything.

    Returns:
        By search: how many entries the run received, and whether it reported a sum over queries
        that may share hits.
    """
    newest = (
        select(func.max(Run.id))
        .where(Run.review_id == review_id, Run.mode == "whole", Run.opened_at.is_not(None))
        .group_by(Run.search_id)
    )
    rows = session.execute(
        select(Run.search_id, Run.received, Run.at_most).where(Run.id.in_(newest))
    )
    return {search_id: (received, at_most) for search_id, received, at_most in rows}


def get_search(session: ReadSession, review_id: int, search_id: int) -> SearchInfo:
    """One search with its files.

    Raises:
        NotFound: the review has no such search.
    """
    row = _row(session, review_id, search_id)
    files = batches.list_batches_of_search(session, search_id)
    received = flow.count_received(session, review_id).get(search_id, 0)
    return _info(row, files, received, _find_whole_runs(session, review_id))


def _info(
    row: Search, files: list[BatchInfo], received: int, whole_runs: Mapping[int, tuple[int, bool]]
) -> SearchInfo:
    walked, at_most = whole_runs.get(row.id, (None, False))
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
        batches=tuple(files),
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


def withdraw_search(
    session: WriteSession, review_id: int, search_id: int, *, reason: str, person_id: int | None
) -> int:
    """Withdraw a search with all its files, pages and runs.

    Returns:
        How many reports no longer count.

    Raises:
        NotFound: the review has no such search.
        Conflict: all of it is withdrawn already.
    """
    reviews.lock_review(session, review_id)
    _row(session, review_id, search_id)
    still_in = (Batch.search_id == search_id) & Batch.withdrawn_at.is_(None)
    batch_ids = session.scalars(select(Batch.id).where(still_in)).all()
    if not batch_ids:
        raise Conflict(f"all of search {search_id} has already been withdrawn")
    session.execute(
        update(Batch)
        .where(still_in)
        .values(withdrawn_at=now(), withdrawn_by=person_id, withdrawn_reason=reason)
    )
    n_gone = batches.refresh_records(
        session,
        select(BatchEntry.record_id)
        .join(Batch, Batch.id == BatchEntry.batch_id)
        .where(Batch.search_id == search_id),
    )
    reviews.request_ranking(session, review_id)
    audit.append_event(
        session,
        "search.withdrawn",
        review_id=review_id,
        person_id=person_id,
        detail={"search": search_id, "files": len(batch_ids), "reason": reason, "reports": n_gone},
    )
    return n_gone
