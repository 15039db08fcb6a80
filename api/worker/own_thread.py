"""Work of the worker that has a thread of its own, so that no other work waits for it."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod

from store.core.errors import Unavailable

logger = logging.getLogger(__name__)


class OwnThread(ABC):
    """Does what is due whenever it is asked to look.

    Args:
        name: of the thread; it also says in the log what failed.
    """

    def __init__(self, name: str) -> None:
        self._stop = threading.Event()
        self._due = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name)
        self._thread.start()

    @abstractmethod
    def work(self) -> None:
        """Do what is due now; it looks at ``_stop`` between its steps."""

    def look(self) -> None:
        """Do what has become due since."""
        self._due.set()

    def close(self) -> None:
        """Stop after the step under way; the next worker goes on."""
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
                self.work()
            except Unavailable as error:
                # Everything is still due when the database can be used again.
                logger.warning("%s %s", error, error.remedy)
            except Exception:
                logger.exception("%s failed", self._thread.name)
