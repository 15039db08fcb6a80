"""The jobs of the queues; a message holds ids and names only."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from api.errors import remedy_of
from api.services.ranking import comparing, explaining
from api.services.ranking.ranker import Ranker
from api.services.reporting import evaluation, search_check
from api.services.screening import choosing_misses, likely_misses
from api.services.searching import counting, importing, uploading
from api.services.searching.import_failures import AnotherImport, ImportCancelled
from api.services.searching.importing import (
    ImportOutcome,
    ImportRequest,
)
from api.settings import Settings
from api.worker.figure_jobs import FigureJobs
from api.worker.import_messages import describe_import, return_to_preview, tell_job
from api.worker.leased_jobs import LeasedJobs, Progress
from api.worker.queues import open_queue
from harvest.errors import ReadingFailed, SourceError, UnreadableFile
from harvest.file_content import fingerprint
from harvest.http import masked
from store.core import jobs, raw
from store.core.errors import LeaseLost, NotFound, Unavailable
from store.core.intakes import IntakeInfo
from store.core.session import Store
from store.searching import uploads
from store.searching.uploads import UploadInfo

logger = logging.getLogger(__name__)

# Seconds within which a job that waits notices that the worker is stopping.
_BLINK = 0.2

T = TypeVar("T")


class Jobs(LeasedJobs):
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
        super().__init__(open_queue(settings), store, stopping)
        self._ranker = ranker
        self._settings = settings
        self._done = done
        self.import_upload = self._queued("import_upload", self._import_upload)
        self.resume_import = self._queued("resume_import", self._resume_import)
        # Imports that this worker has put into the queue again, and that have not ended.
        self.resuming: set[int] = set()
        self.look_up = self._queued("look_up", self._look_up)
        self.count_hits = self._queued("count_hits", self._count_hits)
        self.compare_orders = self._queued("compare_orders", self._compare_orders)
        self.find_misses = self._queued("find_misses", self._find_misses)
        self.explain = self._queued("explain", self._explain)
        self.figures = FigureJobs(store, settings, stopping)
        self.work_out = self.figures.work_out
        # Messages that a program left here before figures had a queue of their own.
        self._queued("work_out", self.figures.carry_out)

    def close(self) -> None:
        """Close the queues' connections of this thread."""
        super().close()
        self.figures.close()

    def resume(self, intake: IntakeInfo) -> None:
        """Put an import whose process has died into the queue, unless this worker has done so.

        Raises:
            Unavailable: the database or the queue cannot be used.
        """
        if intake.id in self.resuming:
            return
        with self._store.write() as session:
            job = jobs.start_job(session, intake.review_id, "import")
        # Before it can end.
        self.resuming.add(intake.id)
        try:
            self.resume_import(intake.id, job)
        except Unavailable:
            self.resuming.discard(intake.id)
            raise

    def _resume_import(self, intake_id: int, job: int) -> None:
        """Go on with an import that was interrupted, or take away one that was cancelled."""

        def go_on(store: Store, progress: Progress) -> list[str]:
            try:
                self._patiently(
                    lambda: importing.resume(store, intake_id, progress=tell_job(progress))
                )
            except (ImportCancelled, AnotherImport):
                return []
            except UnreadableFile as error:
                return [f"{error.message} {remedy_of(error, page=True)}"]
            finally:
                self.resuming.discard(intake_id)
            self._done()
            return []

        self._run(partial(self.resume_import, intake_id, job), "Import", go_on)

    def _count_hits(self, review_id: int, job: int) -> None:
        """Count the hits of a strategy's lines at all sources, one after the other."""

        def count(store: Store, progress: Progress) -> list[str]:
            return counting.count_at_all_sources(store, self._settings, review_id, progress)

        self._run(partial(self.count_hits, review_id, job), "Hits", count)

    def _look_up(self, review_id: int, job: int) -> None:
        """Ask the sources for the known studies that the search missed."""

        def look_up(store: Store, progress: Progress) -> list[str]:
            try:
                search_check.look_up_missed(store, self._settings, review_id, progress=progress)
            except SourceError as error:
                return [masked(f"{error.message} {error.remedy}")]
            return []

        self._run(partial(self.look_up, review_id, job), "Looking up", look_up)

    def _compare_orders(self, review_id: int, job: int) -> None:
        """Replay a review by its own pipeline and by ELAS u4."""

        def compare(store: Store, progress: Progress) -> list[str]:
            # Before the list is matched, since the job may have to wait for the texts.
            self._require_ranker().get_features(review_id)
            with store.read() as session:
                matches = evaluation.match_own_list(session, review_id)
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

        self._run(partial(self.compare_orders, review_id, job), "Replays", compare)

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

        self._run(partial(self.find_misses, review_id, list_id, job), "Possible misses", choose)

    def _explain(self, review_id: int, report_id: int, job: int) -> None:
        """Explain a report's place in the order."""

        def explain(store: Store, _progress: Progress) -> list[str]:
            explaining.explain_report(self._require_ranker(), store, review_id, report_id)
            return []

        self._run(partial(self.explain, review_id, report_id, job), "Explanation", explain)

    def _require_ranker(self) -> Ranker:
        if self._ranker is None:
            raise RuntimeError("only a worker has a ranker")
        return self._ranker

    def _import_upload(self, upload_id: int, job: int) -> None:
        """Import a confirmed upload."""
        try:
            with self._store.read() as session:
                upload = uploads.get_upload(session, upload_id)
        except NotFound:
            upload = None
        if upload is None or not upload.request:
            # It was cancelled meanwhile.
            with self._store.write() as session:
                jobs.discard_job(session, job)
            return
        with self._leased(job, upload_id=upload_id) as store:
            if store is not None:
                self._import_leased(store, upload, job)

    def _import_leased(self, store: Store, upload: UploadInfo, job: int) -> None:
        try:
            outcome = self._patiently(lambda: self._import_file(store, upload, job))
        except UnreadableFile as error:
            where = f"line {error.line}: " if error.line else ""
            remedy = remedy_of(error, page=True)
            return_to_preview(store, upload, job, f"{where}{error.message} {remedy}")
            return
        except ImportCancelled as error:
            self._drop_upload(store, upload, job, str(error))
            return
        except AnotherImport as error:
            if error.abandoned is not None:
                self.resume(error.abandoned)
            again = partial(self.import_upload, upload.id, job)
            self._put_back(store, again, "waits until another import into this review has ended")
            return
        except (LeaseLost, Unavailable):
            # Another worker, or this one in a while, goes on where it was.
            raise
        except Exception as error:
            logger.exception("import of upload %s failed", upload.id)
            return_to_preview(store, upload, job, str(error))
            raise
        self._drop_upload(store, upload, job, describe_import(outcome))
        self._done()

    def _patiently(self, work: Callable[[], T]) -> T:
        """Do what can go on where it was, and try again while the database cannot be used.

        Raises:
            Unavailable: it still cannot be used, and the worker is stopping.
            AnotherImport: nothing is wrong with the database.
        """
        while True:
            try:
                return work()
            except AnotherImport:
                raise
            except Unavailable as error:
                logger.warning("%s %s", error, error.remedy)
                end = time.monotonic() + error.wait
                while time.monotonic() < end:
                    if self._stopping():
                        raise
                    time.sleep(_BLINK)

    def _drop_upload(self, store: Store, upload: UploadInfo, job: int, message: str) -> None:
        """End the job of a file that is imported or cancelled, and delete its bytes."""
        with store.write() as session:
            # Together: a worker that dies while the bytes go must not leave the rest as a file.
            uploads.withdraw_request(session, upload.id)
            jobs.end_job(session, job, state="done", message=message)
        try:
            # The job has ended, so it lets its own store write no more.
            uploading.delete_upload(self._store, upload.id)
        except Unavailable as error:
            # They go with other old files.
            logger.warning("the bytes of upload %s were not deleted: %s", upload.id, error)

    def _import_file(self, store: Store, upload: UploadInfo, job: int) -> ImportOutcome:
        report = self._progress_of(store, job)
        with tempfile.TemporaryFile() as stream:
            with store.read() as session:
                for piece in raw.read_upload(session, upload.id):
                    stream.write(piece)
            if fingerprint(stream).sha256 != upload.sha256:
                raise ReadingFailed(
                    "Not all of the file is stored any more.", remedy="Choose the file again."
                )
            return importing.import_file(
                store,
                upload.review_id,
                stream,
                upload.name,
                ImportRequest(**upload.request),
                person_id=upload.person_id,
                progress=tell_job(report),
                patience=0,
            )
