"""Jobs on Huey: messages are JSON and hold ids only; nothing is pickled."""

from __future__ import annotations

import datetime as dt
import json
import logging
import tempfile
from collections.abc import Callable
from typing import Any

import psycopg
from huey import Huey, PostgresHuey, SqliteHuey, crontab
from huey.consumer import Consumer
from huey.registry import Message
from huey.serializer import Serializer
from huey.utils import Error

from api.services import (
    comparing,
    counting,
    evaluation,
    explaining,
    importing,
    misses,
    nights,
    search_check,
    telling,
)
from api.services.importing import ImportRequest
from api.services.ranking import Ranker
from api.settings import Settings
from harvest.errors import SourceError, UnreadableFile
from harvest.http import masked
from store import jobs, raw, rechecks, uploads
from store.errors import NotFound
from store.session import Store

logger = logging.getLogger(__name__)

# The longest that an idle consumer sleeps before it looks again; SQLite can only be polled.
_POLL_SECONDS = 0.5
# The advisory lock under which the tables of the queue are made.
_TABLES_LOCK = 0x77696E6E
# How often an import that a worker did not finish is taken up by itself.
_TAKEN_UP = 3


class JsonSerializer(Serializer):  # type: ignore[misc] # huey has no types
    """Huey's messages as JSON. Its own serialisers, the signed one too, are pickle inside."""

    def _serialize(self, data: Any) -> bytes:
        body: dict[str, Any]
        if isinstance(data, Message):
            body = {"message": [_plain(value) for value in data]}
        elif isinstance(data, Error):
            body = {"error": {k: str(v) for k, v in data.metadata.items()}}
        else:
            body = {"value": data}
        return json.dumps(body).encode()

    def _deserialize(self, data: bytes) -> Any:
        body = json.loads(data)
        if "message" in body:
            return Message(*[_rich(value) for value in body["message"]])
        return Error(body["error"]) if "error" in body else body["value"]


def _plain(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return {"moment": value.isoformat()}
    return list(value) if isinstance(value, tuple) else value


def _rich(value: Any) -> Any:
    if isinstance(value, dict) and set(value) == {"moment"}:
        return dt.datetime.fromisoformat(value["moment"])
    return value


def make_huey(settings: Settings, name: str = "winnow") -> Huey:
    """A queue of these settings: in the data folder, or in the PostgreSQL database."""
    options = {"serializer": JsonSerializer(), "results": False}
    if settings.store_url.startswith("sqlite"):
        return SqliteHuey(name, filename=str(settings.data_dir / "jobs.db"), **options)
    dsn = settings.store_url.replace("postgresql+psycopg://", "postgresql://")
    huey = PostgresHuey(name, dsn=dsn, create_tables=False, **options)
    # A server and a worker that start together both make the tables, and "if not exists" does not
    # hold between two transactions: they take turns instead.
    with psycopg.connect(dsn, autocommit=True) as turn:
        turn.execute("SELECT pg_advisory_lock(%s)", [_TABLES_LOCK])
        huey.storage.initialize_schema()
    return huey


class Jobs:
    """The jobs of this program, to be enqueued by the server and run by the worker."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        done: Callable[[], None],
        *,
        ranker: Ranker | None = None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        """Register the jobs.

        Args:
            store: the database.
            settings: where the queue is.
            done: called when records have come, so that they are ranked.
            ranker: the worker's; a server only enqueues.
            stopping: whether a long job should end.
        """
        self._ranker = ranker
        self._stopping = stopping
        self.huey = make_huey(settings)
        self._store = store
        self._settings = settings
        self._done = done
        self.import_upload: Callable[[int, int], Any] = self.huey.task(name="import_upload")(
            self._import_upload
        )
        self.look_up: Callable[[int, int], Any] = self.huey.task(name="look_up")(self._look_up)
        self.count_hits: Callable[[int, int], Any] = self.huey.task(name="count_hits")(
            self._count_hits
        )
        self.compare_orders: Callable[[int, int], Any] = self.huey.task(name="compare_orders")(
            self._compare_orders
        )
        self.find_misses: Callable[[int, int, int], Any] = self.huey.task(name="find_misses")(
            self._find_misses
        )
        self.explain: Callable[[int, int, int], Any] = self.huey.task(name="explain")(self._explain)

    def close(self) -> None:
        """Let the queue's connections of this thread go."""
        self.huey.storage.close()

    def resume(self) -> None:
        """Take up what a worker that was killed left: its message left the queue with it.

        Called by a worker as it starts, before it takes messages. A file whose message is still
        in the queue is imported by whichever comes first; the other finds nothing to do.
        """
        # A message's last number is its job's.
        waiting = [int(task.args[-1]) for task in self.huey.pending()]
        with self._store.write() as session:
            jobs.interrupted(session, kind="import")
            for kind in ("hits", "lookup", "comparison", "explanation", misses.KIND):
                jobs.interrupted(session, kind=kind, but=waiting)
            left = []
            for upload in uploads.confirmed(session):
                job = jobs.begin(session, upload.review_id, "import")
                if uploads.taken_up(session, upload.id) <= _TAKEN_UP:
                    left.append((upload.id, job))
                    continue
                # A file that ends the worker each time must not end it for ever.
                uploads.unconfirm(session, upload.id)
                message = f"{upload.name}: interrupted {_TAKEN_UP + 1} times; see its preview."
                jobs.end(session, job, state="failed", message=message)
        for upload_id, job in left:
            self.import_upload(upload_id, job)

    def _count_hits(self, review_id: int, job: int) -> None:
        """Count the hits of a strategy's lines at all sources, one after the other."""

        def count(progress: Callable[[int, int], None]) -> list[str]:
            return counting.count_everywhere(
                self._store, self._settings, review_id, progress=progress
            )

        self._asking(job, "Hits", count)

    def _look_up(self, review_id: int, job: int) -> None:
        """Ask the sources for the known relevant records that the search missed."""

        def look(progress: Callable[[int, int], None]) -> list[str]:
            try:
                search_check.look_up(self._store, self._settings, review_id, progress=progress)
            except SourceError as error:
                return [masked(f"{error.message} {error.remedy}")]
            return []

        self._asking(job, "Looking up", look)

    def _compare_orders(self, review_id: int, job: int) -> None:
        """Replay a review by its own pipeline and by ELAS u4."""

        def compare(progress: Callable[[int, int], None]) -> list[str]:
            if self._ranker is None:
                raise RuntimeError("only a worker holds a ranker")

            def told(done: int, total: int) -> None:
                if self._stopping():
                    raise InterruptedError("the worker was stopped; start it again")
                progress(done, total)

            with self._store.read() as session:
                matches = evaluation.evaluate(session, review_id).matches
            try:
                beside = comparing.compare(
                    self._ranker, self._store, review_id, matches, progress=told
                )
            except (ValueError, InterruptedError) as error:
                return [f"Replays: {error}"]
            comparing.keep(self._store, review_id, beside)
            return []

        self._asking(job, "Replays", compare)

    def _find_misses(self, review_id: int, recheck_id: int, job: int) -> None:
        """Choose what is on a list of likely misses."""

        def find(progress: Callable[[int, int], None]) -> list[str]:
            if self._ranker is None:
                raise RuntimeError("only a worker holds a ranker")

            def told(done: int, total: int) -> None:
                if self._stopping():
                    raise InterruptedError("the worker was stopped; ask again")
                progress(done, total)

            try:
                misses.choose(self._ranker, self._store, review_id, recheck_id, progress=told)
            except (ValueError, InterruptedError) as error:
                with self._store.write() as session:
                    rechecks.forget(session, recheck_id)
                return [f"Likely misses: {error}"]
            return []

        self._asking(job, "Likely misses", find)

    def _explain(self, review_id: int, report_id: int, job: int) -> None:
        """Say why a report stands where it does."""

        def explain(progress: Callable[[int, int], None]) -> list[str]:
            if self._ranker is None:
                raise RuntimeError("only a worker holds a ranker")
            explaining.explain(self._ranker, self._store, review_id, report_id)
            return []

        self._asking(job, "Explanation", explain)

    def _asking(
        self, job: int, words: str, work: Callable[[Callable[[int, int], None]], list[str]]
    ) -> None:
        """Do what takes a while, tell how far it is, and what went wrong."""

        def progress(done: int, total: int) -> None:
            with self._store.write() as session:
                jobs.advance(session, job, done=done, total=total)

        try:
            problems = work(progress)
        except Exception as error:
            logger.exception("%s failed", words)
            with self._store.write() as session:
                jobs.end(session, job, state="failed", message=f"{words}: {error}")
            raise
        with self._store.write() as session:
            state = "failed" if problems else "done"
            jobs.end(session, job, state=state, message=" ".join(problems) or None)

    def _import_upload(self, upload_id: int, job: int) -> None:
        """Import a confirmed upload, telling under a job's number how far it is."""
        try:
            with self._store.read() as session:
                upload = uploads.by_id(session, upload_id)
        except NotFound:
            with self._store.write() as session:
                jobs.discard(session, job)
            return
        try:
            message = self._imported(upload, job)
        except UnreadableFile as error:
            where = f"line {error.line}: " if error.line else ""
            self._failed(upload, job, f"{where}{error.message} {error.remedy}")
            return
        except Exception as error:
            logger.exception("import of upload %s failed", upload_id)
            self._failed(upload, job, str(error))
            raise
        with self._store.write() as session:
            jobs.end(session, job, state="done", message=message)
        self._done()

    def _failed(self, upload: uploads.UploadInfo, job: int, message: str) -> None:
        """Say why, and leave the file to its preview page: it would fail again by itself."""
        with self._store.write() as session:
            uploads.unconfirm(session, upload.id)
            jobs.end(session, job, state="failed", message=f"{upload.name}: {message}")

    def _imported(self, upload: uploads.UploadInfo, job: int) -> str:
        def progress(done: int) -> None:
            with self._store.write() as session:
                jobs.advance(session, job, done=done, total=0)

        with tempfile.TemporaryFile() as stream:
            with self._store.read() as session:
                for piece in raw.of_upload(session, upload.id):
                    stream.write(piece)
            outcome = importing.import_file(
                self._store,
                upload.review_id,
                stream,
                upload.name,
                ImportRequest(**upload.request),
                person_id=upload.person_id,
                progress=progress,
            )
        with self._store.write() as session:
            uploads.remove(session, upload.id)
        batch = outcome.batch
        if outcome.repeated:
            return f"{batch.name} is in this review already; nothing was changed."
        return (
            f"{batch.name}: {batch.read} entries = {batch.new} new + {batch.changed} changed + "
            f"{batch.same} held already + {batch.rejected} rejected."
            + (" They wait in the pool: the searches are frozen." if batch.pooled else "")
        )


class NightJobs:
    """The jobs of the nights, in a queue of their own: no import or comparison holds them up.

    Each consumer of the queue enqueues a tick a minute; the store says what is due, and to whom.

    Args:
        store: the database.
        settings: sources and limits.
        begun: called when runs wait for a worker.
    """

    def __init__(self, store: Store, settings: Settings, begun: Callable[[], None]) -> None:
        self.huey = make_huey(settings, "winnow-nights")
        self._store = store
        self._settings = settings
        self._begun = begun
        self.huey.periodic_task(crontab(), name="tick")(self._tick)
        self.look: Callable[[], Any] = self.huey.task(name="look")(self._tick)

    def close(self) -> None:
        """Let the queue's connections of this thread go."""
        self.huey.storage.close()

    def _tick(self) -> None:
        """Begin what is due and tell what has ended."""
        try:
            if nights.tick(self._store, self._settings):
                self._begun()
            telling.tell_ended(self._store, self._settings)
        except Exception:
            logger.exception("the tick of the nights failed")
            raise


class QuietConsumer(Consumer):  # type: ignore[misc] # huey has no types
    """Huey's consumer without its signal handlers: the worker has its own."""

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
