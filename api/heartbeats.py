"""Heartbeats of long work, sent from a thread of their own while the work waits or computes."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from store.core.errors import LeaseLost
from store.core.session import Store

logger = logging.getLogger(__name__)

# Seconds between two heartbeats. A person who stops a run waits about as long.
_PERIOD = 2.0
# Seconds until work notices that its process is stopping.
_CHECK = 0.1


@contextmanager
def send_heartbeats(
    store: Store,
    name: str,
    *,
    lost: Callable[[], object] = lambda: None,
    check: Callable[[], object] = lambda: None,
) -> Iterator[None]:
    """Send heartbeats until the work is done, or until it was taken over.

    Args:
        store: fenced by the work's lease: each of its transactions is a heartbeat.
        name: of the work, for the thread and the log.
        lost: called once if somebody else has taken the work over.
        check: called several times a second.
    """
    done = threading.Event()

    def beat() -> None:
        due = time.monotonic() + _PERIOD
        while not done.wait(_CHECK):
            check()
            if time.monotonic() < due:
                continue
            due = time.monotonic() + _PERIOD
            try:
                with store.write():
                    """The transaction itself is the heartbeat."""
            except LeaseLost:
                lost()
                return
            except Exception:
                # The work itself meets the same trouble and reports it.
                logger.exception("the heartbeat of %s failed", name)

    thread = threading.Thread(target=beat, daemon=True, name=name)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
