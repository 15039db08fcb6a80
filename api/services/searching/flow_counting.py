"""Stores what became of each review's entries, so that pages need not count them."""

from __future__ import annotations

from collections.abc import Callable

from store.core.session import Store
from store.reports import counters
from store.searching import flow_counts


class FlowCounting:
    """Counts reviews whose files, pages or grouping have changed, once they have stopped changing.

    Args:
        store: the database.

    Attributes:
        changing: whether the last look left reviews for the next one.
    """

    def __init__(self, store: Store) -> None:
        self.changing = False
        self._store = store
        self._seen: dict[int, int] = {}

    def look(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Count reviews that have not changed since the last look; the others are left.

        While an import is compared, they change all the time, and counting costs as much as a few
        pages.
        """
        with self._store.read() as session:
            due = flow_counts.list_reviews_to_count(session)
        earlier, self._seen = self._seen, due
        for review_id, changes in due.items():
            if stop():
                return
            if earlier.get(review_id) == changes:
                count_flow(self._store, review_id)
        self.changing = any(earlier.get(key) != changes for key, changes in due.items())


def count_flow(store: Store, review_id: int) -> None:
    """Count what became of a review's entries, and store it."""
    with store.read() as session:
        counted = flow_counts.count_to_store(session, review_id)
    with store.write() as session:
        flow_counts.store_counts(session, review_id, counted)
        # Now that nothing changes, the rows that each connection wrote become one.
        counters.fold_counts(session)
