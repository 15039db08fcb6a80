"""Makes the index of words in a thread of its own, so that no other work of the worker waits."""

from __future__ import annotations

from api.services.searching.indexing import build_search_index
from api.worker.own_thread import OwnThread
from store.core.errors import Unavailable
from store.core.session import Store


class Indexing(OwnThread):
    """Brings the index up to date whenever it is asked to look.

    Searching is right without the index, only slower.

    Args:
        store: the database.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._is_kept_up = False
        super().__init__("making the search index")

    def work(self) -> None:
        """Index what has come in since."""
        if self._is_kept_up:
            return
        # PostgreSQL keeps its index itself, and one that it refused it would refuse again.
        self._is_kept_up = self._store.dialect != "sqlite"
        try:
            build_search_index(self._store, wait=self._stop.wait)
        except Unavailable:
            self._is_kept_up = False
            raise
