"""Engines for SQLite and PostgreSQL that behave alike: foreign keys on, writers wait in turn."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url

WRITER = "winnow_writer"
_BUSY_SECONDS = 30
# Twenty people who screen at once must not wait for a connection.
_POOL = 24


def create_engine_for(url: str) -> Engine:
    """Create an engine for a database URL.

    Args:
        url: ``sqlite:///PATH`` or ``postgresql+psycopg://…``.

    Raises:
        ValueError: the URL names another database system.
    """
    parsed = make_url(url)
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        engine = create_engine(parsed, pool_size=_POOL, max_overflow=_POOL)
        _configure_sqlite(engine)
        return engine
    if backend == "postgresql":
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        return create_engine(parsed, pool_size=_POOL, max_overflow=_POOL, pool_pre_ping=True)
    raise ValueError(f"database URL must be sqlite or postgresql, not {backend!r}")


def _configure_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        # Turn off the driver's own transactions: the "begin" listener below sends BEGIN.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "foreign_keys=ON",
            "synchronous=FULL",
            f"busy_timeout={_BUSY_SECONDS * 1000}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        # A transaction that starts as a reader and then writes fails at once if another writer is
        # active. Writers therefore declare themselves at the start.
        writer = connection.get_execution_options().get(WRITER, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writer else "BEGIN")
