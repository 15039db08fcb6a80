"""Leases: who may take work over, and what happens to the one that had it."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys

import pytest

from store.core import jobs, leases
from store.core.errors import LeaseLost
from store.core.session import Store
from store.core.tables import now
from store.reviews import reviews
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo

pytestmark = pytest.mark.both_databases


def ago(**span: float) -> dt.datetime:
    return now() - dt.timedelta(**span)


def owner_at(number: int, host: str | None = None) -> str:
    mine, _, process, name = leases.create_owner().split(":")
    return f"{host or mine}:{number}:{process}:{name}"


def test_a_name_is_used_once_and_fits_its_column() -> None:
    names = {leases.create_owner() for _ in range(100)}
    assert len(names) == 100
    assert max(map(len, names)) <= 40


@pytest.mark.case("harvest", 10)
def test_a_slow_process_keeps_its_work_and_a_dead_one_loses_it_at_once() -> None:
    sleeping = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owner = owner_at(sleeping.pid)
    try:
        assert not leases.is_free(owner, ago(minutes=3.5))
        # It is here, so we know that it lives.
        assert not leases.is_free(owner, ago(minutes=29))
        assert leases.is_free(owner, ago(minutes=31))
    finally:
        sleeping.kill()
        sleeping.communicate()
    assert leases.is_free(owner, ago(seconds=1))


def test_a_process_elsewhere_is_given_minutes() -> None:
    owner = owner_at(os.getpid(), host="elsewhere")
    assert not leases.is_free(owner, ago(minutes=3.5))
    assert leases.is_free(owner, ago(minutes=5.1))


def test_a_number_that_was_given_again_is_no_sign_of_life() -> None:
    host, number, _, name = leases.create_owner().split(":")
    assert leases.is_free(f"{host}:{number}:another:{name}", ago(seconds=1))
    assert not leases.is_free(leases.create_owner(), ago(seconds=1))


@pytest.mark.parametrize("owner", ["", "x", "a:b", "a:b:c:d", "12ab"])
def test_names_of_other_versions_are_judged_by_their_heartbeat(owner: str) -> None:
    assert leases.is_free(owner, ago(minutes=6))
    assert not leases.is_free(owner, ago(minutes=1))
    assert leases.is_free(None, ago(minutes=1))
    assert leases.is_free(owner, None)


def test_a_fenced_store_writes_nothing_after_its_work_was_taken_over(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    with store.write() as session:
        job = jobs.start_job(session, review.id, "hits")
        assert jobs.take_job(session, job, "first")
    fenced = store.fenced(lambda session: jobs.lock_owned_job(session, job, "first"))
    with fenced.write() as session:
        reviews.rename_review(session, review.id, "By the first", person_id=person.id)
    with store.write() as session:
        jobs.mark_interrupted(session, [job])
    with pytest.raises(LeaseLost), fenced.write() as session:
        reviews.rename_review(session, review.id, "By the first, too late", person_id=person.id)
    with store.read() as session:
        assert reviews.get_review(session, review.id).title == "By the first"
    # The store itself writes as before.
    with store.write() as session:
        reviews.rename_review(session, review.id, "By somebody else", person_id=person.id)
