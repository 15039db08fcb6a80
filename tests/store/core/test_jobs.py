"""Jobs of the worker as people see them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from store.core import jobs, leases
from store.core.session import Store
from store.reviews.reviews import ReviewInfo

pytestmark = pytest.mark.both_databases


def test_running_jobs_are_listed_and_one_that_never_ended_can_be_closed(
    store: Store, review: ReviewInfo
) -> None:
    with store.write() as session:
        first = jobs.start_job(session, review.id, "import")
    with store.write() as session:
        second = jobs.start_job(session, review.id, "import")
    with store.read() as session:
        assert [job.id for job in jobs.list_recent_jobs(session, review.id)] == [second, first]
    with store.write() as session:
        jobs.mark_interrupted(session, [first, second])
        second = jobs.start_job(session, review.id, "import", total=9)
        jobs.update_progress(session, second, done=4, total=9)
    with store.read() as session:
        (newest,) = jobs.list_recent_jobs(session, review.id)
    assert (newest.id, newest.state, newest.done, newest.total) == (second, "running", 4, 9)


def test_jobs_that_wait_are_listed_only_if_somebody_asks_for_them(
    store: Store, review: ReviewInfo
) -> None:
    with store.write() as session:
        waiting = jobs.start_job(session, review.id, "hits")
        taken = jobs.start_job(session, review.id, "hits")
        dead = jobs.start_job(session, review.id, "hits")
        assert jobs.take_job(session, taken, leases.create_owner())
        assert jobs.take_job(session, dead, _dead_owner())
        assert not jobs.take_job(session, taken, leases.create_owner())
    with store.read() as session:
        assert [job.id for job in jobs.list_lost_jobs(session)] == [dead]
        lost = jobs.list_lost_jobs(session, waiting=True)
        assert [job.id for job in lost] == [waiting, dead]
        assert [job.waiting_since is None for job in lost] == [False, True]


def _dead_owner() -> str:
    """An owner on this computer whose process has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    host, _, *rest = leases.create_owner().split(":")
    return ":".join([host, str(process.pid), *rest])
