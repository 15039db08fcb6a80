"""Ctrl-C waits for the end of a transaction that writes.

``KeyboardInterrupt`` can fall between any two steps of the main thread. Between those of SQLAlchemy
it would leave a transaction open for as long as somebody holds the exception, and on SQLite nobody
could write meanwhile, this process included.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class _Interrupts:
    """How many transactions hold interrupts back, and whether one waits for their end."""

    holding: int = 0
    waiting: bool = False


# Of the main thread: Python runs handlers of signals there alone.
_main = _Interrupts()


def interrupt() -> bool:
    """Raise ``KeyboardInterrupt``, now or once no transaction writes; for a handler of SIGINT.

    Returns:
        True: it waits for the end of a transaction.

    Raises:
        KeyboardInterrupt: nothing holds it back.
    """
    if _main.holding:
        _main.waiting = True
        return True
    raise KeyboardInterrupt


def forget_interrupt() -> None:
    """Forget an interrupt that waits."""
    _main.waiting = False


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Let ``interrupt`` wait for the end of this, if this is the main thread.

    Raises:
        KeyboardInterrupt: at the end, if somebody interrupted meanwhile.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = _main.holding
    _main.holding = before + 1
    try:
        yield
    finally:
        _main.holding = before
        if _main.waiting and not before:
            _main.waiting = False
            raise KeyboardInterrupt
