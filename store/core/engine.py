"""Engines for SQLite and PostgreSQL that behave alike: foreign keys on, writers wait in turn."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DisconnectionError

from store.core.json_text import read_json
from store.core.trouble import explain_missing_file, explain_other_file

WRITER = "winnow_writer"
# How long a transaction waits for others, unless a setting says otherwise.
BUSY_SECONDS = 30.0
# Twenty people who screen at once must not wait for a connection.
CONNECTIONS = 48
# Seconds without use after which a connection may have been cut off, so that it is asked first.
_TRUSTED = 5.0
# Pages in SQLite's write-ahead log at which a commit itself copies them into the database, while
# the next writer waits; ``Store`` copies them earlier, when nobody does.
_LONGEST_LOG = 4000
# The permissions that SQLite gives a file that it creates, less what the umask takes away.
_FILE_MODE: Final = 0o644


def create_engine_for(
    url: str, *, busy_seconds: float = BUSY_SECONDS, connections: int = CONNECTIONS
) -> Engine:
    """Create an engine for a database URL.

    Args:
        url: ``sqlite:///PATH`` or ``postgresql+psycopg://…``. A file must exist; see
            ``create_file``.
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
        engine = create_engine(parsed, json_deserializer=read_json, **pool)
        _configure_sqlite(engine, busy_seconds)
        path = _find_path(parsed)
        if path is not None:
            _keep_to_file(engine, path)
        return engine
    if backend == "postgresql":
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        stated = parsed.query.get("options")
        waits = f"{stated or ''} -c lock_timeout={int(busy_seconds * 1000)}".strip()
        engine = create_engine(parsed.update_query_dict({"options": waits}), **pool)
        _ask_idle_connections(engine)
        return engine
    raise ValueError(f"database URL must be sqlite or postgresql, not {backend!r}")


def _ask_idle_connections(engine: Engine) -> None:
    """Replace connections that were cut off while nobody used them.

    SQLAlchemy's ``pool_pre_ping`` asks each time, which costs a busy server a round trip for each
    transaction.
    """

    @event.listens_for(engine, "checkin")
    def _returned(_connection: Any, record: Any) -> None:
        record.info["used"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _taken(connection: Any, record: Any, _proxy: Any) -> None:
        used = record.info.get("used")
        if used is None or time.monotonic() - used < _TRUSTED:
            return
        try:
            alive = engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error:
            alive = False
        if not alive:
            # The pool opens another one.
            raise DisconnectionError


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


def create_file(url: str) -> None:
    """Create SQLite's file, empty, if it is missing: connections only open one that is there.

    Raises:
        OSError: it cannot be created.
    """
    path = _find_path(make_url(url))
    if path is not None:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, _FILE_MODE))


def _find_path(url: URL) -> Path | None:
    """The path of SQLite's file; None for memory, for a URI with options, and for PostgreSQL."""
    name = url.database or ""
    if url.get_backend_name() != "sqlite" or not name or name.startswith((":memory:", "file:")):
        return None
    return Path(name).absolute()


def _make_uri(path: Path) -> str:
    """The URI by which SQLite opens a file that must exist."""
    posix = path.as_posix()
    # A path on Windows begins with the letter of a drive.
    return f"file://{'' if posix.startswith('/') else '/'}{quote(os.fsencode(posix))}?mode=rw"


def _keep_to_file(engine: Engine, path: Path) -> None:
    """Open no other file than the first one, create none, and use none that has been moved away.

    SQLite goes on reading and writing a file that was moved or deleted, where nobody finds it.
    """
    uri = _make_uri(path)
    first: tuple[int, int] | None = None

    def check() -> None:
        nonlocal first
        try:
            found = path.stat()
        except OSError as error:
            raise explain_missing_file(str(path)) from error
        here = (found.st_dev, found.st_ino)
        if first is None:
            first = here
        elif first != here:
            raise explain_other_file(str(path))

    @event.listens_for(engine, "do_connect")
    def _connecting(_dialect: Any, _record: Any, arguments: list[Any], options: Any) -> None:
        check()
        arguments[0] = uri
        options["uri"] = True

    @event.listens_for(engine, "checkout")
    def _taken(_connection: Any, _record: Any, _proxy: Any) -> None:
        check()

    @event.listens_for(engine, "commit")
    def _committing(_connection: Connection) -> None:
        check()

    @event.listens_for(engine, "engine_disposed")
    def _closed(_engine: Engine) -> None:
        nonlocal first
        first = None
