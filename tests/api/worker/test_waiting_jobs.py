"""Jobs that wait for something else, and jobs that cannot be put into the queue."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from fastapi import FastAPI
from sqlalchemy import create_engine, text

from api.services.ranking import comparing
from api.services.ranking.ranker import Ranker
from api.services.ranking.waiting_texts import WaitingTexts
from api.services.reporting import stored_results
from api.services.searching import import_steps, importing
from api.services.searching.importing import ImportRequest
from api.settings import Settings
from api.worker import leased_jobs
from api.worker.failures import Failures
from api.worker.jobs import Jobs
from api.worker.lost_jobs import LostJobs
from store.core import engine, intakes, leases
from store.core.errors import Unreachable
from store.core.session import Store
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from store.searching import imports, uploads
from store.searching.imports import NewImport
from tests.api.answers import corpus_with_gold, newest_job, start_job
from tests.api.corpus import until, working
from tests.api.people import browser
from tests.api.worker.confirmed import confirm_upload

OTHER = b"title,abstract\nOne,x\nTwo,y\n"
FILE = b"title,abstract\nThree,z\n"


class _Killed(BaseException):
    """Ends the work as a killed process does."""


def _begin_import(store: Store, review: ReviewInfo, person: PersonInfo) -> int:
    """An import of another process that is alive."""
    new = NewImport(
        name="other.csv",
        sha256=hashlib.sha256(OTHER).hexdigest(),
        size=len(OTHER),
        request={},
        search_id=None,
        search_fields={},
    )
    with store.write() as session:
        owner = leases.create_owner()
        return imports.create_import(session, review.id, new, person_id=person.id, owner=owner)


def test_an_import_that_waits_for_another_one_lets_other_jobs_go_on(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo, app: FastAPI
) -> None:
    _begin_import(store, review, person)
    upload, job = confirm_upload(store, review, person, FILE)
    queue = Jobs(store, settings, done=lambda: None)
    queue._import_upload(upload, job)
    (waiting,) = queue.huey.pending()
    assert (waiting.name, list(waiting.args), waiting.eta is None) == (
        "import_upload",
        [upload, job],
        False,
    )
    words = "waits until another import into this review has ended"
    shown = newest_job(store, review, "import")
    assert (shown.state, shown.message) == ("running", words)
    assert f"Importing: {words}" in browser(app, store, person).get(f"/reviews/{review.slug}").text
    # It is not lost, wherever in the queue its message is.
    queue.huey.storage.dequeue()
    queue.huey.add_schedule(waiting)
    LostJobs(store, queue, Failures(store)).take_up()
    assert newest_job(store, review, "import").state == "running"


def test_a_worker_first_completes_the_import_of_a_dead_process_whatever_its_file_is_called(
    store: Store,
    settings: Settings,
    review: ReviewInfo,
    person: PersonInfo,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(leased_jobs, "_AGAIN", 0.2)

    def stop(*_: object) -> None:
        raise _Killed

    with monkeypatch.context() as patched, pytest.raises(_Killed):
        patched.setattr(import_steps, "store_head", stop)
        # The name of the upload that will wait for it.
        importing.import_file(
            store, review.id, io.BytesIO(OTHER), "f.csv", ImportRequest(), person_id=person.id
        )
    upload, job = confirm_upload(store, review, person, FILE)
    with working(store, settings):
        queue = Jobs(store, settings, done=lambda: None)
        queue.import_upload(upload, job)
        queue.close()

        def is_imported() -> bool:
            with store.read() as session:
                return not uploads.list_confirmed(session)

        until(is_imported)
    with store.read() as session:
        assert intakes.list_unfinished(session) == []
    assert "1 entry = 1 new" in str(newest_job(store, review, "import").message)


@pytest.mark.usefixtures("quick_encoder")
def test_a_comparison_waits_until_the_texts_are_read(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    corpus_with_gold(store, review, person)
    job = start_job(store, review, comparing.KIND)
    queue = Jobs(store, settings, done=lambda: None, ranker=Ranker(store, settings, WaitingTexts()))
    queue._compare_orders(review.id, job)
    shown = newest_job(store, review, comparing.KIND)
    assert (shown.state, shown.message) == ("running", "waits until the texts are read")
    (waiting,) = queue.huey.pending()
    LostJobs(store, queue, Failures(store)).take_up_at_start()
    queue.huey.storage.dequeue()
    queue.huey.add_schedule(waiting)
    LostJobs(store, queue, Failures(store)).take_up_at_start()
    # Now they are: a ranker that encodes by itself.
    queue._ranker = Ranker(store, settings)
    queue._compare_orders(*waiting.args)
    assert newest_job(store, review, comparing.KIND).state == "done"
    assert newest_job(store, review, comparing.KIND).message is None


@contextmanager
def _without_queue(queue: Jobs, store: Store) -> Iterator[None]:
    """While the queue's table is away, nothing can be put into it."""
    table = "task" if store.dialect == "sqlite" else "huey_task"
    queue.huey.storage.sql(f"ALTER TABLE {table} RENAME TO away", commit=True)
    yield
    queue.huey.storage.sql(f"ALTER TABLE away RENAME TO {table}", commit=True)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_job_is_queued_although_the_database_has_ended_the_queues_connection(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_TRUSTED", 0.0)
    queue = Jobs(store, settings, done=lambda: None)
    queue.explain(1, 2, 3)
    other = create_engine(store.engine.url)
    with other.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    other.dispose()
    queue.explain(1, 2, 4)
    assert [task.args[-1] for task in queue.huey.pending()] == [3, 4]


def test_a_job_that_cannot_be_queued_has_failed(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    queue = Jobs(store, settings, done=lambda: None)
    upload, job = confirm_upload(store, review, person, FILE)
    with _without_queue(queue, store):
        with pytest.raises(Unreachable):
            queue.import_upload(upload, job)
        with pytest.raises(Unreachable):
            stored_results.ask_for_figures(
                store, review.id, stored_results.EVALUATION, queue.work_out
            )
        queue.close()
    assert newest_job(store, review, "import").state == "failed"
    figures = newest_job(store, review, "evaluation")
    assert (figures.state, "worker's queue" in str(figures.message)) == ("failed", True)
    with store.read() as session:
        # Its page has the button to try again.
        assert uploads.list_confirmed(session) == []
        assert uploads.get_upload(session, upload, review.id)
    stored_results.ask_for_figures(store, review.id, stored_results.EVALUATION, queue.work_out)
    assert [task.name for task in queue.figures.huey.pending()] == ["work_out"]


def test_an_import_that_could_not_be_queued_is_resumed_later(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    _begin_import(store, review, person)
    with store.read() as session:
        (left,) = intakes.list_unfinished(session)
    queue = Jobs(store, settings, done=lambda: None)
    with _without_queue(queue, store):
        with pytest.raises(Unreachable):
            queue.resume(left)
        queue.close()
    for _ in range(2):
        queue.resume(left)
    assert [task.args[0] for task in queue.huey.pending()] == [left.id]
