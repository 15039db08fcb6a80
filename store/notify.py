"""Waking the worker through PostgreSQL: a notice that goes out when the transaction commits."""

from __future__ import annotations

from sqlalchemy import text

from store.session import Store, WriteSession

_CHANNEL = "winnow_due"


def send(session: WriteSession) -> None:
    """Tell listeners, at commit, that a ranking is due. SQLite has no such thing; see ``api``."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text(f"NOTIFY {_CHANNEL}"))


class PostgresListener:
    """Waits for notices on a connection of its own."""

    def __init__(self, store: Store) -> None:
        pooled = store.engine.raw_connection()
        driver = pooled.driver_connection
        assert driver is not None
        pooled.detach()
        self._connection = driver
        self._connection.autocommit = True
        self._connection.execute(f"LISTEN {_CHANNEL}")

    def wait(self, seconds: float) -> bool:
        """Wait for a notice; True if one came in time."""
        return any(True for _ in self._connection.notifies(timeout=seconds, stop_after=1))

    def close(self) -> None:
        """Give the connection up."""
        self._connection.close()
