"""Waking the worker at once: PostgreSQL's notices, or a datagram on this machine for SQLite.

A lost wake-up costs only time: the worker also looks by itself every few seconds.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from pathlib import Path
from typing import Protocol

from store.notify import PostgresListener
from store.session import Store

_FILE = "worker.json"


class Listener(Protocol):
    """Something the worker waits on."""

    def wait(self, seconds: float) -> bool:
        """Wait to be woken; True if that happened in time."""
        ...

    def close(self) -> None:
        """Stop listening."""
        ...


class DatagramListener:
    """Listens on a free port of the loopback interface and writes down which."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / _FILE
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        waiting = self._path.with_suffix(".part")
        waiting.write_text(json.dumps({"port": self._socket.getsockname()[1], "pid": os.getpid()}))
        waiting.replace(self._path)

    def wait(self, seconds: float) -> bool:
        """Wait for a datagram; those that came meanwhile are taken together."""
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


def listener(store: Store, data_dir: Path) -> Listener:
    """The listener that fits the database."""
    return PostgresListener(store) if store.dialect == "postgresql" else DatagramListener(data_dir)


def wake(store: Store, data_dir: Path) -> None:
    """Wake the worker of this data folder, if there is one. PostgreSQL does it at commit."""
    if store.dialect == "postgresql":
        return
    with contextlib.suppress(OSError, ValueError, KeyError):
        port = int(json.loads((data_dir / _FILE).read_text())["port"])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"due", ("127.0.0.1", port))
