"""Sessions: each request, and each step of a job, is one transaction, committed at its end."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Lock
from typing import NewType

from sqlalchemy import Engine
from sqlalchemy.exc import DataError
from sqlalchemy.orm import Session

import store.core.tables  # noqa: F401 - foreign keys refer to tables by name
from store.core.engine import WRITER, create_engine_for
from store.core.errors import Unstorable

ReadSession = NewType("ReadSession", Session)
# A function that reads also takes a writing session, but never the reverse: mypy checks this.
WriteSession = NewType("WriteSession", ReadSession)


class Store:
    """A database, with a reading and a writing kind of transaction."""

    def __init__(self, url: str) -> None:
        self.engine: Engine = create_engine_for(url)
        self._writer = self.engine.execution_options(**{WRITER: True})
        # SQLite admits one writer; the others sleep and retry, sometimes for seconds. Within one
        # process they queue here instead. PostgreSQL does not need this.
        self._turn: AbstractContextManager[object] = (
            Lock() if self.dialect == "sqlite" else nullcontext()
        )
        self._check: Callable[[WriteSession], object] | None = None

    def fenced(self, check: Callable[[WriteSession], object]) -> Store:
        """The same database for work that another process may take over.

        Args:
            check: called at the start of each transaction that writes. It locks the row that says
                whose work it is, and raises if it is no longer ours.
        """
        fenced = copy.copy(self)
        fenced._check = check
        return fenced

    @property
    def dialect(self) -> str:
        """Either "sqlite" or "postgresql"."""
        return self.engine.dialect.name

    @contextmanager
    def read(self) -> Iterator[ReadSession]:
        """Open a transaction that reads; it is rolled back at the end."""
        with Session(self.engine, autoflush=False) as session:
            yield ReadSession(session)

    @contextmanager
    def write(self) -> Iterator[WriteSession]:
        """Open a transaction that writes: committed at the end, rolled back on an error."""
        try:
            with (
                self._turn,
                Session(self._writer, expire_on_commit=False) as session,
                session.begin(),
            ):
                writing = WriteSession(ReadSession(session))
                if self._check is not None:
                    self._check(writing)
                yield writing
        except DataError as error:
            raise Unstorable(f"the database cannot hold a value: {error.orig}") from error

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()
