"""Waking the worker through PostgreSQL: a notification is sent when the transaction commits."""

from __future__ import annotations

from sqlalchemy import text

from store.core.session import Store, WriteSession

_CHANNEL = "winnow_due"


def notify_workers(session: WriteSession) -> None:
    """Notify listeners at commit that a ranking is due.

    SQLite has no notifications; ``api.worker.wake`` wakes its worker.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text(f"NOTIFY {_CHANNEL}"))


class PostgresListener:
    """Waits for notifications on a connection of its own."""

    def __init__(self, store: Store) -> None:
        pooled = store.engine.raw_connection()
        driver = pooled.driver_connection
        assert driver is not None
        pooled.detach()
        self._connection = driver
        self._connection.autocommit = True
        self._connection.execute(f"LISTEN {_CHANNEL}")

    def wait(self, seconds: float) -> bool:
        """Wait for a notification, and return whether one came in time."""
        return any(True for _ in self._connection.notifies(timeout=seconds, stop_after=1))

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
