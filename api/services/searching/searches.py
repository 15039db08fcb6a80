"""Searches: opened for files, described for the search log, withdrawn with their records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from api.refusals import require_reason
from store.core.session import Store
from store.searching import batches, pool_membership, searches
from store.searching.searches import SearchInfo


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A file or a search that was withdrawn.

    Attributes:
        name: of the file, or the search with its number.
        search_id: the search that was withdrawn, or that the file belongs to.
        reports: how many reports left the counts.
    """

    name: str
    search_id: int
    reports: int


def create_search(
    store: Store, review_id: int, fields: Mapping[str, Any], *, person_id: int | None
) -> SearchInfo:
    """Open a search that files can be imported into; a field left out is not stated.

    Raises:
        ValueError: a field is unknown.
    """
    with store.write() as session:
        search_id = searches.create_search(
            session, review_id, kind="file", person_id=person_id, fields=fields
        )
        return searches.get_search(session, review_id, search_id)


def update_search(
    store: Store,
    review_id: int,
    search_id: int,
    fields: Mapping[str, Any],
    *,
    person_id: int | None,
) -> SearchInfo:
    """State or correct fields of a search.

    Raises:
        NotFound: the review has no such search.
        ValueError: a field is unknown, or says what was run at a source.
    """
    with store.write() as session:
        searches.update_search(session, review_id, search_id, fields, person_id=person_id)
        session.flush()
        # The day of a search decides whether its records wait in the pool.
        pool_membership.refresh_pool(session, review_id)
        return searches.get_search(session, review_id, search_id)


def withdraw_file(
    store: Store, review_id: int, file_id: int, *, reason: str, person_id: int | None
) -> Withdrawal:
    """Withdraw an imported file: its records leave the counts, decisions on them stay readable.

    Raises:
        ReasonNeeded: no reason is given.
        NotFound: the review has no such file.
        Conflict: it is withdrawn already.
    """
    reason = require_reason(reason, "A withdrawal")
    with store.write() as session:
        reports = batches.withdraw_batch(
            session, review_id, file_id, reason=reason, person_id=person_id
        )
        file = batches.get_batch(session, review_id, file_id)
    return Withdrawal(file.name, file.search_id, reports)


def withdraw_search(
    store: Store, review_id: int, search_id: int, *, reason: str, person_id: int | None
) -> Withdrawal:
    """Withdraw a search with all its files and runs.

    Raises:
        ReasonNeeded: no reason is given.
        NotFound: the review has no such search.
        Conflict: all of it is withdrawn already.
    """
    reason = require_reason(reason, "A withdrawal")
    with store.write() as session:
        reports = searches.withdraw_search(
            session, review_id, search_id, reason=reason, person_id=person_id
        )
    return Withdrawal(f"search {search_id}", search_id, reports)
