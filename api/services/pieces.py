"""Long work written in pieces: each holds the writer's lock for a moment, so that nobody waits."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import islice
from typing import Final, TypeVar

from store.core.errors import Busy
from store.core.session import Store, WriteSession

Item = TypeVar("Item")
Result = TypeVar("Result")

# Seconds for which one piece should hold the writer's lock; a slow moment may double it.
_TARGET: Final = 0.04
# How much larger than the last one a piece may be: one quick piece says little about the next.
_GROWTH: Final = 1.25
# Each piece has costs of its own. On a busy machine everything is slow, and ever smaller pieces
# would only add to the work.
_FEWEST: Final = 40
# How often a piece is tried while the database is busy.
_TRIES: Final = 6


@cache
def spare_loaded_code() -> None:
    """Leave what this process has loaded by now out of Python's garbage collections.

    A full one looks at hundreds of thousands of objects. It stops every thread for a tenth of a
    second, and with them the one that has the writer's lock. Once in a process: later there may be
    garbage among the objects, which would never be freed.
    """
    gc.freeze()


class Pieces:
    """Writes work in pieces, and sizes the next one by how long the last one took.

    Args:
        store: the database.
        first: how many items the first piece has.
        most: how many a piece has at most.
    """

    def __init__(self, store: Store, *, first: int = 50, most: int = 500) -> None:
        self.store = store
        self.size = min(first, most)
        # SQLite works in this thread, so its computing time can be told from that of others. Its
        # waits for the disk cannot.
        self._others = 0.5 if store.dialect == "sqlite" else 1.0
        self._most = most
        self._fewest = min(_FEWEST, most)

    def split(self, items: Iterable[Item]) -> Iterator[list[Item]]:
        """The items in lists, each of the size that is right when it is asked for."""
        rest = iter(items)
        while piece := list(islice(rest, self.size)):
            yield piece

    def write(self, number: int, work: Callable[[WriteSession], Result]) -> Result:
        """Do a piece of the work in a transaction; again, if the database was too busy.

        Args:
            number: how many items the piece has.
            work: writes them; nothing of it stays if it is tried again.

        Raises:
            Unavailable: the database cannot be used.
        """
        tries = 0
        while True:
            tries += 1
            try:
                return self._write(number, work)
            except Busy as error:
                if tries == _TRIES:
                    raise
                time.sleep(min(error.wait, tries))

    def _write(self, number: int, work: Callable[[WriteSession], Result]) -> Result:
        with self.store.write() as session:
            # The wait for others is not ours.
            began, computed = time.perf_counter(), time.thread_time()
            result = work(session)
        elapsed = (time.perf_counter() - began) * self._others
        seconds = max(elapsed, time.thread_time() - computed, 1e-4)
        wanted = round(number * _TARGET / seconds)
        largest = max(round(_GROWTH * self.size), self._fewest)
        self.size = max(self._fewest, min(self._most, wanted, largest))
        # A piece writes much, and nobody waits for this.
        self.store.copy_log()
        return result
