"""The worker process: a resident ranker that is woken directly, and the jobs of the queue."""

from __future__ import annotations

import logging
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import FrameType
from typing import TypeVar

from api.services.ranking import pool_scores
from api.services.ranking.ranker import Ranker
from api.services.ranking.waiting_texts import WaitingTexts
from api.services.reviews.work_faults import RANKING, SCORING
from api.services.searching import harvesting
from api.services.searching.flow_counting import FlowCounting
from api.services.searching.harvesting import WalkOptions
from api.settings import Settings
from api.worker.comparing import Comparing
from api.worker.encoding import Encoding
from api.worker.failures import Failures
from api.worker.indexing import Indexing
from api.worker.jobs import Jobs
from api.worker.lost_jobs import LostJobs
from api.worker.night_jobs import NightJobs
from api.worker.pauses import Part
from api.worker.queues import QuietConsumer
from api.worker.removing import Removing
from api.worker.supervise import stop_with_parent
from api.worker.wake import Listener, open_listener, wake
from store.core.errors import Conflict, Unavailable
from store.core.session import Store
from store.screening import rankings
from store.searching.runs import run_progress

logger = logging.getLogger(__name__)
T = TypeVar("T")

# Seconds within which a worker notices that it should stop.
_BLINK = 0.5
# Seconds after which a thread lets another one run. A fit hands over dozens of times, and waits for
# as long each time while the words of a large review are being counted.
_SWITCH = 0.0005
# Seconds after which a review that was changing is looked at again.
_SETTLED = 3.0
# Runs that are walked at once at one source.
_RUNS_PER_SOURCE = 4
# Reviews whose features are built at once.
_BUILT_AT_ONCE = 3


class Harvests:
    """Walks the runs that are due, each in a thread of its own, since each source has its own pace.

    Args:
        store: the database.
        settings: sources, pace, data folder.
        failures: gets the runs that could not be walked.
        done: called when records have come in, so that they are ranked.
    """

    def __init__(
        self, store: Store, settings: Settings, failures: Failures, done: Callable[[], None]
    ) -> None:
        self._store = store
        self._settings = settings
        self._failures = failures
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
            if run_id in self._threads or not self._failures.is_due(Part("run", run_id)):
                continue
            if busy[source] < _RUNS_PER_SOURCE:
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
        except Exception as error:  # noqa: BLE001 - the worker's other work goes on
            # The run itself keeps the reason, if it can be written.
            self._failures.note_failure(Part("run", run_id), error)
        self._done()


class Preparation:
    """Builds the features of reviews in threads, so that other reviews are ranked meanwhile.

    Args:
        ranker: gets the features.
        done: called when a review's features have been built.
        failures: gets the reviews whose features could not be built.
    """

    def __init__(self, ranker: Ranker, done: Callable[[], None], failures: Failures) -> None:
        self._ranker = ranker
        self._done = done
        self._failures = failures
        self._threads = ThreadPoolExecutor(_BUILT_AT_ONCE, thread_name_prefix="features")
        self._lock = threading.Lock()
        self._asked: set[int] = set()

    def ask(self, review_id: int) -> None:
        """Build a review's features, unless that is under way."""
        with self._lock:
            if review_id in self._asked:
                return
            self._asked.add(review_id)
        self._threads.submit(self._prepare, review_id)

    def close(self) -> None:
        """End after what is being built."""
        self._threads.shutdown(cancel_futures=True)

    def _prepare(self, review_id: int) -> None:
        try:
            self._ranker.features.prepare(review_id)
        except Exception as error:  # noqa: BLE001 - other reviews must not wait for this one
            self._failures.note_failure(Part(RANKING, review_id), error)
        finally:
            with self._lock:
                self._asked.discard(review_id)
        self._done()


class Worker:
    """Works until it is stopped.

    Args:
        store: the database.
        settings: the pipeline to rank with, and how long to sleep.
        clock: seconds, for the pauses after failures.
    """

    def __init__(
        self, store: Store, settings: Settings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._settings = settings
        self._stop = threading.Event()
        self._woken = threading.Event()
        self._waiting = WaitingTexts()
        self._ranker = Ranker(store, settings, self._waiting)
        self._failures = Failures(store, clock)
        self._flows = FlowCounting(store)
        self._preparation = Preparation(self._ranker, self._wake, self._failures)
        self._encoding = Encoding(store, settings, self._waiting, self._wake)

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
        count_flows = partial(self._flows.look, stop=self._stop.is_set)
        lost_jobs = LostJobs(self._store, jobs, self._failures)
        lost_jobs.take_up_at_start()
        nightly = NightJobs(self._store, self._settings, begun=self._wake)

        def records_came_in() -> None:
            self._wake()
            # A night that has ended is summed up now, not at the next minute.
            nightly.look()

        harvests = Harvests(self._store, self._settings, self._failures, done=records_came_in)
        indexing = Indexing(self._store)
        comparing = Comparing(self._store, self._failures, self._wake)
        removing = Removing(self._store, self._failures)
        consumers = [
            QuietConsumer(jobs.huey),
            QuietConsumer(jobs.figures.huey),
            QuietConsumer(nightly.huey, periodic=True),
        ]
        for consumer in consumers:
            consumer.start()
        self._encoding.start()
        try:
            self._attempt(Part("taking up texts"), self._take_up_encoding)
            while not self._stop.is_set():
                try:
                    # None of these may keep another from its work.
                    removing.look()
                    self._attempt(Part("reading faults"), self._failures.refresh)
                    self._attempt(Part("taking up runs"), harvests.take_up)
                    self._attempt(Part("taking up jobs"), lost_jobs.take_up)
                    indexing.look()
                    comparing.look()
                    self._attempt(Part("ranking reviews"), self._rank_due)
                    self._attempt(Part("scoring reviews"), self._score_pools)
                    self._attempt(Part("counting reviews"), count_flows)
                except Unavailable as error:
                    # Everything is still due when the database can be used again.
                    logger.warning("%s %s", error, error.remedy)
                self._sleep(listener)
        finally:
            self._encoding.close()
            self._preparation.close()
            harvests.close()
            indexing.close()
            comparing.close()
            removing.close()
            for consumer in consumers:
                consumer.stop(graceful=True)
            jobs.close()
            nightly.close()
            listener.close()

    def _attempt(self, part: Part, work: Callable[[], T]) -> T | None:
        """Do a part of the work, unless it has failed lately; None if it was not done.

        Raises:
            Unavailable: the database cannot be used now.
        """
        if self._stop.is_set() or not self._failures.is_due(part):
            return None
        try:
            done = work()
            self._failures.note_success(part)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - no part may stop the others
            self._failures.note_failure(part, error)
            return None
        return done

    def _wake(self) -> None:
        """Wake this worker: PostgreSQL does so only if something was committed."""
        self._woken.set()
        wake(self._store, self._settings.data_dir)

    def _sleep(self, listener: Listener) -> None:
        """Wait to be woken, to be stopped, or for the idle time to pass."""
        idle = self._settings.worker_idle_seconds
        end = time.monotonic() + (min(idle, _SETTLED) if self._flows.changing else idle)
        while not self._stop.is_set():
            if self._woken.is_set():
                self._woken.clear()
                return
            remaining = end - time.monotonic()
            if remaining <= 0 or listener.wait(min(remaining, _BLINK)):
                return

    def _score_pools(self) -> None:
        """Score new records of pools, for leads to see; the queue is not affected."""
        with self._store.read() as session:
            due = pool_scores.list_pools_to_score(session)
        self._failures.forget_others(SCORING, due)
        for review_id in due:
            self._attempt(
                Part(SCORING, review_id),
                partial(pool_scores.score_pool, self._ranker, self._store, review_id),
            )

    def _take_up_encoding(self) -> None:
        """Go on with reviews whose texts an earlier worker had not encoded to the end."""
        with self._store.read() as session:
            for review_id in rankings.list_partly_encoded(session):
                self._waiting.mark_due(review_id)

    def _rank_due(self) -> None:
        """Rank reviews until no ranking is due; one fit at a time."""
        while not self._stop.is_set():
            ranked = [self._rank(review_id) for review_id in self._list_ready()]
            # Reviews that are due and cannot be ranked must not keep the worker from other work.
            if not any(ranked):
                return

    def _list_ready(self) -> list[int]:
        """Reviews to rank now; the features of the others are being built meanwhile."""
        more_vectors = self._waiting.list_due()
        changed = set(self._ranker.due())
        due = changed | more_vectors.keys()
        self._failures.forget_others(RANKING, due)
        ready = []
        for review_id in sorted(due):
            if not self._failures.is_due(Part(RANKING, review_id)):
                continue
            features = self._ranker.features
            has_features = features.has(review_id)
            has_step = features.get_step(review_id) >= more_vectors.get(review_id, -1)
            if not (has_features and has_step):
                self._preparation.ask(review_id)
            if has_features and (has_step or review_id in changed):
                ready.append(review_id)
        return ready

    def _rank(self, review_id: int) -> bool:
        """Rank a review; False if nothing came of it."""
        rank = partial(self._ranker.rank, review_id)
        return self._attempt(Part(RANKING, review_id), rank) is not None


def run_until_signalled(worker: Worker, *, supervised: bool) -> None:
    """Run a worker until a signal, or until the supervising process is gone."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        worker.stop()

    signal.signal(signal.SIGTERM, stop)
    # Ctrl-C reaches the whole process group; the server stops a supervised worker itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN if supervised else stop)
    if supervised:
        stop_with_parent(worker.stop)
    sys.setswitchinterval(_SWITCH)
    worker.run()
