"""Leases on long work: which process has it, and whether another may take it over.

A lease is an owner's name and a heartbeat in the row of the work. A process that takes the work
over writes another name. The one that had it before checks its name in each transaction that
writes, so it can be slow or cut off for any time and still writes nothing after that.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import secrets
import socket
import sys

from store.core.tables import now

# A busy computer delays heartbeats, which are due every few seconds, for minutes.
SILENT = dt.timedelta(minutes=5)
# A process that we can see is alive, but may have lost a thread. Long transactions hold up its
# heartbeats.
_SILENT_ALIVE = dt.timedelta(minutes=30)
# Distinguishes this process from an earlier one with the same number.
_PROCESS = secrets.token_hex(4)

# Owners of this process whose work has ended although the database could not be told.
_ended: set[str] = set()


def note_ended(owner: str) -> None:
    """Let this process take work up again that it could not give back."""
    _ended.add(owner)


def create_owner() -> str:
    """A name that only one piece of work of this process uses; at most 40 characters."""
    return f"{_host()}:{os.getpid()}:{_PROCESS}:{secrets.token_hex(5)}"


def is_free(owner: str | None, heartbeat_at: dt.datetime | None) -> bool:
    """Whether work may be taken over: its owner has died, or has been silent for too long."""
    if owner is None or heartbeat_at is None:
        return True
    alive = is_alive(owner)
    limit = SILENT if alive is None else _SILENT_ALIVE
    return alive is False or heartbeat_at < now() - limit


def is_alive(owner: str) -> bool | None:
    """Whether an owner's process runs on this computer; None if we cannot tell."""
    host, number, process, *_ = (*owner.split(":"), "", "")
    if host != _host() or not number.isdigit() or sys.platform == "win32":
        # Windows has no harmless way to ask for a process by its number.
        return None
    if int(number) == os.getpid():
        # A container that is started again has the same numbers.
        return process == _PROCESS and owner not in _ended
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return None
    return True


def _host() -> str:
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]
