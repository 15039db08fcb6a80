"""Space requests to a source, also between processes."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from filelock import FileLock


class Pace:
    """Spaces requests to a source, also between processes that share a folder.

    Args:
        folder: keeps the time of the next free slot, shared between processes; None keeps it in
            this process.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._next: dict[str, float] = {}
        self._lock = threading.Lock()

    def slot(self, source: str, interval: float) -> float:
        """Take the next free slot; returns the seconds to wait for it."""
        if self._folder is None:
            with self._lock:
                return self._take(source, interval, self._next.get(source, 0.0))
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{source}.next"
        with FileLock(f"{path}.lock"):
            try:
                next_free = float(path.read_text())
            except (OSError, ValueError):
                next_free = 0.0
            wait = self._take(source, interval, next_free)
            path.write_text(repr(self._next[source]))
            return wait

    def _take(self, source: str, interval: float, next_free: float) -> float:
        now = time.time()
        # If the clock was set back, the source must not stop for hours.
        at = max(now, next_free) if next_free - now < 100 * max(interval, 1.0) else now
        self._next[source] = at + interval
        return at - now
