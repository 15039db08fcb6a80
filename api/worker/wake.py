"""Waking the worker at once: by PostgreSQL's notifications, or for SQLite by a local datagram.

A lost wake-up costs only time, since the worker also looks every few seconds.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from pathlib import Path
from typing import Protocol

from store.core.notify import PostgresListener
from store.core.session import Store

_FILE = "worker.json"


class Listener(Protocol):
    """What the worker waits on."""

    def wait(self, seconds: float) -> bool:
        """Wait to be woken; False if that did not happen in time."""
        ...

    def close(self) -> None:
        """Stop listening."""
        ...


class DatagramListener:
    """Listens on a free port of the loopback interface, and writes its number into a file."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / _FILE
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        part = self._path.with_suffix(".part")
        part.write_text(json.dumps({"port": self._socket.getsockname()[1], "pid": os.getpid()}))
        part.replace(self._path)

    def wait(self, seconds: float) -> bool:
        """Wait for a datagram; several that have arrived count as one."""
        self._socket.settimeout(seconds)
        try:
            self._socket.recv(16)
        except (TimeoutError, ConnectionError):
            return False
        self._socket.setblocking(False)
        with contextlib.suppress(BlockingIOError, ConnectionError):
            while True:
                self._socket.recv(16)
        return True

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()
        self._path.unlink(missing_ok=True)


def open_listener(store: Store, data_dir: Path) -> Listener:
    """The listener that suits the database."""
    return PostgresListener(store) if store.dialect == "postgresql" else DatagramListener(data_dir)


def wake(store: Store, data_dir: Path) -> None:
    """Wake the worker of this data folder, if it has one. PostgreSQL does so at commit."""
    if store.dialect == "postgresql":
        return
    with contextlib.suppress(OSError, ValueError, KeyError):
        port = int(json.loads((data_dir / _FILE).read_text())["port"])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"due", ("127.0.0.1", port))
