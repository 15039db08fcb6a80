"""Jobs whose worker has died: each is taken up by itself, so no broken one stops the others."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from api.worker.failures import Failures
from api.worker.import_messages import restart_import
from api.worker.jobs import Jobs
from api.worker.pauses import Part
from api.worker.removing import is_to_go
from store.core import intakes, jobs
from store.core.errors import Unavailable
from store.core.jobs import LostJob
from store.core.session import Store
from store.core.tables import now
from store.reviews import reviews
from store.searching import uploads
from store.searching.uploads import UploadInfo

# A job that was stored so shortly ago may not be in the queue yet.
_SOON: Final = dt.timedelta(seconds=10)
# Seconds that it gets for that.
_SENDING: Final = 0.5


class LostJobs:
    """Takes up what workers that have died left behind: imports start again, other jobs fail.

    Args:
        store: the database.
        queue: where imports are put back.
        failures: which jobs cannot be taken up, and when to try again.
    """

    def __init__(self, store: Store, queue: Jobs, failures: Failures) -> None:
        self._store = store
        self._queue = queue
        self._failures = failures

    def take_up_at_start(self) -> None:
        """Take up everything, as a worker does before it takes messages.

        A killed job's message has left the queue. Jobs of workers that are alive are left alone. A
        file whose message is still there gets a new job, since the message may be the last sign of
        a worker that it killed.
        """
        with self._store.read() as session:
            found = jobs.list_lost_jobs(session, waiting=True)
            files = uploads.list_confirmed(session)
        if any(job.waiting_since and now() - job.waiting_since < _SOON for job in found):
            # A server stores a job before it sends the message, which may be on its way.
            time.sleep(_SENDING)
        queued = self._list_queued()
        for job in found:
            if job.waiting_since is not None and job.id in queued:
                continue
            self._attempt(Part("lost job", job.id), partial(self._end, job, None))
        for upload in files:
            self._attempt(Part("lost file", upload.id), partial(self._import_again, upload))
        self._resume_imports()

    def take_up(self) -> None:
        """Take up what workers that have died since this one started left behind."""
        self._resume_imports()
        with self._store.read() as session:
            lost = jobs.list_lost_jobs(session)
            files = {upload.id: upload for upload in uploads.list_confirmed(session)}
        for job in lost:
            upload = None if job.upload_id is None else files.get(job.upload_id)
            self._attempt(Part("lost job", job.id), partial(self._end, job, upload))

    def _attempt(self, part: Part, work: Callable[[], object]) -> None:
        if not self._failures.is_due(part):
            return
        try:
            work()
            self._failures.note_success(part)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - the other jobs must not wait for this one
            self._failures.note_failure(part, error)

    def _list_queued(self) -> list[int]:
        """Jobs whose messages wait in a queue; the last argument of a message is the job's id."""
        queues = (self._queue.huey, self._queue.figures.huey)
        waiting = [task for huey in queues for task in (*huey.pending(), *huey.scheduled())]
        return [int(task.args[-1]) for task in waiting if task.name != "import_upload"]

    def _end(self, job: LostJob, upload: UploadInfo | None) -> None:
        """Mark a job as interrupted, and start the import of its file again."""
        again = None
        with self._store.write() as session:
            if jobs.interrupt_lost_job(session, job.id) and upload is not None:
                again = restart_import(session, upload)
        if upload is not None and again is not None:
            self._queue.import_upload(upload.id, again)

    def _import_again(self, upload: UploadInfo) -> None:
        """Start the import of a file that no job imports."""
        with self._store.write() as session:
            reviews.lock_review(session, upload.review_id)
            if jobs.find_import(session, upload.id) is not None:
                return
            again = restart_import(session, upload)
        if again is not None:
            self._queue.import_upload(upload.id, again)

    def _resume_imports(self) -> None:
        """Go on with imports whose command or request has died, once each.

        Those of uploaded files have a job of their own.
        """
        with self._store.read() as session:
            # Those that are to go are taken away by ``Removing``, which waits for no queue.
            unfinished = intakes.list_unfinished(session)
            waiting = [one for one in unfinished if one.waiting and not is_to_go(one)]
            if not waiting:
                return
            uploaded = {(one.review_id, one.name) for one in uploads.list_confirmed(session)}
        for one in waiting:
            if (one.review_id, one.name) not in uploaded:
                self._attempt(Part("import", one.id), partial(self._queue.resume, one))
