"""What keeps failing in the worker: when it is tried again, what is logged, what leads see."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection

from api.services.reviews import work_faults
from api.worker.pauses import Part, Pauses
from store.core.errors import Unavailable
from store.core.session import Store
from store.core.work_faults import list_faults

logger = logging.getLogger(__name__)

# Work of one review, which its leads are shown.
_SHOWN = (work_faults.RANKING, work_faults.COMPARING, work_faults.SCORING)


class Failures:
    """Keeps one broken part from using up the processor and filling the log.

    It may be used from several threads.

    Args:
        store: where leads see what fails.
        clock: seconds, for the pauses.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._pauses = Pauses(clock)
        self._lock = threading.Lock()
        # What leads are shown, whichever worker found it.
        self._shown: set[Part] = set()

    def is_due(self, part: Part) -> bool:
        """Whether a part may be tried now."""
        with self._lock:
            return self._pauses.is_due(part)

    def note_failure(self, part: Part, error: Exception) -> None:
        """Pause a part. Call it while the error is handled: the log gets each error once in full.

        If the database cannot be used, the part is not to blame, and that is only logged.
        """
        if isinstance(error, Unavailable):
            logger.warning("%s %s", error, error.remedy)
            return
        words = work_faults.describe_error(error)
        with self._lock:
            is_new = self._pauses.note_failure(part, words)
        name = f"{part.kind} {part.id}" if part.id else part.kind
        if is_new:
            logger.exception("%s failed; it is tried again after a pause", name)
        else:
            logger.warning("%s failed again: %s", name, words)
        if part.kind in _SHOWN and is_new:
            self._show(part, error)

    def note_success(self, part: Part) -> None:
        """Forget that a part has failed."""
        with self._lock:
            self._pauses.note_success(part)
            was_shown = part in self._shown
            self._shown.discard(part)
        if was_shown:
            work_faults.record_success(self._store, part.id, part.kind)

    def refresh(self) -> None:
        """Read what leads are shown; other workers, now or earlier, may have found it."""
        with self._store.read() as session:
            shown = {Part(fault.kind, fault.review_id) for fault in list_faults(session)}
        with self._lock:
            self._shown = shown

    def forget_others(self, kind: str, due: Collection[int]) -> None:
        """Forget failures of reviews in which nothing is to be done any more."""
        with self._lock:
            gone = [part for part in self._shown if part.kind == kind and part.id not in due]
        for part in gone:
            self.note_success(part)

    def _show(self, part: Part, error: Exception) -> None:
        try:
            work_faults.record_failure(self._store, part.id, part.kind, error)
        except Exception:
            logger.exception("what failed could not be stored")
            return
        with self._lock:
            self._shown.add(part)
