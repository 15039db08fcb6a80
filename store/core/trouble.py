"""What a database's own errors mean: busy, full, or out of reach."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from store.core.errors import Busy, Full, StoreError, Unreachable

# PostgreSQL's codes. The server is stopping, starting, or has too many connections.
_AWAY = ("57P01", "57P02", "57P03", "53300")
# A lock or a statement took too long, or two transactions got in each other's way.
_TOO_LONG = ("55P03", "57014", "40001", "40P01")
_DISK_FULL = "53100"


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
    if code in _TOO_LONG or "is locked" in text:
        return Busy("Something else has been writing to the database for too long.")
    if code in _AWAY or error.connection_invalidated or _is_away(error, code):
        return Unreachable(f"The database ({url}) does not answer.")
    return None


def _is_away(error: DBAPIError, code: str | None) -> bool:
    """Whether there was no connection, or it was cut off. SQLite has none to lose."""
    if code is not None:
        return code.startswith("08")
    return type(error.orig).__module__.startswith("psycopg") and type(error.orig).__name__ in (
        "OperationalError",
        "ConnectionTimeout",
        "InterfaceError",
    )
