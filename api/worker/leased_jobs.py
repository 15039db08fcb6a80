"""What the jobs of every queue have in common: a lease, progress, and what went wrong."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from huey import Huey

from api.heartbeats import send_heartbeats
from api.services.ranking.ranker import TextsUnread
from api.worker.queues import QueuedJob
from store.core import jobs, leases
from store.core.errors import LeaseLost, Unavailable
from store.core.session import Store
from store.searching import uploads

logger = logging.getLogger(__name__)

# Seconds after which a job that waits for something else looks again.
_AGAIN = 5.0

# Takes how much of a job is done, and how much there is in all.
Progress = Callable[[int, int], None]


class LeasedJobs:
    """Jobs of one queue, each done by the process that holds its lease.

    Args:
        huey: the queue.
        store: the database.
        stopping: whether a long job should end.
    """

    def __init__(
        self, huey: Huey, store: Store, stopping: Callable[[], bool] = lambda: False
    ) -> None:
        self.huey = huey
        self._store = store
        self._stopping = stopping

    def _queued(self, name: str, work: Callable[..., None]) -> QueuedJob:
        def end(words: tuple[Any, ...]) -> None:
            message = "It could not be put into the worker's queue; start it again."
            # If the database is away, too, the next worker that starts finds the job.
            with suppress(Unavailable), self._store.write() as session:
                jobs.end_job(session, words[-1], state="failed", message=message)
                if name == "import_upload":
                    uploads.return_to_preview(session, words[0])

        return QueuedJob(self.huey, name, work, end)

    def close(self) -> None:
        """Close the queue's connections of this thread."""
        self.huey.storage.close()

    def _stoppable(self, progress: Progress) -> Progress:
        """Progress that ends a job once the worker is stopping."""

        def report(done: int, total: int) -> None:
            if self._stopping():
                raise InterruptedError("the worker was stopped; start this again")
            progress(done, total)

        return report

    def _run(
        self, again: partial[None], name: str, work: Callable[[Store, Progress], list[str]]
    ) -> None:
        """Run a long job, and store its progress and what went wrong.

        Args:
            again: puts it back into the queue; its last argument is the job's id.
            name: what pages call it.
            work: does it with a store that refuses to write once the job is no longer ours, and
                returns its problems in words.
        """
        job = again.args[-1]
        with self._leased(job) as store:
            if store is None:
                return
            try:
                problems = work(store, self._progress_of(store, job))
            except LeaseLost:
                raise
            except TextsUnread:
                self._put_back(store, again, "waits until the texts are read")
                return
            except Exception as error:
                logger.exception("%s failed", name)
                self._end(store, job, failed=True, message=f"{name}: {error}")
                raise
            self._end(store, job, failed=bool(problems), message=" ".join(problems) or None)

    @contextmanager
    def _leased(self, job: int, *, upload_id: int | None = None) -> Iterator[Store | None]:
        """The store for a job that this worker does; None if it is not ours to do.

        If another worker takes the job over meanwhile, the first write after that ends it here.
        """
        owner = leases.create_owner()
        with self._store.write() as session:
            taken = jobs.take_job(session, job, owner, upload_id=upload_id)
        if not taken:
            logger.info("job %s has ended, or another worker does it", job)
            yield None
            return
        store = self._store.fenced(lambda session: jobs.lock_owned_job(session, job, owner))
        try:
            with send_heartbeats(store, f"job-{job}"):
                yield store
        except LeaseLost as error:
            logger.info("%s; what it had not stored yet is left to the other", error)

    def _put_back(self, store: Store, again: partial[None], words: str) -> None:
        """Let a job wait in the queue for something else, so that other jobs are done meanwhile."""
        with store.write() as session:
            jobs.put_back_job(session, again.args[-1], message=words)
        again(delay=_AGAIN)

    def _progress_of(self, store: Store, job: int) -> Progress:
        def report(done: int, total: int) -> None:
            with store.write() as session:
                jobs.update_progress(session, job, done=done, total=total)

        return report

    def _end(self, store: Store, job: int, *, failed: bool, message: str | None) -> None:
        with store.write() as session:
            jobs.end_job(session, job, state="failed" if failed else "done", message=message)
