"""Two processes that are both alive, of which the second takes the work of the first over."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select, update

from api import heartbeats
from api.services.searching import counting, harvesting, importing
from api.services.searching.harvesting import WalkOptions
from api.settings import Settings
from api.worker.failures import Failures
from api.worker.jobs import Jobs
from api.worker.lost_jobs import LostJobs
from benchmarks import harvest_kills
from store.core.session import Store
from store.core.tables import Batch, BatchEntry, Intake, Job, LineHits, RecordRow, Run, now
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from store.searching import uploads
from tests.api.harvests import Bench
from tests.api.worker.confirmed import confirm_upload


class Slow:
    """Work in a thread that stops before it calls a function, as a busy computer might stop it.

    Args:
        monkeypatch: of the test.
        place: the module and the function that the work is about to call.
        skip: calls that are let through before.
    """

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, place: tuple[Any, str], skip: int = 0
    ) -> None:
        # No heartbeat comes while the process is stopped.
        monkeypatch.setattr(heartbeats, "_PERIOD", 3600.0)
        self._reached, self._go_on = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        module, name = place
        inner = getattr(module, name)

        def call(*args: Any, **options: Any) -> Any:
            nonlocal skip
            if threading.current_thread() is self._thread:
                skip -= 1
                if skip < 0:
                    self._reached.set()
                    assert self._go_on.wait(120)
            return inner(*args, **options)

        monkeypatch.setattr(module, name, call)

    def start(self, work: Callable[[], object]) -> None:
        """Start the work, and wait until it has stopped."""
        self._thread = threading.Thread(target=work)
        self._thread.start()
        assert self._reached.wait(120)

    def go_on(self) -> None:
        """Let it go on."""
        self._go_on.set()

    def finish(self) -> None:
        """Let it go on to its end."""
        assert self._thread is not None
        self.go_on()
        self._thread.join(120)
        assert not self._thread.is_alive()


def make_silent(store: Store, table: type[Run | Job | Intake], minutes: float) -> None:
    """Let the last heartbeat be as old as this."""
    with store.write() as session:
        session.execute(update(table).values(heartbeat_at=now() - dt.timedelta(minutes=minutes)))


def count_rows(store: Store) -> list[int | None]:
    with store.read() as session:
        return [
            session.scalar(select(func.count()).select_from(table))
            for table in (Batch, BatchEntry, RecordRow, LineHits, Job)
        ]


@pytest.mark.parametrize(
    ("name", "skip"), [("key_entries", 0), ("key_entries", 2), ("compare_new_records", 0)]
)
@pytest.mark.case("harvest", 10)
def test_a_slow_process_writes_nothing_after_its_run_was_taken_over(
    at: Bench, monkeypatch: pytest.MonkeyPatch, name: str, skip: int
) -> None:
    slow = Slow(monkeypatch, (harvesting, name), skip)
    run_id = at.begin("europepmc")
    slow.start(lambda: at.walk(run_id))
    owner = at.info(run_id).owner

    def take_over() -> Run:
        harvesting.walk_run(at.store, at.settings, run_id, WalkOptions(due_only=True))
        with at.store.read() as session:
            return session.get_one(Run, run_id)

    make_silent(at.store, Run, 3.5)
    assert (take_over().state, at.info(run_id).owner) == ("running", owner)
    # Longer than a process that we can see may be silent.
    make_silent(at.store, Run, 31)
    ended = take_over()
    assert (ended.state, ended.received) == ("complete", ended.reported)
    before = harvest_kills.dump(at.store, at.review.id), count_rows(at.store), ended.heartbeat_at
    slow.finish()
    with at.store.read() as session:
        heartbeat_at = session.get_one(Run, run_id).heartbeat_at
    after = harvest_kills.dump(at.store, at.review.id), count_rows(at.store), heartbeat_at
    assert after == before


def test_a_slow_count_writes_nothing_after_it_was_ended(
    at: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow(monkeypatch, (counting, "_store_line"), 2)
    job = counting.start_count(at.store, at.review.id)
    first = Jobs(at.store, at.settings, done=lambda: None)
    slow.start(lambda: first._count_hits(at.review.id, job))
    second = Jobs(at.store, at.settings, done=lambda: None)
    make_silent(at.store, Job, 3.5)
    lost = LostJobs(at.store, second, Failures(at.store))
    lost.take_up_at_start()
    lost.take_up()
    assert _job(at.store, job).state == "running"
    # Another worker does not do the same at the same time.
    second._count_hits(at.review.id, job)
    assert count_rows(at.store)[3] == 2
    make_silent(at.store, Job, 31)
    lost.take_up()
    assert _job(at.store, job).state == "failed"
    slow.finish()
    assert count_rows(at.store)[3] == 2
    assert (_job(at.store, job).state, _job(at.store, job).message) == ("failed", "interrupted")


def _job(store: Store, job: int) -> Job:
    with store.read() as session:
        return session.get_one(Job, job)


@pytest.mark.parametrize("place", ["open_file", "compare_new_records"])
def test_a_slow_import_writes_nothing_after_it_was_taken_over(
    store: Store,
    settings: Settings,
    review: ReviewInfo,
    person: PersonInfo,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
) -> None:
    slow = Slow(monkeypatch, (importing, place))
    upload, job = confirm_upload(store, review, person, b"title,abstract\nOne,x\nTwo,y\n")
    first = Jobs(store, settings, done=lambda: None)
    slow.start(lambda: first._import_upload(upload, job))
    second = Jobs(store, settings, done=lambda: None)
    make_silent(store, Job, 3.5)
    lost = LostJobs(store, second, Failures(store))
    lost.take_up_at_start()
    lost.take_up()
    assert second.huey.pending() == []
    make_silent(store, Job, 31)
    make_silent(store, Intake, 31)
    lost.take_up()
    (again,) = second.huey.pending()
    second._import_upload(*again.args)
    with store.read() as session:
        assert uploads.list_confirmed(session) == []
    before = count_rows(store)
    assert before[:3] == [1, 2, 2]
    slow.finish()
    assert count_rows(store) == before
    assert _job(store, job).state == "failed"
    assert _job(store, again.args[-1]).state == "done"
