"""What a database's own errors mean: busy, full, out of reach, or damaged."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from store.core.errors import Busy, Damaged, Full, Misplaced, StoreError, Unreachable

# PostgreSQL's codes. The server is stopping, starting, or has too many connections.
_AWAY = ("57P01", "57P02", "57P03", "53300")
# A lock or a statement took too long, or two transactions got in each other's way.
_TOO_LONG = ("55P03", "57014", "40001", "40P01")
_DISK_FULL = "53100"
# A table or a file is missing, the disk failed, or pages are damaged.
_DAMAGED = ("42P01", "58030", "58P01", "XX001", "XX002")
# SQLite's: the disk failed, pages are damaged, the file is no database, it may not be written.
_SQLITE_DAMAGED = (
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_READONLY,
)
# Damage that SQLite reports under its code for any other error.
_DAMAGED_WORDS = ("no such table", "malformed database schema", "could not decode to utf-8")
_REMEDY = (
    "Check the disk. If the database is damaged, stop the server, keep a copy of it, and put back "
    "the last backup; see docs/operating.md."
)
_FILE_REMEDY = "Put the file back, or put back a backup; then start the server again."


def explain_error(error: DBAPIError | PoolTimeout, url: str) -> StoreError | None:
    """Our error that says what is wrong and what to do; None if the fault is in our own code.

    Args:
        error: what the database or its driver raised.
        url: the database's address, without its password.
    """
    if isinstance(error, PoolTimeout):
        return Busy("All connections to the database are in use.")
    code = getattr(error.orig, "sqlstate", None)
    text = str(error.orig).casefold()
    if code == _DISK_FULL or "disk is full" in text or "no space left" in text:
        return Full(
            f"There is no space left for the database ({url}), so nothing was stored.",
            remedy="Make room on the disk, then try again. What was stored before is safe.",
        )
    if _is_missing(error):
        return explain_missing_file(url)
    if code in _DAMAGED or _is_damaged(error, text):
        return Damaged(f"The database ({url}) cannot be used: {error.orig}.", remedy=_REMEDY)
    if code in _TOO_LONG or "is locked" in text:
        return Busy("Something else has been writing to the database for too long.")
    if code in _AWAY or error.connection_invalidated or _is_away(error, code):
        return Unreachable(f"The database ({url}) does not answer.")
    return None


def explain_missing_file(path: str) -> Misplaced:
    """The error that a database's file is gone or cannot be opened."""
    return Misplaced(f"The database ({path}) is gone, or cannot be opened.", remedy=_FILE_REMEDY)


def explain_other_file(path: str) -> Misplaced:
    """The error that another file is where a database's was."""
    return Misplaced(
        f"The database ({path}) was replaced while it was open, so nothing is stored.",
        remedy="Start the server again, if this file is the right one.",
    )


def _sqlite_code(error: DBAPIError) -> int | None:
    """SQLite's code of an error, without its details; None if it is not SQLite's."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _is_missing(error: DBAPIError) -> bool:
    return _sqlite_code(error) == sqlite3.SQLITE_CANTOPEN


def _is_damaged(error: DBAPIError, text: str) -> bool:
    if not isinstance(error.orig, sqlite3.Error):
        return False
    return _sqlite_code(error) in _SQLITE_DAMAGED or any(word in text for word in _DAMAGED_WORDS)


def _is_away(error: DBAPIError, code: str | None) -> bool:
    """Whether there was no connection, or it was cut off. SQLite has none to lose."""
    if code is not None:
        return code.startswith("08")
    return type(error.orig).__module__.startswith("psycopg") and type(error.orig).__name__ in (
        "OperationalError",
        "ConnectionTimeout",
        "InterfaceError",
    )
