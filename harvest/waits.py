"""Remember until when a source asked us not to ask again, also between processes."""

from __future__ import annotations

import datetime as dt
import email.utils
import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

# Allowances are renewed daily. A longer wait is taken for a fault of the source.
_LONGEST = dt.timedelta(hours=48)


@dataclass(frozen=True, slots=True)
class Wait:
    """What a source asked for.

    Attributes:
        until: when it may be asked again.
        reason: why, in the words of the first refusal.
    """

    until: dt.datetime
    reason: str


class Waits:
    """Waits that sources asked for, each for one account: another key has its own allowance.

    Args:
        folder: keeps them, shared between processes; None keeps them in this process.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._held: dict[str, Wait] = {}
        self._lock = threading.Lock()

    def find(self, source: str, account: str) -> Wait | None:
        """The wait that a source asked for, if it is not over.

        Args:
            source: short name.
            account: its host and the API key that is sent.
        """
        name = _name(source, account)
        wait = self._held.get(name) if self._folder is None else _read(self._folder / name)
        return wait if wait and wait.until > _now() else None

    def add(self, source: str, account: str, seconds: float, reason: str) -> Wait:
        """Remember that a source asked us to wait; returns the wait, which has a limit.

        A wait that ends later is kept: answers to requests sent side by side arrive in any order.
        """
        wait = Wait(_now() + min(dt.timedelta(seconds=min(seconds, 1e9)), _LONGEST), reason)
        name = _name(source, account)
        if self._folder is None:
            with self._lock:
                self._held[name] = _later(self._held.get(name), wait)
                return self._held[name]
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / name
        with FileLock(f"{path}.lock"):
            wait = _later(_read(path), wait)
            # Replaced as a whole, so that nobody reads half of it.
            written = path.with_suffix(".new")
            written.write_text(json.dumps({"until": wait.until.isoformat(), "reason": wait.reason}))
            written.replace(path)
        return wait


def _later(before: Wait | None, new: Wait) -> Wait:
    return before if before is not None and before.until > new.until else new


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _name(source: str, account: str) -> str:
    """A file's name; it does not contain the key."""
    return f"{source}.{hashlib.sha256(account.encode()).hexdigest()[:12]}.wait"


def _read(path: Path) -> Wait | None:
    try:
        stored = json.loads(path.read_text())
        return Wait(dt.datetime.fromisoformat(stored["until"]), str(stored["reason"]))
    except (OSError, ValueError, KeyError, TypeError):
        # A damaged file: the source will ask us again.
        return None


def format_moment(moment: dt.datetime) -> str:
    """A moment for a message that is read later, perhaps elsewhere."""
    return f"{moment.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"


def count_seconds_to_midnight() -> float:
    """Seconds until the next day begins in UTC."""
    now = _now()
    tomorrow = dt.datetime.combine(now.date() + dt.timedelta(days=1), dt.time(), dt.UTC)
    return (tomorrow - now).total_seconds()


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a source asks us to wait, from a number or a date; None if it does not ask."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return max(0.0, (moment - _now()).total_seconds())
