"""Queues of jobs on Huey: where they are kept, and how messages are written (JSON, no pickle)."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from collections.abc import Callable
from typing import Any

import psycopg
from huey import Huey, PostgresHuey, SqliteHuey
from huey.consumer import Consumer
from huey.registry import Message
from huey.serializer import Serializer
from huey.utils import Error

from api.settings import Settings
from store.core.errors import Unreachable

# A queue stores each message under this prefix and its job's name. It stays as it is when code
# moves: messages that an older program left in a queue could not be read otherwise.
STORED_UNDER = "api.jobs"
# The longest that an idle consumer sleeps before it looks again; SQLite can only be polled.
_POLL_SECONDS = 0.5
# The advisory lock under which a queue's tables are created.
_TABLES_LOCK = 0x77696E6E
_QUEUE_ERRORS = (psycopg.Error, sqlite3.Error)


class JsonSerializer(Serializer):  # type: ignore[misc] # huey has no types
    """Huey's messages as JSON. Huey's own serialisers use pickle, even the signed one."""

    def _serialize(self, data: Any) -> bytes:
        body: dict[str, Any]
        if isinstance(data, Message):
            body = {"message": [_to_json(value) for value in data]}
        elif isinstance(data, Error):
            body = {"error": {k: str(v) for k, v in data.metadata.items()}}
        else:
            body = {"value": data}
        return json.dumps(body).encode()

    def _deserialize(self, data: bytes) -> Any:
        body = json.loads(data)
        if "message" in body:
            return Message(*[_from_json(value) for value in body["message"]])
        return Error(body["error"]) if "error" in body else body["value"]


def _to_json(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return {"moment": value.isoformat()}
    return list(value) if isinstance(value, tuple) else value


def _from_json(value: Any) -> Any:
    if isinstance(value, dict) and set(value) == {"moment"}:
        return dt.datetime.fromisoformat(value["moment"])
    return value


def open_queue(settings: Settings, name: str = "winnow") -> Huey:
    """A queue of an installation: in the data folder, or in the PostgreSQL database."""
    options = {"serializer": JsonSerializer(), "results": False}
    if settings.store_url.startswith("sqlite"):
        return SqliteHuey(name, filename=str(settings.data_dir / "jobs.db"), **options)
    dsn = settings.store_url.replace("postgresql+psycopg://", "postgresql://")
    huey = PostgresHuey(name, dsn=dsn, create_tables=False, **options)
    # A server and a worker that start together both create the tables, and "if not exists" does
    # not hold between two transactions. The lock makes them take turns.
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [_TABLES_LOCK])
        huey.storage.initialize_schema()
    return huey


class QueuedJob:
    """A kind of job: called with a job's words, it puts the job into the queue.

    Args:
        huey: the queue.
        name: of the kind.
        work: does the job; its last argument is the job's id.
        lost: called with a job's words if the job cannot be put into the queue.
    """

    def __init__(
        self,
        huey: Huey,
        name: str,
        work: Callable[..., None],
        lost: Callable[[tuple[Any, ...]], None],
    ) -> None:
        self._huey = huey
        self._task = huey.task(name=name, __module__=STORED_UNDER)(work)
        self._lost = lost

    def __call__(self, *words: int | str, delay: float = 0.0) -> None:
        """Put a job into the queue.

        Args:
            words: ids and names; the last is the job's id.
            delay: seconds for which it waits there at least.

        Raises:
            Unreachable: the queue cannot be used.
        """
        try:
            self._put(words, delay)
        except _QUEUE_ERRORS:
            # If the database has ended the queue's connection, only its use shows that.
            self._huey.storage.close()
            try:
                self._put(words, delay)
            except _QUEUE_ERRORS as error:
                self._lost(words)
                raise Unreachable("The queue of the worker's jobs cannot be used.") from error

    def _put(self, words: tuple[Any, ...], delay: float) -> None:
        if delay:
            self._task.schedule(words, delay=delay)
        else:
            self._task(*words)


class QuietConsumer(Consumer):  # type: ignore[misc] # huey has no types
    """Huey's consumer without its signal handlers, since the worker has its own."""

    def __init__(self, huey: Huey, *, periodic: bool = False) -> None:
        super().__init__(
            huey,
            workers=1,
            periodic=periodic,
            initial_delay=0.05,
            backoff=1.3,
            max_delay=_POLL_SECONDS,
            check_worker_health=False,
        )

    def _set_signal_handlers(self) -> None:
        """Leave the process's handlers alone."""
