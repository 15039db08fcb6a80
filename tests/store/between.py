"""Run a step of somebody else in the middle of a transaction, at a chosen place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import event

from store.core.errors import Busy
from store.core.session import Store


class Between:
    """Runs a step of another person before one chosen statement of a transaction."""

    def __init__(self, store: Store, at: int, step: Callable[[], None]) -> None:
        self._engine, self._at, self._step = store.engine, at, step
        self.seen = 0
        self.late = False
        self._inside = False

    def _before(self, *_: Any) -> None:
        if self._inside:
            return
        self.seen += 1
        if self.seen == self._at:
            self._inside = True
            self.late = not self._try()
            self._inside = False

    def _try(self) -> bool:
        """Whether the step was done; it gives up where it would wait for the transaction."""
        try:
            self._step()
        except Busy:
            return False
        return True

    def __enter__(self) -> Between:
        event.listen(self._engine, "before_cursor_execute", self._before)
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(self._engine, "before_cursor_execute", self._before)
        if self.late or self.seen < self._at:
            self._step()
