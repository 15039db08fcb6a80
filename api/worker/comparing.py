"""Compares records that an import left uncompared, in a thread of its own.

A review with many alike records takes minutes. No other work of the worker waits for it, and
reviews take turns.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from api.services.duplicates.deduplicating import compare_new_records
from api.services.reviews.work_faults import COMPARING
from api.worker.failures import Failures
from api.worker.own_thread import OwnThread
from api.worker.pauses import Part
from store.core.session import Store
from store.reports import pairs

# Seconds after which another review gets its turn.
_TURN: Final = 5.0


class Comparing(OwnThread):
    """Compares what waits whenever it is asked to look.

    Args:
        store: the database.
        failures: gets the reviews that could not be compared.
        done: called when a review's records have been compared.
    """

    def __init__(self, store: Store, failures: Failures, done: Callable[[], None]) -> None:
        self._store = store
        self._failures = failures
        self._done = done
        super().__init__("comparing records")

    def work(self) -> None:
        """Give turns until nothing waits."""
        while self.take_turns() and not self._stop.is_set():
            pass

    def take_turns(self) -> bool:
        """Give each review that waits one turn; whether any was not finished."""
        with self._store.read() as session:
            due = pairs.list_reviews_to_compare(session)
        self._failures.forget_others(COMPARING, due)
        left = [self._take_turn(review_id) for review_id in due]
        return any(left)

    def _take_turn(self, review_id: int) -> bool:
        """Compare for a while; whether some of the review's records are left."""
        part = Part(COMPARING, review_id)
        if self._stop.is_set() or not self._failures.is_due(part):
            return False
        end = time.monotonic() + _TURN
        asked, left = 0, False

        def is_over() -> bool:
            nonlocal asked, left
            asked += 1
            # The first step comes first, however late it is.
            left = asked > 1 and time.monotonic() > end
            return left or self._stop.is_set()

        try:
            compare_new_records(self._store, review_id, stop=is_over)
            self._failures.note_success(part)
        except Exception as error:  # noqa: BLE001 - other reviews must not wait for this one
            self._failures.note_failure(part, error)
            return False
        self._done()
        return left
