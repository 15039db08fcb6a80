"""Makes the index of words in a thread of its own, so that no other work of the worker waits."""

from __future__ import annotations

import logging
import threading

from api.services.searching.indexing import build_search_index
from store.core.session import Store

logger = logging.getLogger(__name__)


class Indexing:
    """Brings the index up to date whenever it is asked to look.

    Args:
        store: the database.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._stop = threading.Event()
        self._due = threading.Event()
        self._thread = threading.Thread(target=self._run, name="search-index")
        self._thread.start()

    def look(self) -> None:
        """Index what has come in since."""
        self._due.set()

    def close(self) -> None:
        """Stop after the piece under way; the next worker goes on."""
        self._stop.set()
        self._due.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            self._due.wait()
            self._due.clear()
            if self._stop.is_set():
                return
            try:
                build_search_index(self._store, wait=self._stop.wait)
            except Exception:
                # Searching is right without it, only slower.
                logger.exception("making the search index failed")
            if self._store.dialect != "sqlite":
                # PostgreSQL keeps its index itself, and one that it refused it would refuse again.
                return
