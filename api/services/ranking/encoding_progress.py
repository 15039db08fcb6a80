"""How far the encoding of a review's texts is, for the caller and for the pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from store.core import jobs, leases
from store.core.errors import LeaseLost
from store.core.session import Store, WriteSession

Progress = Callable[[int, int], None]
_KIND = "embedding"


class EncodingProgress:
    """A job that appears with the first text to encode; none if all vectors are cached.

    It is only shown. If it counts as interrupted because this process was silent for too long, the
    encoding goes on without it.

    Args:
        store: the database.
        review_id: the review.
        progress: also called with (encoded, to encode).
    """

    def __init__(self, store: Store, review_id: int, progress: Progress | None = None) -> None:
        self._store = store
        self._review_id = review_id
        self._progress = progress
        self._job: int | None = None
        self._owner = leases.create_owner()

    def report(self, done: int, total: int) -> None:
        """Report how many texts are encoded."""
        if self._progress:
            self._progress(done, total)
        if total == 0:
            return
        with suppress(LeaseLost), self._store.write() as session:
            if self._job is None:
                self._job = self._start(session, total)
            jobs.lock_owned_job(session, self._job, self._owner)
            jobs.update_progress(session, self._job, done=done, total=total)

    def _start(self, session: WriteSession, total: int) -> int:
        lost = jobs.list_lost_jobs(session)
        mine = [job.id for job in lost if (job.kind, job.review_id) == (_KIND, self._review_id)]
        jobs.mark_interrupted(session, mine)
        return jobs.start_job(session, self._review_id, _KIND, total=total, owner=self._owner)

    def end(self, state: str, message: str | None = None) -> None:
        """End the job, if there is one, as "done" or "failed"."""
        if self._job is not None:
            with suppress(LeaseLost), self._store.write() as session:
                jobs.lock_owned_job(session, self._job, self._owner)
                jobs.end_job(session, self._job, state=state, message=message)

    @contextmanager
    def running(self) -> Iterator[Progress]:
        """Yield ``report``. An exception ends the job as failed, and is raised again."""
        try:
            yield self.report
        except BaseException as error:
            self.end("failed", str(error) or type(error).__name__)
            raise
