"""The worker process: a resident ranker that is woken directly, and the jobs of the queue."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from types import FrameType

from api.services.duplicates.deduplicating import compare_new_records
from api.services.ranking import pool_scores
from api.services.ranking.ranker import Ranker
from api.services.searching import harvesting
from api.services.searching.harvesting import WalkOptions
from api.settings import Settings
from api.worker.indexing import Indexing
from api.worker.jobs import Jobs, NightJobs
from api.worker.queues import QuietConsumer
from api.worker.wake import Listener, open_listener, wake
from store.core.errors import Conflict
from store.core.session import Store
from store.reports import pairs
from store.searching.runs import run_progress

logger = logging.getLogger(__name__)

# Seconds within which a worker notices that it should stop.
_BLINK = 0.5
# Runs that are walked at once at one source.
_RUNS_PER_SOURCE = 4


class Harvests:
    """Walks the runs that are due, each in a thread of its own, since each source has its own pace.

    Args:
        store: the database.
        settings: sources, pace, data folder.
        done: called when records have come in, so that they are ranked.
    """

    def __init__(self, store: Store, settings: Settings, done: Callable[[], None]) -> None:
        self._store = store
        self._settings = settings
        self._done = done
        self._stop = threading.Event()
        # By run: its source and its thread.
        self._threads: dict[int, tuple[str, threading.Thread]] = {}

    def take_up(self) -> None:
        """Start walking runs that wait, and runs whose walker has gone.

        All runs at a source share its pace, so a few at once are as quick as all. A source that
        hangs takes no places from the other sources.
        """
        self._threads = {
            run_id: (source, thread)
            for run_id, (source, thread) in self._threads.items()
            if thread.is_alive()
        }
        busy = Counter(source for source, _ in self._threads.values())
        with self._store.read() as session:
            due = run_progress.get_due_sources(session)
        for run_id, source in due.items():
            if run_id not in self._threads and busy[source] < _RUNS_PER_SOURCE:
                busy[source] += 1
                thread = threading.Thread(target=self._walk, args=(run_id,), name=f"run-{run_id}")
                self._threads[run_id] = (source, thread)
                thread.start()

    def close(self) -> None:
        """Stop each run after its page under way; the next worker goes on with it."""
        self._stop.set()
        for _, thread in self._threads.values():
            thread.join()

    def _walk(self, run_id: int) -> None:
        try:
            harvesting.walk_run(
                self._store,
                self._settings,
                run_id,
                WalkOptions(stop=self._stop, due_only=True, when_stopped="waiting"),
            )
        except Conflict as error:
            logger.info("%s", error)
        except Exception:
            # The run keeps the reason itself; the worker's other work goes on.
            logger.exception("run %s failed", run_id)
        self._done()


class Worker:
    """Works until it is stopped.

    Args:
        store: the database.
        settings: the pipeline to rank with, and how long to sleep.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._stop = threading.Event()
        self._ranker = Ranker(store, settings)
        # Reviews whose ranking failed, and when each is tried again.
        self._retry_at: dict[int, float] = {}

    def stop(self) -> None:
        """End after the step under way."""
        self._stop.set()
        self._wake()

    def run(self) -> None:
        """Work until ``stop`` is called."""
        listener = open_listener(self._store, self._settings.data_dir)
        jobs = Jobs(
            self._store,
            self._settings,
            done=self._wake,
            ranker=self._ranker,
            stopping=self._stop.is_set,
        )
        jobs.resume()
        nightly = NightJobs(self._store, self._settings, begun=self._wake)

        def records_came_in() -> None:
            self._wake()
            # A night that has ended is summed up now, not at the next minute.
            nightly.look()

        harvests = Harvests(self._store, self._settings, done=records_came_in)
        indexing = Indexing(self._store)
        consumers = [QuietConsumer(jobs.huey), QuietConsumer(nightly.huey, periodic=True)]
        for consumer in consumers:
            consumer.start()
        try:
            while not self._stop.is_set():
                harvests.take_up()
                jobs.take_up_lost()
                indexing.look()
                self._compare_due()
                self._rank_due()
                self._score_pools()
                self._sleep(listener)
        finally:
            harvests.close()
            indexing.close()
            for consumer in consumers:
                consumer.stop(graceful=True)
            jobs.close()
            nightly.close()
            listener.close()

    def _wake(self) -> None:
        wake(self._store, self._settings.data_dir)

    def _sleep(self, listener: Listener) -> None:
        """Wait to be woken, to be stopped, or for the idle time to pass."""
        end = time.monotonic() + self._settings.worker_idle_seconds
        while not self._stop.is_set():
            remaining = end - time.monotonic()
            if remaining <= 0 or listener.wait(min(remaining, _BLINK)):
                return

    def _compare_due(self) -> None:
        """Compare new records that an interrupted import left uncompared."""
        with self._store.read() as session:
            due = pairs.list_reviews_to_compare(session)
        for review_id in due:
            try:
                compare_new_records(self._store, review_id, stop=self._stop.is_set)
            except Exception:
                # Other reviews, and all other work, must not wait for this one.
                logger.exception("comparing records of review %s failed", review_id)

    def _score_pools(self) -> None:
        """Score new records of pools, for leads to see; the queue is not affected."""

        def between() -> bool:
            # Rankings come first, since people may be screening meanwhile.
            self._rank_due()
            return not self._stop.is_set()

        with self._store.read() as session:
            due = pool_scores.list_pools_to_score(session)
        for review_id in due:
            if self._stop.is_set():
                return
            try:
                pool_scores.score_pool(self._ranker, self._store, review_id, between=between)
            except Exception:
                logger.exception("scoring the pool of review %s failed", review_id)

    def _rank_due(self) -> None:
        """Rank reviews until no ranking is due; one fit at a time."""
        while not self._stop.is_set():
            now = time.monotonic()
            due = [
                review_id
                for review_id in self._ranker.due()
                if self._retry_at.get(review_id, now) <= now
            ]
            ranked = [self._rank(review_id) for review_id in due if not self._stop.is_set()]
            # Reviews that are due and cannot be ranked must not keep the worker from other work.
            if not any(ranked):
                return

    def _rank(self, review_id: int) -> bool:
        """Rank a review; False if nothing came of it."""
        try:
            return self._ranker.rank(review_id) is not None
        except Exception:
            # Other reviews must not wait for this one.
            self._retry_at[review_id] = time.monotonic() + self._settings.worker_idle_seconds
            logger.exception("ranking review %s failed", review_id)
            return False


def run_until_signalled(worker: Worker, *, supervised: bool) -> None:
    """Run a worker until a signal, or until the supervising process is gone.

    A supervised worker reads a pipe from the server. When the pipe ends, the server has died,
    however it died; this works on every system.
    """

    def stop(_number: int, _frame: FrameType | None) -> None:
        worker.stop()

    signal.signal(signal.SIGTERM, stop)
    # Ctrl-C reaches the whole process group; the server stops a supervised worker itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN if supervised else stop)
    if supervised:

        def watch() -> None:
            # Not through ``sys.stdin``: its lock would be held when the interpreter ends.
            while os.read(sys.stdin.fileno(), 1024):
                pass
            worker.stop()

        threading.Thread(target=watch, daemon=True, name="watch-parent").start()
    worker.run()
