"""The jobs of the queues; a message holds ids only."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from huey import crontab

from api.errors import remedy_of
from api.heartbeats import send_heartbeats
from api.schemas.night_summary import dump_night_summary
from api.services.living import night_runs, notifications
from api.services.ranking import comparing, explaining
from api.services.ranking.ranker import Ranker
from api.services.reporting import evaluation, search_check
from api.services.screening import choosing_misses, likely_misses
from api.services.searching import counting, importing
from api.services.searching.imported_labels import describe
from api.services.searching.importing import ImportOutcome, ImportRequest, describe_left_out
from api.settings import Settings
from api.wording import count_noun
from api.worker.queues import open_queue
from harvest.errors import SourceError, UnreadableFile
from harvest.http import masked
from store.core import jobs, leases, raw
from store.core.errors import LeaseLost, NotFound
from store.core.session import Store, WriteSession
from store.searching import uploads
from store.searching.uploads import UploadInfo

logger = logging.getLogger(__name__)

# How often an import that a worker did not finish is started again automatically.
_RESTARTS = 3

# The queue stores each message under this prefix and its job's name. It stays as it is when code
# moves: messages that an older program left in the queue could not be read otherwise.
_STORED_UNDER = "api.jobs"

# Takes how much of a job is done, and how much there is in all.
Progress = Callable[[int, int], None]


class Jobs:
    """The program's jobs: the server puts them into the queue, and the worker runs them."""

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
            done: called when records have been imported, so that they are ranked.
            ranker: the worker's; None for a server, which only adds jobs to the queue.
            stopping: whether a long job should end.
        """
        self._ranker = ranker
        self._stopping = stopping
        self.huey = open_queue(settings)
        self._store = store
        self._settings = settings
        self._done = done
        task = partial(self.huey.task, __module__=_STORED_UNDER)
        self.import_upload: Callable[[int, int], Any] = task(name="import_upload")(
            self._import_upload
        )
        self.look_up: Callable[[int, int], Any] = task(name="look_up")(self._look_up)
        self.count_hits: Callable[[int, int], Any] = task(name="count_hits")(self._count_hits)
        self.compare_orders: Callable[[int, int], Any] = task(name="compare_orders")(
            self._compare_orders
        )
        self.find_misses: Callable[[int, int, int], Any] = task(name="find_misses")(
            self._find_misses
        )
        self.explain: Callable[[int, int, int], Any] = task(name="explain")(self._explain)

    def close(self) -> None:
        """Close the queue's connections of this thread."""
        self.huey.storage.close()

    def resume(self) -> None:
        """Take up what workers that have died left behind: imports start again, other jobs fail.

        A worker calls this as it starts, before it takes messages: a killed job's message has left
        the queue. Jobs of workers that are alive are left alone. A file whose message is still
        there gets a new job, since the message may be the last sign of a worker that it killed.
        """
        # The last argument of a message is the job's id.
        waiting = [task for task in self.huey.pending() if task.name != "import_upload"]
        queued = [int(task.args[-1]) for task in waiting]
        with self._store.write() as session:
            lost = jobs.list_lost_jobs(session, queued=queued)
            jobs.mark_interrupted(session, [job.id for job in lost])
            restarts = {
                upload.id: _restart_import(session, upload)
                for upload in uploads.list_confirmed(session)
                if jobs.find_import(session, upload.id) is None
            }
        self._import_again(restarts)

    def take_up_lost(self) -> None:
        """Take up what another worker left behind that has died since this one started."""
        with self._store.read() as session:
            lost = jobs.list_lost_jobs(session)
        if not lost:
            return
        with self._store.write() as session:
            lost = jobs.list_lost_jobs(session)
            jobs.mark_interrupted(session, [job.id for job in lost])
            files = {job.upload_id for job in lost}
            restarts = {
                upload.id: _restart_import(session, upload)
                for upload in uploads.list_confirmed(session)
                if upload.id in files
            }
        self._import_again(restarts)

    def _import_again(self, restarts: Mapping[int, int | None]) -> None:
        for upload_id, job in restarts.items():
            if job is not None:
                self.import_upload(upload_id, job)

    def _count_hits(self, review_id: int, job: int) -> None:
        """Count the hits of a strategy's lines at all sources, one after the other."""

        def count(store: Store, progress: Progress) -> list[str]:
            return counting.count_at_all_sources(store, self._settings, review_id, progress)

        self._run(job, "Hits", count)

    def _look_up(self, review_id: int, job: int) -> None:
        """Ask the sources for the known studies that the search missed."""

        def look_up(store: Store, progress: Progress) -> list[str]:
            try:
                search_check.look_up_missed(store, self._settings, review_id, progress=progress)
            except SourceError as error:
                return [masked(f"{error.message} {error.remedy}")]
            return []

        self._run(job, "Looking up", look_up)

    def _compare_orders(self, review_id: int, job: int) -> None:
        """Replay a review by its own pipeline and by ELAS u4."""

        def compare(store: Store, progress: Progress) -> list[str]:
            with store.read() as session:
                matches = evaluation.evaluate(session, review_id).matches
            try:
                comparison = comparing.compare_orders(
                    self._require_ranker(),
                    store,
                    review_id,
                    matches,
                    progress=self._stoppable(progress),
                )
            except (ValueError, InterruptedError) as error:
                return [f"Replays: {error}"]
            comparing.store_comparison(store, review_id, comparison)
            return []

        self._run(job, "Replays", compare)

    def _find_misses(self, review_id: int, list_id: int, job: int) -> None:
        """Choose the records of a list of possible misses."""

        def choose(store: Store, progress: Progress) -> list[str]:
            try:
                choosing_misses.choose_misses(
                    self._require_ranker(),
                    store,
                    review_id,
                    list_id,
                    progress=self._stoppable(progress),
                )
            except (ValueError, InterruptedError) as error:
                likely_misses.discard_list(store, list_id)
                return [f"Possible misses: {error}"]
            return []

        self._run(job, "Possible misses", choose)

    def _explain(self, review_id: int, report_id: int, job: int) -> None:
        """Explain a report's place in the order."""

        def explain(store: Store, _progress: Progress) -> list[str]:
            explaining.explain_report(self._require_ranker(), store, review_id, report_id)
            return []

        self._run(job, "Explanation", explain)

    def _require_ranker(self) -> Ranker:
        if self._ranker is None:
            raise RuntimeError("only a worker has a ranker")
        return self._ranker

    def _stoppable(self, progress: Progress) -> Progress:
        """Progress that ends a job once the worker is stopping."""

        def report(done: int, total: int) -> None:
            if self._stopping():
                raise InterruptedError("the worker was stopped; start this again")
            progress(done, total)

        return report

    def _run(self, job: int, name: str, work: Callable[[Store, Progress], list[str]]) -> None:
        """Run a long job, and store its progress and what went wrong.

        Args:
            job: its id.
            name: what pages call it.
            work: does it with a store that refuses to write once the job is no longer ours, and
                returns its problems in words.
        """
        with self._leased(job) as store:
            if store is None:
                return
            try:
                problems = work(store, self._progress_of(store, job))
            except LeaseLost:
                raise
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

    def _progress_of(self, store: Store, job: int) -> Progress:
        def report(done: int, total: int) -> None:
            with store.write() as session:
                jobs.update_progress(session, job, done=done, total=total)

        return report

    def _end(self, store: Store, job: int, *, failed: bool, message: str | None) -> None:
        with store.write() as session:
            jobs.end_job(session, job, state="failed" if failed else "done", message=message)

    def _import_upload(self, upload_id: int, job: int) -> None:
        """Import a confirmed upload."""
        try:
            with self._store.read() as session:
                upload = uploads.get_upload(session, upload_id)
        except NotFound:
            with self._store.write() as session:
                jobs.discard_job(session, job)
            return
        with self._leased(job, upload_id=upload_id) as store:
            if store is not None:
                self._import_leased(store, upload, job)

    def _import_leased(self, store: Store, upload: UploadInfo, job: int) -> None:
        try:
            outcome = self._import_file(store, upload, job)
        except UnreadableFile as error:
            where = f"line {error.line}: " if error.line else ""
            remedy = remedy_of(error, page=True)
            _return_to_preview(store, upload, job, f"{where}{error.message} {remedy}")
            return
        except LeaseLost:
            raise
        except Exception as error:
            logger.exception("import of upload %s failed", upload.id)
            _return_to_preview(store, upload, job, str(error))
            raise
        with store.write() as session:
            uploads.delete_upload(session, upload.id)
            jobs.end_job(session, job, state="done", message=_import_message(outcome))
        self._done()

    def _import_file(self, store: Store, upload: UploadInfo, job: int) -> ImportOutcome:
        report = self._progress_of(store, job)
        with tempfile.TemporaryFile() as stream:
            with store.read() as session:
                for piece in raw.read_upload(session, upload.id):
                    stream.write(piece)
            return importing.import_file(
                store,
                upload.review_id,
                stream,
                upload.name,
                ImportRequest(**upload.request),
                person_id=upload.person_id,
                progress=lambda done: report(done, 0),
            )


def _return_to_preview(store: Store, upload: UploadInfo, job: int, reason: str) -> None:
    """Leave a file that failed to its preview page: a second try would fail again."""
    with store.write() as session:
        uploads.return_to_preview(session, upload.id)
        jobs.end_job(session, job, state="failed", message=f"{upload.name}: {reason}")


def _restart_import(session: WriteSession, upload: UploadInfo) -> int | None:
    """A new job for an interrupted import; None if it was interrupted too often.

    A file that kills the worker each time must not kill it for ever.
    """
    job = jobs.start_job(session, upload.review_id, "import")
    if uploads.record_import_start(session, upload.id) <= _RESTARTS:
        return job
    uploads.return_to_preview(session, upload.id)
    message = f"{upload.name}: interrupted {_RESTARTS + 1} times; see its preview."
    jobs.end_job(session, job, state="failed", message=message)
    return None


def _import_message(outcome: ImportOutcome) -> str:
    batch = outcome.batch
    lines = describe(outcome.taken, outcome.unread)
    if outcome.taken is not None:
        lines.insert(0, f"{count_noun(outcome.decisions_added, 'decision')} taken over")
    taken = f" {'. '.join(line[0].upper() + line[1:] for line in lines)}." if lines else ""
    if outcome.repeated:
        return f"{batch.name} is in this review already; no record was added.{taken}"
    pooled = " They wait as incoming records: searches are frozen." if batch.pooled else ""
    left_out = f" {describe_left_out(outcome)}." if outcome.out_of_range else ""
    return (
        f"{batch.name}: {count_noun(batch.read, 'entry', 'entries')} = {batch.new} new + "
        f"{batch.changed} changed + {batch.same} known already + {batch.rejected} "
        f"unreadable.{pooled}{left_out}{taken}"
    )


class NightJobs:
    """The jobs of scheduled searches, in a queue of their own that no import can hold up.

    Each consumer of the queue adds a tick every minute; the store says what is due.

    Args:
        store: the database.
        settings: sources and limits.
        begun: called when runs wait for a worker.
    """

    def __init__(self, store: Store, settings: Settings, begun: Callable[[], None]) -> None:
        self.huey = open_queue(settings, "winnow-nights")
        self._store = store
        self._settings = settings
        self._begun = begun
        stored = {"__module__": _STORED_UNDER}
        self.huey.periodic_task(crontab(), name="tick", **stored)(self._tick)
        self.look: Callable[[], Any] = self.huey.task(name="look", **stored)(self._tick)

    def close(self) -> None:
        """Close the queue's connections of this thread."""
        self.huey.storage.close()

    def _tick(self) -> None:
        """Begin nights that are due, and send the summaries of nights that have ended."""
        try:
            if night_runs.run_due(self._store, self._settings):
                self._begun()
            notifications.send_summaries(self._store, self._settings, dump_night_summary)
        except Exception:
            logger.exception("the tick of scheduled searches failed")
            raise
