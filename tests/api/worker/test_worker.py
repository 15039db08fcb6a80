"""The worker in its own thread."""

from __future__ import annotations

import pytest

from api.settings import Settings
from api.worker.jobs import Jobs
from api.worker.wake import wake
from store.core import jobs
from store.core.session import Store
from store.reports import record_texts
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from store.screening import rankings
from store.searching import uploads
from tests.api.corpus import decide, until, working
from tests.api.worker.confirmed import confirm_upload


@pytest.mark.usefixtures("quick_encoder")
def test_the_worker_imports_uploads_and_ranks_when_it_is_woken(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    # The idle pause is so long that only waking the worker can explain a ranking.
    settings = settings.model_copy(update={"worker_idle_seconds": 600.0})
    with working(store, settings):
        queue = Jobs(store, settings, done=lambda: None)
        upload, job = confirm_upload(store, review, person, b"title,abstract\nOne,x\nTwo,y\n")
        queue.import_upload(upload, job)
        queue.close()
        until(lambda: _ranked(store, review) == (2, 0))
        with store.read() as session:
            report = record_texts.list_report_texts(session, review.id)[0].report_id
        decide(store, review, person, report, relevant=True)
        wake(store, settings.data_dir)
        until(lambda: _ranked(store, review) == (1, 1))
        with store.read() as session:
            done = {job.kind: job for job in jobs.list_recent_jobs(session, review.id)}
        assert done["import"].state == "done"
        assert "2 entries = 2 new" in (done["import"].message or "")


@pytest.mark.usefixtures("quick_encoder")
def test_an_import_whose_worker_was_killed_is_done_by_the_next_worker(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    # A killed worker leaves this: a confirmed file whose message has left the queue.
    confirm_upload(store, review, person, b"title,abstract\nOne,x\n")
    with working(store, settings):
        until(lambda: _ranked(store, review) == (1, 0))
    with store.read() as session:
        assert [
            job.state for job in jobs.list_recent_jobs(session, review.id) if job.kind == "import"
        ] == ["done"]
        assert not uploads.list_confirmed(session)


def _ranked(store: Store, review: ReviewInfo) -> tuple[int, int] | None:
    with store.read() as session:
        newest = rankings.get_newest_ranking(session, review.id)
    return (newest.size, newest.n_decisions) if newest else None
