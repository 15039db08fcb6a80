"""Read a table of a SQLite file that came from elsewhere: read-only, and with limits."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

# Bytes of one value, and steps of SQLite's machine for one query.
_VALUE_LIMIT: Final = 16 * 1024 * 1024
# Bytes of all values of one table: rows of a damaged file can share their pages.
_TABLE_LIMIT: Final = 1024 * 1024 * 1024
_STEPS: Final = 100_000
_STEP_LIMIT: Final = 5_000
_ALLOWED: Final = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ})


class TooMuch(Exception):
    """A limit was exceeded; the message says which."""


@contextmanager
def open_read_only(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database file that nobody writes to; nothing that its schema defines is run."""
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA cell_size_check = ON")
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _VALUE_LIMIT)
        # Text that is not UTF-8 must not end the import.
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        yield connection
    finally:
        connection.close()


def _counted(rows: Iterable[tuple[Any, ...]], table: str) -> Iterator[tuple[Any, ...]]:
    """The rows as they are, up to the limit of a table's size."""
    size = 0
    for row in rows:
        size += sum(len(value) for value in row if isinstance(value, str | bytes))
        if size > _TABLE_LIMIT:
            raise TooMuch(f"its table {table!r} has more than {_TABLE_LIMIT / 1e6:,.0f} MB")
        yield row


def read_table(
    connection: sqlite3.Connection, table: str, columns: Sequence[str], limit: int
) -> list[dict[str, Any]]:
    """Rows of a table with those of the columns that it has; empty if there is no such table.

    Views, virtual tables and generated columns are not read.

    Args:
        connection: see ``open_read_only``.
        table: the table's name.
        columns: the wanted columns.
        limit: the most rows.

    Raises:
        TooMuch: it has more rows, or reading takes more steps, than is credible.
        sqlite3.Error: the file is damaged, or is no database.
    """
    # What SQLite took the schema for, whatever its text says.
    found = connection.execute(
        "SELECT type FROM pragma_table_list WHERE schema = 'main' AND name = ?", (table,)
    ).fetchone()
    if found is None or found[0] != "table":
        return []
    # table_xinfo marks generated columns, whose expressions a stranger wrote.
    info = connection.execute("SELECT name, hidden FROM pragma_table_xinfo(?)", (table,)).fetchall()
    plain = {str(name) for name, hidden in info if hidden == 0}
    wanted = [column for column in columns if column in plain]
    if not wanted:
        return []
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return steps > _STEP_LIMIT

    def allow(action: int, *_: str | None) -> int:
        return sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY

    connection.set_progress_handler(count, _STEPS)
    connection.set_authorizer(allow)
    try:
        names = ", ".join(f'"{column}"' for column in wanted)
        cursor = connection.execute(f'SELECT {names} FROM "{table}" LIMIT {limit + 1}')  # noqa: S608 # names from constants
        rows = [dict(zip(wanted, row, strict=True)) for row in _counted(cursor, table)]
    except sqlite3.OperationalError as error:
        if steps > _STEP_LIMIT:
            raise TooMuch(f"reading its table {table!r} takes too long") from error
        raise
    finally:
        connection.set_authorizer(None)
        connection.set_progress_handler(None, 0)
    if len(rows) > limit:
        raise TooMuch(f"its table {table!r} has more than {limit:,} rows")
    return rows
