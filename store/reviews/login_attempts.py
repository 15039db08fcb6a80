"""Failed attempts to sign in, counted in the database so that all web processes share them."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from store.core.session import ReadSession, WriteSession
from store.core.tables import LoginAttempt, now
from store.rules.login_delays import DelayRule

# Attempts are forgotten this long after the last one.
_MEMORY = dt.timedelta(hours=1)


def hash_key(*parts: str) -> str:
    """The form in which whose attempts they are is stored; it names neither person nor address."""
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()


def find_wait(session: ReadSession, keys: Sequence[str]) -> float:
    """Seconds until the next attempt is allowed; 0 if it is allowed now."""
    until = session.scalar(
        select(func.max(LoginAttempt.blocked_until)).where(LoginAttempt.key.in_(keys))
    )
    return max(0.0, (until - now()).total_seconds()) if until is not None else 0.0


def count_attempt(session: WriteSession, rules: Mapping[str, DelayRule]) -> float:
    """Count an attempt before the password is looked at, so that attempts at once all count.

    Args:
        session: a transaction that writes.
        rules: for each key that the attempt counts for, how it is slowed down.

    Returns:
        Seconds until it is allowed; then nothing was counted. 0 if it is allowed and was counted.
    """
    session.execute(delete(LoginAttempt).where(LoginAttempt.updated_at < now() - _MEMORY))
    wait = find_wait(session, list(rules))
    if wait:
        return wait
    for key, rule in rules.items():
        attempts = _increment(session, key)
        row = session.get_one(LoginAttempt, key, populate_existing=True)
        row.blocked_until = now() + dt.timedelta(seconds=rule.get_delay(attempts))
    session.flush()
    return 0.0


def forget_attempts(session: WriteSession, own: Sequence[str], shared: Sequence[str]) -> None:
    """Forget attempts after a successful one.

    Args:
        session: a transaction that writes.
        own: keys of the person alone: all attempts are forgotten.
        shared: keys that others count for, too: only the successful attempt is taken back, so
            that nobody can use their own account to go on guessing the passwords of others.
    """
    session.execute(delete(LoginAttempt).where(LoginAttempt.key.in_(own)))
    session.execute(
        update(LoginAttempt)
        .where(LoginAttempt.key.in_(shared), LoginAttempt.attempts > 0)
        .values(attempts=LoginAttempt.attempts - 1, blocked_until=now())
    )


def _increment(session: WriteSession, key: str) -> int:
    sqlite = session.get_bind().dialect.name == "sqlite"
    insert = insert_sqlite if sqlite else insert_postgresql
    values = {"key": key, "attempts": 1, "blocked_until": now(), "updated_at": now()}
    statement = (
        insert(LoginAttempt)
        .values(values)
        .on_conflict_do_update(
            index_elements=["key"],
            set_={"attempts": LoginAttempt.attempts + 1, "updated_at": now()},
        )
        .returning(LoginAttempt.attempts)
    )
    return int(session.execute(statement).scalar_one())
