"""No import can hold up figures, or the cancelling of another import."""

from __future__ import annotations

import io
import threading

import pytest

from api.services.reporting import stored_results
from api.services.searching import import_steps, importing, uploading
from api.services.searching.importing import ImportRequest
from api.settings import Settings
from api.worker.failures import Failures
from api.worker.jobs import Jobs
from api.worker.lost_jobs import LostJobs
from api.worker.removing import Removing
from store.core import intakes, jobs
from store.core.session import Store
from store.core.tables import Upload
from store.reviews import reviews
from store.reviews.people import PersonInfo
from store.reviews.reviews import NewReview, ReviewInfo
from store.searching import batches
from tests.api.answers import newest_job
from tests.api.corpus import until, working
from tests.api.worker.confirmed import confirm_upload
from tests.store.builders import add_records

FILE = b"title,abstract\nOne,x\nTwo,y\n"


class _Killed(BaseException):
    """Ends the work as a killed process does."""


def _leave_import(
    store: Store, review_id: int, person: PersonInfo, monkeypatch: pytest.MonkeyPatch
) -> int:
    """An import whose process has been killed."""

    def stop(*_: object) -> None:
        raise _Killed

    with monkeypatch.context() as patched, pytest.raises(_Killed):
        patched.setattr(import_steps, "store_head", stop)
        importing.import_file(
            store, review_id, io.BytesIO(FILE), "f.csv", ImportRequest(), person_id=person.id
        )
    with store.read() as session:
        (left,) = intakes.list_unfinished(session, review_id)
    return left.id


def _second_review(store: Store, person: PersonInfo) -> ReviewInfo:
    with store.write() as session:
        return reviews.create_review(session, NewReview("second", "S", {}), person_id=person.id)


def _state(store: Store, intake_id: int) -> str:
    with store.read() as session:
        return intakes.get_intake(session, intake_id).state


@pytest.mark.usefixtures("quick_encoder")
def test_no_import_holds_up_figures_or_the_cancelling_of_another_one(
    store: Store,
    settings: Settings,
    review: ReviewInfo,
    person: PersonInfo,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stored_results, "SMALL", 0)
    add_records(store, review.id, 3)
    second = _second_review(store, person)
    _leave_import(store, review.id, person, monkeypatch)
    other = _leave_import(store, second.id, person, monkeypatch)
    begun, gate = threading.Event(), threading.Event()

    def hold(*_: object) -> None:
        begun.set()
        gate.wait(60)

    monkeypatch.setattr(import_steps, "store_entries", hold)
    with working(store, settings):
        try:
            assert begun.wait(30)
            queue = Jobs(store, settings, done=lambda: None)
            stored_results.ask_for_figures(
                store, review.id, stored_results.SCREENING, queue.work_out
            )
            uploading.cancel_import(store, second.id, other, person_id=person.id, reason="no")
            queue.close()
            until(lambda: newest_job(store, review, "screening").state == "done", 15)
            until(lambda: _state(store, other) == "cancelled", 15)
            assert not gate.is_set()
        finally:
            gate.set()


def test_a_cancelled_upload_that_waits_is_taken_away_and_not_imported_again(
    store: Store,
    settings: Settings,
    review: ReviewInfo,
    person: PersonInfo,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    upload, job = confirm_upload(store, review, person, FILE)
    left = _leave_import(store, review.id, person, monkeypatch)
    uploading.cancel_import(store, review.id, left, person_id=person.id, reason="no")
    removing = Removing(store, Failures(store))
    removing.remove_waiting()
    removing.close()
    assert _state(store, left) == "cancelled"
    with store.read() as session:
        assert session.get(Upload, upload) is None
    Jobs(store, settings, done=lambda: None)._import_upload(upload, job)
    with store.read() as session:
        assert intakes.list_unfinished(session) == []
        assert jobs.find_running(session, review.id, "import") is None


@pytest.mark.parametrize("removed_first", [True, False])
def test_a_file_uploaded_again_after_its_import_was_cancelled_is_imported(
    store: Store,
    settings: Settings,
    review: ReviewInfo,
    person: PersonInfo,
    monkeypatch: pytest.MonkeyPatch,
    removed_first: bool,
) -> None:
    left = _leave_import(store, review.id, person, monkeypatch)
    uploading.cancel_import(store, review.id, left, person_id=person.id, reason="no")
    upload, job = confirm_upload(store, review, person, FILE)
    if removed_first:
        removing = Removing(store, Failures(store))
        removing.remove_waiting()
        removing.close()
    Jobs(store, settings, done=lambda: None)._import_upload(upload, job)
    assert _state(store, left) == "cancelled"
    with store.read() as session:
        (file,) = batches.list_batches_of_review(session, review.id)
    assert file.name == "f.csv"


def test_figures_that_wait_in_their_queue_are_not_lost_when_a_worker_starts(
    store: Store, settings: Settings, review: ReviewInfo
) -> None:
    queue = Jobs(store, settings, done=lambda: None)
    kind = stored_results.SCREENING
    stored_results.ask_for_figures(store, review.id, kind, queue.work_out)
    LostJobs(store, queue, Failures(store)).take_up_at_start()
    assert newest_job(store, review, kind.name).state == "running"
    queue.figures.huey.flush()
    LostJobs(store, queue, Failures(store)).take_up_at_start()
    assert newest_job(store, review, kind.name).state == "failed"
    queue.close()


def test_a_job_whose_message_is_on_its_way_is_not_lost_when_a_worker_starts(
    store: Store, settings: Settings, review: ReviewInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = Jobs(store, settings, done=lambda: None)
    kind = stored_results.SCREENING
    sent: list[tuple[int | str, ...]] = []
    stored_results.ask_for_figures(store, review.id, kind, lambda *words: sent.append(words))
    # The server sends it a moment after it has stored the job.
    monkeypatch.setattr("api.worker.lost_jobs.time.sleep", lambda _: queue.work_out(*sent.pop()))
    LostJobs(store, queue, Failures(store)).take_up_at_start()
    assert sent == []
    assert newest_job(store, review, kind.name).state == "running"
    queue.close()
