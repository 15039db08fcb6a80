"""Sessions: each request, and each step of a job, is one transaction, committed at its end."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from threading import Lock
from typing import Any, Final, NewType

from sqlalchemy import CursorResult, Engine, Executable
from sqlalchemy.exc import DataError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

import store.core.tables  # noqa: F401 - foreign keys refer to tables by name
from store.core.engine import BUSY_SECONDS, CONNECTIONS, WRITER, create_engine_for, create_file
from store.core.errors import Busy, Unavailable, Unstorable
from store.core.interrupts import interrupts_held
from store.core.trouble import explain_error

ReadSession = NewType("ReadSession", Session)
# A function that reads also takes a writing session, but never the reverse: mypy checks this.
WriteSession = NewType("WriteSession", ReadSession)

# After how many transactions SQLite's log is copied: as many as once made a commit copy it.
_COPIED_EVERY: Final = 50
# Milliseconds for which giving back its disk space waits for readers.
_SHRINKING: Final = 200


def execute_plain(
    session: ReadSession, statement: Executable, values: Any = None
) -> CursorResult[*tuple[Any, ...]]:
    """Execute a statement built beforehand without the ORM, which takes half the time.

    Objects that the session has loaded are not updated.
    """
    if session.autoflush:
        session.flush()
    return session.connection().execute(statement, values)


class Store:
    """A database, with a reading and a writing kind of transaction."""

    def __init__(
        self,
        url: str,
        *,
        busy_seconds: float = BUSY_SECONDS,
        connections: int = CONNECTIONS,
        create: bool = False,
    ) -> None:
        """Open a database.

        Args:
            url: see ``create_engine_for``.
            busy_seconds: how long a transaction waits for others.
            connections: how many are open at once at most.
            create: create SQLite's file if it is missing; otherwise it must exist.

        Raises:
            OSError: the file cannot be created.
        """
        if create:
            create_file(url)
        self.engine: Engine = create_engine_for(
            url, busy_seconds=busy_seconds, connections=connections
        )
        self._busy_seconds = busy_seconds
        self._writer = self.engine.execution_options(**{WRITER: True})
        self._single = self.engine
        if self.dialect == "postgresql":
            self._single = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        # SQLite admits one writer; the others sleep and retry, sometimes for seconds. Within one
        # process they queue here instead. PostgreSQL does not need this.
        self._turn = Lock() if self.dialect == "sqlite" else None
        self._writes = count(1)
        self._check: Callable[[WriteSession], object] | None = None

    def fenced(self, check: Callable[[WriteSession], object]) -> Store:
        """The same database for work that another process may take over.

        Args:
            check: called at the start of each transaction that writes. It locks the row that says
                whose work it is, and raises if it is no longer ours.
        """
        fenced = copy.copy(self)
        before = self._check

        def check_all(session: WriteSession) -> None:
            if before is not None:
                before(session)
            check(session)

        fenced._check = check_all
        return fenced

    @property
    def unfenced(self) -> Store:
        """The same database, for what has to be written even if the work is no longer ours."""
        unfenced = copy.copy(self)
        unfenced._check = None
        return unfenced

    @property
    def dialect(self) -> str:
        """Either "sqlite" or "postgresql"."""
        return self.engine.dialect.name

    @contextmanager
    def read(self) -> Iterator[ReadSession]:
        """Open a transaction that reads; it is rolled back at the end.

        Raises:
            Unavailable: the database cannot be used now.
        """
        with self.explained(), Session(self.engine, autoflush=False) as session:
            yield ReadSession(session)

    @contextmanager
    def read_singly(self) -> Iterator[ReadSession]:
        """Like ``read``, for a request that many make at once and that reads in few statements.

        On PostgreSQL each statement is then a transaction of its own, which it is to its reader
        anyway; beginning and ending one around them would cost two round trips. Statements cannot
        be streamed.

        Raises:
            Unavailable: the database cannot be used now.
        """
        with self.explained(), Session(self._single, autoflush=False) as session:
            yield ReadSession(session)

    @contextmanager
    def read_snapshot(self) -> Iterator[ReadSession]:
        """Like ``read``, with every statement reading the same state of the database.

        Use it for many statements while others write. On SQLite every transaction is like this.

        Raises:
            Unavailable: the database cannot be used now.
        """
        engine = self.engine
        if self.dialect == "postgresql":
            engine = engine.execution_options(isolation_level="REPEATABLE READ")
        with self.explained(), Session(engine, autoflush=False) as session:
            yield ReadSession(session)

    @contextmanager
    def write(self) -> Iterator[WriteSession]:
        """Open a transaction that writes: committed at the end, rolled back on an error.

        Ctrl-C waits for its end.

        Raises:
            Unavailable: the database cannot be used now, and nothing was stored.
            Unstorable: it cannot hold a value.
        """
        try:
            with (
                interrupts_held(),
                self.explained(),
                self._own_turn(),
                Session(self._writer, expire_on_commit=False) as session,
                session.begin(),
            ):
                writing = WriteSession(ReadSession(session))
                if self._check is not None:
                    self._check(writing)
                yield writing
        except DataError as error:
            raise Unstorable(f"the database cannot hold a value: {error.orig}") from error
        if next(self._writes) % _COPIED_EVERY == 0:
            self.copy_log()

    @contextmanager
    def _own_turn(self) -> Iterator[None]:
        if self._turn is None:
            yield
            return
        if not self._turn.acquire(timeout=self._busy_seconds):
            raise Busy("Something else has been writing to the database for too long.")
        try:
            yield
        finally:
            self._turn.release()

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turns the database's own errors into ours, where they say that it cannot be used now."""
        try:
            yield
        except (DBAPIError, PoolTimeout) as error:
            url = self.engine.url
            place = url.database if self.dialect == "sqlite" else url.render_as_string()
            ours = explain_error(error, place or "")
            if ours is None:
                raise
            raise ours from error

    def copy_log(self) -> None:
        """Copy SQLite's write-ahead log into the database; others read and write meanwhile.

        A commit would do so while the next writer waits, once the log is long.
        """
        # What was committed is safe in the log, so a copy that fails is left to the next one.
        if self.dialect == "sqlite":
            with (
                suppress(DBAPIError, PoolTimeout, Unavailable),
                self.engine.connect() as connection,
            ):
                connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")

    def shrink_log(self) -> None:
        """Give back the disk space of SQLite's write-ahead log after much was written in vain.

        Nobody can write while it waits for readers, so it waits for a moment only; the next one
        does it otherwise.
        """
        if self.dialect == "sqlite":
            with self.engine.connect() as connection:
                usual = connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one()
                connection.exec_driver_sql(f"PRAGMA busy_timeout={_SHRINKING}")
                try:
                    connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
                finally:
                    connection.exec_driver_sql(f"PRAGMA busy_timeout={usual}")

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()
