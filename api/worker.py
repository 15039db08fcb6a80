"""The worker process: a resident ranker that is woken directly, and the jobs of the queue."""

from __future__ import annotations

import logging
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from types import FrameType

from api.jobs import Jobs, NightJobs, QuietConsumer
from api.services import harvesting, pool_scores
from api.services.deduplicating import deduplicate_new
from api.services.ranking import Ranker
from api.settings import Settings
from api.wake import Listener, listener, wake
from store import pairs, runs
from store.errors import Conflict
from store.session import Store

logger = logging.getLogger(__name__)

# How long a worker may take to see that it is to stop.
_BLINK = 0.5
# Runs that are walked at once at one source.
_AT_ONCE = 4


class Harvests:
    """Walks the runs that are due, each in a thread of its own: a source's pace is its own.

    Args:
        store: the database.
        settings: sources, pace, data folder.
        done: called when records have come, so that they are ranked.
    """

    def __init__(self, store: Store, settings: Settings, done: Callable[[], None]) -> None:
        self._store = store
        self._settings = settings
        self._done = done
        self._stop = threading.Event()
        self._threads: dict[int, tuple[str, threading.Thread]] = {}

    def take_up(self) -> None:
        """Begin with runs that wait, and with those that somebody left.

        A source's pace is shared by all its runs, so a few at once are as quick as all; and the
        runs at one that hangs leave the others' places free.
        """
        self._threads = {n: found for n, found in self._threads.items() if found[1].is_alive()}
        busy = Counter(source for source, _ in self._threads.values())
        with self._store.read() as session:
            due = runs.due_at(session)
        for number, source in due.items():
            if number not in self._threads and busy[source] < _AT_ONCE:
                busy[source] += 1
                thread = threading.Thread(target=self._walk, args=(number,), name=f"run-{number}")
                self._threads[number] = (source, thread)
                thread.start()

    def close(self) -> None:
        """Stop after the pages under way; the next worker goes on with the runs."""
        self._stop.set()
        for _, thread in self._threads.values():
            thread.join()

    def _walk(self, number: int) -> None:
        try:
            harvesting.walk(
                self._store,
                self._settings,
                number,
                stop=self._stop,
                due_only=True,
                when_stopped="waiting",
            )
        except Conflict as error:
            logger.info("%s", error)
        except Exception:
            # The run says so itself; the worker's other work goes on.
            logger.exception("run %s failed", number)
        self._done()


class Worker:
    """Runs until it is told to stop.

    Args:
        store: the database.
        settings: what to rank with and how long to sleep.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._stop = threading.Event()
        self._ranker = Ranker(store, settings)
        # Reviews whose ranking failed, and when each is tried again.
        self._again: dict[int, float] = {}

    def stop(self) -> None:
        """End after the step that is under way."""
        self._stop.set()
        wake(self._store, self._settings.data_dir)

    def run(self) -> None:
        """Work until ``stop`` is called."""
        ears = listener(self._store, self._settings.data_dir)
        jobs = Jobs(
            self._store,
            self._settings,
            done=lambda: wake(self._store, self._settings.data_dir),
            ranker=self._ranker,
            stopping=self._stop.is_set,
        )
        jobs.resume()

        def stir() -> None:
            wake(self._store, self._settings.data_dir)

        nightly = NightJobs(self._store, self._settings, begun=stir)

        def brought() -> None:
            stir()
            # A night that has ended is summed up at once, not at the next minute.
            nightly.look()

        harvests = Harvests(self._store, self._settings, done=brought)
        consumers = [QuietConsumer(jobs.huey), QuietConsumer(nightly.huey, periodic=True)]
        for consumer in consumers:
            consumer.start()
        try:
            while not self._stop.is_set():
                harvests.take_up()
                self._compare_due()
                self._rank_due()
                self._score_pools()
                self._doze(ears)
        finally:
            harvests.close()
            for consumer in consumers:
                consumer.stop(graceful=True)
            jobs.close()
            nightly.close()
            ears.close()

    def _doze(self, ears: Listener) -> None:
        """Wait to be woken, to be stopped, or for the idle time to pass."""
        end = time.monotonic() + self._settings.worker_idle_seconds
        while not self._stop.is_set():
            left = end - time.monotonic()
            if left <= 0 or ears.wait(min(left, _BLINK)):
                return

    def _compare_due(self) -> None:
        """Compare records that whoever brought them left uncompared."""
        with self._store.read() as session:
            due = pairs.due(session)
        for review_id in due:
            try:
                deduplicate_new(self._store, review_id, stop=self._stop.is_set)
            except Exception:
                # The others' records, and everything else, must not wait for this review.
                logger.exception("comparing records of review %s failed", review_id)

    def _score_pools(self) -> None:
        """Score what has come into pools; leads see it, the queue does not."""

        def between() -> bool:
            # Whoever screens meanwhile gets their order first.
            self._rank_due()
            return not self._stop.is_set()

        with self._store.read() as session:
            due = pool_scores.due(session)
        for review_id in due:
            if self._stop.is_set():
                return
            try:
                pool_scores.make(self._ranker, self._store, review_id, between=between)
            except Exception:
                logger.exception("scoring the pool of review %s failed", review_id)

    def _rank_due(self) -> None:
        """Rank what is due, again and again until nothing is: at most one fit at a time."""
        while not self._stop.is_set():
            now = time.monotonic()
            due = [each for each in self._ranker.due() if self._again.get(each, now) <= now]
            if not due:
                return
            ranked = False
            for review_id in due:
                if self._stop.is_set():
                    return
                try:
                    ranked = self._ranker.rank(review_id) is not None or ranked
                except Exception:
                    # The others' orders must not wait for this review.
                    self._again[review_id] = now + self._settings.worker_idle_seconds
                    logger.exception("ranking review %s failed", review_id)
            if not ranked:
                # What is due and cannot be ranked must not keep the worker from all else.
                return


def until_signalled(worker: Worker, *, supervised: bool) -> None:
    """Run a worker until a signal, or until the supervising process is gone.

    A supervised worker holds the reading end of a pipe; its end of file means that the server has
    died, however it died, on every system.
    """

    def stop(_number: int, _frame: FrameType | None) -> None:
        worker.stop()

    signal.signal(signal.SIGTERM, stop)
    # Ctrl-C reaches the whole group; the server stops a supervised worker when it is done itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN if supervised else stop)
    if supervised:

        def watch() -> None:
            sys.stdin.buffer.read()
            worker.stop()

        threading.Thread(target=watch, daemon=True, name="watch-parent").start()
    worker.run()
