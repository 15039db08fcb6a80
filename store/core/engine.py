"""Engines for SQLite and PostgreSQL that behave alike: foreign keys on, writers wait in turn."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url

WRITER = "winnow_writer"
# How long a transaction waits for others, unless a setting says otherwise.
BUSY_SECONDS = 30.0
# Twenty people who screen at once must not wait for a connection.
CONNECTIONS = 48
# Pages in SQLite's write-ahead log at which a commit itself copies them into the database, while
# the next writer waits; ``Store`` copies them earlier, when nobody does.
_LONGEST_LOG = 4000


def create_engine_for(
    url: str, *, busy_seconds: float = BUSY_SECONDS, connections: int = CONNECTIONS
) -> Engine:
    """Create an engine for a database URL.

    Args:
        url: ``sqlite:///PATH`` or ``postgresql+psycopg://…``.
        busy_seconds: how long a statement waits for a lock before it fails.
        connections: how many it opens at most, at least 2; half of them stay open.

    Raises:
        ValueError: the URL names another database system.
    """
    parsed = make_url(url)
    backend = parsed.get_backend_name()
    pool: dict[str, Any] = {
        "pool_size": connections // 2,
        "max_overflow": connections - connections // 2,
        "pool_timeout": busy_seconds,
    }
    if backend == "sqlite":
        engine = create_engine(parsed, **pool)
        _configure_sqlite(engine, busy_seconds)
        return engine
    if backend == "postgresql":
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        stated = parsed.query.get("options")
        waits = f"{stated or ''} -c lock_timeout={int(busy_seconds * 1000)}".strip()
        return create_engine(
            parsed.update_query_dict({"options": waits}), pool_pre_ping=True, **pool
        )
    raise ValueError(f"database URL must be sqlite or postgresql, not {backend!r}")


def _configure_sqlite(engine: Engine, busy_seconds: float) -> None:
    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        # Turn off the driver's own transactions: the "begin" listener below sends BEGIN.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "foreign_keys=ON",
            "synchronous=FULL",
            f"wal_autocheckpoint={_LONGEST_LOG}",
            f"busy_timeout={int(busy_seconds * 1000)}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        # A transaction that starts as a reader and then writes fails at once if another writer is
        # active. Writers therefore declare themselves at the start.
        writer = connection.get_execution_options().get(WRITER, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writer else "BEGIN")
