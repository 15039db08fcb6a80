"""The worker's jobs: imports that start, are refused or are given up, and Huey's messages."""

from __future__ import annotations

import datetime as dt
import json
import threading
import time

import pytest
from huey.registry import Message
from huey.storage import PostgresStorage
from huey.utils import Error

from api.services.ranking import comparing, explaining
from api.services.ranking.ranker import Ranker
from api.settings import Settings
from api.worker import lost_jobs
from api.worker.failures import Failures
from api.worker.jobs import Jobs
from api.worker.lost_jobs import LostJobs
from api.worker.night_jobs import NightJobs
from api.worker.queues import JsonSerializer, open_queue
from store.core import jobs, raw
from store.core.session import Store, WriteSession
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from store.searching import uploads
from store.searching.uploads import UploadInfo
from tests.api.answers import corpus_with_gold, newest_job, start_job
from tests.api.corpus import decide
from tests.api.worker.confirmed import confirm_upload


def test_processes_that_start_together_create_the_queues_tables_in_turn(
    settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    if store.dialect == "sqlite":
        pytest.skip("SQLite lets one writer in by itself")
    inside: list[int] = []
    most: list[int] = []
    make = PostgresStorage.initialize_schema

    def slowly(storage: PostgresStorage) -> None:
        inside.append(1)
        most.append(len(inside))
        # Long enough for another to come in if nothing kept it out.
        time.sleep(0.1)
        make(storage)
        inside.pop()

    monkeypatch.setattr(PostgresStorage, "initialize_schema", slowly)
    threads = [threading.Thread(target=open_queue, args=(settings,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1, 1, 1]


def _start_again(store: Store, queue: Jobs) -> None:
    """What a worker does with lost jobs as it starts."""
    LostJobs(store, queue, Failures(store)).take_up_at_start()


@pytest.mark.case("service", 3)
def test_a_lost_job_that_cannot_be_taken_up_leaves_the_others_alone(
    store: Store,
    settings: Settings,
    review: ReviewInfo,
    person: PersonInfo,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken, _ = confirm_upload(store, review, person, b"title,abstract\nOne,x\n")
    healthy, _ = confirm_upload(store, review, person, b"title,abstract\nTwo,y\n")
    tried: list[int] = []
    real = lost_jobs.restart_import

    def restart(session: WriteSession, upload: UploadInfo) -> int | None:
        tried.append(upload.id)
        if upload.id == broken:
            raise RuntimeError("it cannot be started")
        return real(session, upload)

    monkeypatch.setattr(lost_jobs, "restart_import", restart)
    now = [0.0]
    queue = Jobs(store, settings, done=lambda: None)
    lost = LostJobs(store, queue, Failures(store, lambda: now[0]))
    lost.take_up_at_start()
    assert tried == [broken, healthy]
    assert [task.args[0] for task in queue.huey.pending()] == [healthy]
    # The broken one is tried again after a pause, and each pause is longer than the last.
    times = []
    for second in range(1, 64):
        now[0] = float(second)
        before = tried.count(broken)
        lost.take_up_at_start()
        times += [second] * (tried.count(broken) - before)
    assert times == [1, 3, 7, 15, 31, 63]


def test_an_import_that_keeps_ending_the_worker_is_given_up(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    upload, _ = confirm_upload(store, review, person, b"title,abstract\nOne,x\n")
    # Workers that start on it and are killed before they import it.
    for _ in range(3):
        _start_again(store, Jobs(store, settings, done=lambda: None))
        with store.read() as session:
            assert [found.id for found in uploads.list_confirmed(session)] == [upload]
    _start_again(store, Jobs(store, settings, done=lambda: None))
    with store.read() as session:
        assert not uploads.list_confirmed(session)
        # The file is kept, and its page has a button to try again.
        assert uploads.get_upload(session, upload, review.id).name == "f.csv"
        (job,) = (job for job in jobs.list_recent_jobs(session, review.id) if job.kind == "import")
    assert (job.state, "4 times" in (job.message or "")) == ("failed", True)


def test_a_refused_upload_says_why_and_keeps_the_file(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    upload, number = confirm_upload(store, review, person, b"a,b\n1,2\n")
    Jobs(store, settings, done=lambda: None)._import_upload(upload, number)
    with store.read() as session:
        (job,) = jobs.list_recent_jobs(session, review.id)
        assert uploads.get_upload(session, upload)
        # It is not tried again automatically.
        assert not uploads.list_confirmed(session)
    assert job.state == "failed"
    assert "No column was recognised" in (job.message or "")
    # It is read on a page.
    assert "choose them on the page" in (job.message or "")
    assert "--map" not in (job.message or "")


class _Killed(BaseException):
    """Ends the work as a killed process does."""


def test_a_worker_that_dies_while_an_imported_files_bytes_go_leaves_no_file_behind(
    store: Store,
    settings: Settings,
    review: ReviewInfo,
    person: PersonInfo,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # More than one piece of bytes, so that a tail is left.
    text = b"x" * 900_000
    data = b"title,abstract\nOne," + text + b"\nTwo," + text + b"\n"
    upload, job = confirm_upload(store, review, person, data)
    real = raw.delete_upload_piece
    calls = 0

    def delete_one(session: WriteSession, upload_id: int) -> bool:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise _Killed
        return real(session, upload_id)

    queue = Jobs(store, settings, done=lambda: None)
    monkeypatch.setattr(raw, "delete_upload_piece", delete_one)
    with pytest.raises(_Killed):
        queue._import_upload(upload, job)
    monkeypatch.setattr(raw, "delete_upload_piece", real)
    assert calls == 2
    _start_again(store, queue)
    with store.read() as session:
        assert uploads.list_confirmed(session) == []
    assert queue.huey.pending() == []
    assert newest_job(store, review, "import").state == "done"


def test_a_file_of_which_a_part_is_gone_is_refused(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    data = b"title,abstract\n" + b"".join(b"Trial %d,y\n" % n for n in range(100_000))
    upload, job = confirm_upload(store, review, person, data)
    with store.write() as session:
        raw.delete_upload_piece(session, upload)
    Jobs(store, settings, done=lambda: None)._import_upload(upload, job)
    ended = newest_job(store, review, "import")
    assert (ended.state, "Not all of the file" in str(ended.message)) == ("failed", True)


def test_hueys_messages_survive_a_round_trip_through_json() -> None:
    serializer = JsonSerializer()
    moment = dt.datetime(2026, 1, 2, 3, 4, tzinfo=dt.UTC)
    message = Message("id", "name", moment, 2, 10, None, (7,), {"a": 1}, None, None, None)
    data = serializer.serialize(message)
    json.loads(data)
    again = serializer.deserialize(data)
    assert again == message._replace(args=[7])
    error = serializer.deserialize(serializer.serialize(Error({"error": "e", "retries": 1})))
    assert error.metadata == {"error": "e", "retries": "1"}
    assert serializer.deserialize(serializer.serialize({"x": [1]})) == {"x": [1]}


def test_a_message_that_an_older_program_left_in_the_queue_is_still_read(
    store: Store, settings: Settings
) -> None:
    queue = Jobs(store, settings, done=lambda: None)
    nightly = NightJobs(store, settings, begun=lambda: None)
    names = {
        queue.huey: (
            "import_upload look_up count_hits compare_orders find_misses explain work_out".split()
        ),
        queue.figures.huey: ["work_out"],
        nightly.huey: ["tick", "look"],
    }
    for huey, jobs_of_queue in names.items():
        for name in jobs_of_queue:
            # The name that queues of the first release hold.
            message = Message(name, f"api.jobs.{name}", None, 0, 0, None, (7,), {})
            huey.storage.enqueue(huey.serializer.serialize(message))
        assert [task.name for task in huey.pending()] == jobs_of_queue
    queue.huey.flush()
    queue.explain(1, 2, 3)
    (data,) = queue.huey.storage.enqueued_items()
    assert queue.huey.serializer.deserialize(data).name == "api.jobs.explain"


@pytest.mark.usefixtures("quick_encoder")
@pytest.mark.parametrize("kind", [comparing.KIND, explaining.KIND])
def test_a_job_of_a_killed_worker_is_marked_interrupted_and_can_be_run_again(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo, kind: str
) -> None:
    truth, relevant = corpus_with_gold(store, review, person)
    decide(store, review, person, relevant[12], relevant=True)
    decide(store, review, person, next(r for r in truth if not truth[r]), relevant=False)
    # A running job without a message, as SIGKILL leaves behind.
    left = start_job(store, review, kind)
    queue = Jobs(store, settings, done=lambda: None, ranker=Ranker(store, settings))
    _start_again(store, queue)
    assert (newest_job(store, review, kind).id, newest_job(store, review, kind).state) == (
        left,
        "failed",
    )
    assert "interrupted" in str(newest_job(store, review, kind).message)
    again = start_job(store, review, kind)
    if kind == comparing.KIND:
        queue._compare_orders(review.id, again)
    else:
        queue._explain(review.id, relevant[13], again)
    assert (newest_job(store, review, kind).id, newest_job(store, review, kind).state) == (
        again,
        "done",
    )
