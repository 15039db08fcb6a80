"""Sessions: one request, or one step of a job, is one transaction, committed at its edge."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Lock
from typing import NewType

from sqlalchemy import Engine
from sqlalchemy.exc import DataError
from sqlalchemy.orm import Session

import store.living_tables
import store.shared_tables
import store.team_tables  # noqa: F401 - tables that others refer to by name
from store.engine import WRITER, make_engine
from store.errors import Unstorable

ReadSession = NewType("ReadSession", Session)
# A writer may be given to a function that reads, never the reverse: mypy holds us to it.
WriteSession = NewType("WriteSession", ReadSession)


class Store:
    """A database and the two kinds of transaction on it."""

    def __init__(self, url: str) -> None:
        self.engine: Engine = make_engine(url)
        self._writer = self.engine.execution_options(**{WRITER: True})
        # SQLite lets one writer in and makes the others sleep and try again, the unlucky ones for
        # seconds. Within a process they queue here instead; PostgreSQL needs no such help.
        self._turn: AbstractContextManager[object] = (
            Lock() if self.dialect == "sqlite" else nullcontext()
        )

    @property
    def dialect(self) -> str:
        """Either "sqlite" or "postgresql"."""
        return self.engine.dialect.name

    @contextmanager
    def read(self) -> Iterator[ReadSession]:
        """A transaction that reads; it is rolled back at the end."""
        with Session(self.engine, autoflush=False) as session:
            yield ReadSession(session)

    @contextmanager
    def write(self) -> Iterator[WriteSession]:
        """A transaction that writes: committed when the block ends, rolled back when it raises."""
        try:
            with (
                self._turn,
                Session(self._writer, expire_on_commit=False) as session,
                session.begin(),
            ):
                yield WriteSession(ReadSession(session))
        except DataError as error:
            raise Unstorable(f"the database cannot hold a value: {error.orig}") from error

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()
