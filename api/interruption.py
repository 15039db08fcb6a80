"""Ctrl-C in a terminal: the first one stops a command in order, the second one at once."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from store.core.interrupts import forget_interrupt, interrupt

CODE: Final = 130
# Seconds within which a second signal is the same key press: some programs that start others pass
# on what the terminal has sent to all of them.
_SAME: Final = 0.3
_SHOW_CURSOR: Final = b"\x1b[?25h"


@contextmanager
def stopping_in_order() -> Iterator[None]:
    """Let Ctrl-C wait for the end of a transaction, and a second Ctrl-C end the process.

    Nothing changes in threads, and where somebody else handles the signal.
    """
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    ):
        yield
        return
    pressed: list[float] = []

    def handle(_number: int, _frame: object) -> None:
        if not pressed:
            pressed.append(time.monotonic())
            if interrupt():
                _tell(b"Stopping; press Ctrl-C again to end at once.\n")
        elif time.monotonic() > pressed[0] + _SAME:
            _tell(b"Stopped.\n")
            os._exit(CODE)

    signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is handle:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        forget_interrupt()


def _tell(message: bytes) -> None:
    # A stream may be in the middle of writing, and must not be entered again.
    cursor = _SHOW_CURSOR if sys.__stderr__ is not None and sys.__stderr__.isatty() else b""
    os.write(2, b"\n" + cursor + message)
