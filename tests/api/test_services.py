"""The resident ranker, the worker and its jobs, exports, the JSON of Huey's messages."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import rispy
from huey.registry import Message
from huey.storage import PostgresStorage
from huey.utils import Error

from api import resources
from api.documents import exports, plots
from api.jobs import Jobs, JsonSerializer, make_huey
from api.protocol import ProtocolBody, Question
from api.services import evaluation, importing, screening
from api.services.importing import ImportRequest
from api.services.ranking import Ranker
from api.services.setup import load_sample
from api.settings import Settings
from api.wake import DatagramListener, listener, wake
from harvest.files.read import read_file
from store import decisions, gold, jobs, rankings, records, reviews, searches, uploads
from store.people import PersonInfo
from store.reviews import ReviewInfo
from store.session import Store
from tests.api.corpus import corpus, decide, until, working
from tests.store.made import add_records


@pytest.mark.usefixtures("quick_encoder")
def test_decisions_change_the_order_and_the_ranking_says_from_how_many(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    truth = corpus(store, review, person)
    ranker = Ranker(store, settings)
    assert ranker.due() == [review.id]
    first = ranker.rank(review.id)
    assert first is not None
    assert (first.cold_start, first.size, first.n_decisions) == (True, 80, 0)
    assert ranker.due() == []
    picked = [next(r for r in truth if truth[r]), next(r for r in truth if not truth[r])]
    for report in picked:
        decide(store, review, person, report, relevant=truth[report])
    assert ranker.due() == [review.id]
    second = ranker.rank(review.id)
    assert second is not None
    assert (second.cold_start, second.size, second.n_decisions, second.n_include) == (
        False,
        78,
        2,
        1,
    )
    with store.read() as session:
        order = rankings.order(session, review.id, second.id).report_ids
    assert not set(picked) & set(order)
    assert np.mean([truth[report] for report in order[:19]]) > 0.9


@pytest.mark.usefixtures("quick_encoder")
def test_the_same_decisions_give_the_same_order_in_a_new_process(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    truth = corpus(store, review, person)
    resident = Ranker(store, settings)
    resident.rank(review.id)
    for report in list(truth)[:12]:
        decide(store, review, person, report, relevant=truth[report])
    one, other = resident.rank(review.id), Ranker(store, settings).rank(review.id)
    assert one is not None
    assert other is not None
    assert one.order_hash == other.order_hash


@pytest.mark.usefixtures("quick_encoder")
def test_new_records_seeds_and_a_withdrawal_reach_the_resident_ranker(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    ranker = Ranker(store, settings)
    assert ranker.rank(review.id) is None
    add_records(store, review.id, 3)
    assert (made := ranker.rank(review.id)) is not None
    assert made.size == 3
    add_records(store, review.id, 2, name="wrong")
    assert (made := ranker.rank(review.id)) is not None
    assert made.size == 5
    with store.write() as session:
        gold.add(
            session,
            review.id,
            [gold.NewGold("Somewhere else", ranking_use="seed")],
            list_name="l",
            person_id=None,
        )
        (batch,) = [
            b
            for s in searches.everything(session, review.id)
            for b in s.batches
            if b.name == "wrong"
        ]
        searches.withdraw(session, review.id, batch.id, reason="r", person_id=None)
    assert (made := ranker.rank(review.id)) is not None
    assert made.size == 3


@pytest.mark.usefixtures("quick_encoder")
def test_an_undone_record_is_ranked_again(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    one, _ = add_records(store, review.id, 2)
    ranker = Ranker(store, settings)
    decide(store, review, person, one, relevant=True)
    assert (made := ranker.rank(review.id)) is not None
    assert made.size == 1
    with store.read() as session:
        held = decisions.holding(session, one)
    assert held
    screening.undo(store, review.id, person.id, held, "u")
    assert (made := ranker.rank(review.id)) is not None
    assert made.size == 2


def test_those_who_start_together_make_the_tables_of_the_queue_in_turns(
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
        # Long enough for another to come in, were it not kept out.
        time.sleep(0.1)
        make(storage)
        inside.pop()

    monkeypatch.setattr(PostgresStorage, "initialize_schema", slowly)
    threads = [threading.Thread(target=make_huey, args=(settings,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1, 1, 1]


@pytest.mark.usefixtures("quick_encoder")
def test_the_worker_ranks_when_it_is_woken_and_imports_uploads(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    # So long an idle pause that only being woken can explain a ranking.
    settings = settings.model_copy(update={"worker_idle_seconds": 600.0})
    with working(store, settings):
        queue = Jobs(store, settings, done=lambda: None)
        upload, job = _confirmed(store, review, person, b"title,abstract\nOne,x\nTwo,y\n")
        queue.import_upload(upload, job)
        queue.close()
        until(lambda: _ranked(store, review) == (2, 0))
        with store.read() as session:
            report = records.texts(session, review.id)[0].report_id
        decide(store, review, person, report, relevant=True)
        wake(store, settings.data_dir)
        until(lambda: _ranked(store, review) == (1, 1))
        with store.read() as session:
            done = {job.kind: job for job in jobs.newest(session, review.id)}
        assert done["import"].state == "done"
        assert "2 entries = 2 new" in (done["import"].message or "")


@pytest.mark.usefixtures("quick_encoder")
def test_an_import_whose_worker_was_killed_is_taken_up_by_the_next(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    # A killed worker leaves this behind: a confirmed file, its message gone from the queue.
    _confirmed(store, review, person, b"title,abstract\nOne,x\n")
    with working(store, settings):
        until(lambda: _ranked(store, review) == (1, 0))
    with store.read() as session:
        assert [job.state for job in jobs.newest(session, review.id) if job.kind == "import"] == [
            "done"
        ]
        assert not uploads.confirmed(session)


def test_an_import_that_ends_the_worker_each_time_is_given_up(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    upload, _ = _confirmed(store, review, person, b"title,abstract\nOne,x\n")
    # Workers that take it up and are killed before they import it.
    for _ in range(3):
        Jobs(store, settings, done=lambda: None).resume()
        with store.read() as session:
            assert [found.id for found in uploads.confirmed(session)] == [upload]
    Jobs(store, settings, done=lambda: None).resume()
    with store.read() as session:
        assert not uploads.confirmed(session)
        # The file is kept, and its page lets somebody try again.
        assert uploads.by_id(session, upload, review.id).name == "f.csv"
        (job,) = (job for job in jobs.newest(session, review.id) if job.kind == "import")
    assert (job.state, "4 times" in (job.message or "")) == ("failed", True)


def _confirmed(
    store: Store, review: ReviewInfo, person: PersonInfo, data: bytes
) -> tuple[int, int]:
    """An upload whose preview was confirmed, and the job under which its import is shown."""
    with store.write() as session:
        upload = uploads.add(
            session,
            review.id,
            person.id,
            name="f.csv",
            sha256="0" * 64,
            size=len(data),
            chunks=[data],
        )
        uploads.confirm(session, upload, {"labels": "ignore"})
        return upload, jobs.begin(session, review.id, "import")


def _ranked(store: Store, review: ReviewInfo) -> tuple[int, int] | None:
    with store.read() as session:
        newest = rankings.newest(session, review.id)
    return (newest.size, newest.n_decisions) if newest else None


def test_a_refused_upload_says_why_and_keeps_the_file(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    with store.write() as session:
        upload = uploads.add(
            session, review.id, person.id, name="f", sha256="0" * 64, size=3, chunks=[b"a,b\n1,2\n"]
        )
        number = jobs.begin(session, review.id, "import")
    Jobs(store, settings, done=lambda: None)._import_upload(upload, number)
    with store.read() as session:
        (job,) = jobs.newest(session, review.id)
        assert uploads.by_id(session, upload)
        # It is not tried again by itself.
        assert not uploads.confirmed(session)
    assert job.state == "failed"
    assert "No column was recognised" in (job.message or "")


def test_waking_reaches_the_listener_and_a_missing_one_costs_nothing(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    wake(store, settings.data_dir)
    ears = listener(store, settings.data_dir)
    assert not ears.wait(0.05)
    with store.write() as session:
        reviews.touch(session, review.id)
    wake(store, settings.data_dir)
    assert ears.wait(10)
    assert not ears.wait(0.05)
    ears.close()


def test_several_wakes_are_one(tmp_path: Path, sqlite_store: Store) -> None:
    ears = DatagramListener(tmp_path)
    for _ in range(5):
        wake(sqlite_store, tmp_path)
    assert ears.wait(5)
    assert not ears.wait(0.05)
    ears.close()


def test_hueys_messages_are_json_and_come_back_whole() -> None:
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


def test_exports_hold_every_record_with_its_decision(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    data = 'title,abstract,authors,doi,url\n"=cmd()|x",@SUM,"Smith, Tom; Li, Wei",10.1000/a,http://a.b\nTwo,y,,,\n'
    importing.import_file(
        store,
        review.id,
        io.BytesIO(data.encode()),
        "f.csv",
        ImportRequest(),
        person_id=person.id,
    )
    with store.read() as session:
        reports = [text.report_id for text in records.texts(session, review.id)]
    decide(store, review, person, reports[0], relevant=True)
    with store.read() as session:
        table = "".join(exports.export(session, review.id, "csv"))
        rows = list(csv.DictReader(io.StringIO(table.removeprefix("\ufeff"))))
        lines = [json.loads(line) for line in exports.export(session, review.id, "jsonl")]
        ris = "".join(exports.export(session, review.id, "ris"))
        only = "".join(exports.export(session, review.id, "csv", "include"))
        with pytest.raises(ValueError, match="csv, ris, jsonl"):
            exports.export(session, review.id, "xls")
        with pytest.raises(ValueError, match="which must be"):
            exports.export(session, review.id, "csv", "some")
    assert [row["decision"] for row in rows] == ["include", ""]
    # No cell may begin as a formula.
    assert (rows[0]["title"], rows[0]["abstract"]) == ("'=cmd()|x", "'@SUM")
    assert lines[0]["authors"] == [
        {"name": "Smith, Tom", "collective": False},
        {"name": "Li, Wei", "collective": False},
    ]
    entries = rispy.loads(ris)
    assert [entry["title"] for entry in entries] == ["=cmd()|x", "Two"]
    assert "Winnow decision: include" in entries[0]["notes"]
    assert only.count("\r\n") == 2


@pytest.mark.parametrize("file_format", ["csv", "ris", "jsonl"])
def test_a_gold_list_of_own_includes_is_known_as_such_however_it_comes(
    store: Store, review: ReviewInfo, person: PersonInfo, file_format: str
) -> None:
    one, _ = add_records(store, review.id, 2)
    decide(store, review, person, one, relevant=True)
    with store.read() as session:
        text = "".join(exports.export(session, review.id, file_format, "include"))
        brought, _ = evaluation.gold_file(
            io.BytesIO(text.encode()), search_use="validation", ranking_use="held_out"
        )
        for known in (brought, evaluation.own_includes(session, review.id)):
            result = evaluation.evaluate(session, review.id, brought=known)
            assert result.screening.note == "found by reading in ranked order: not an estimate"
            assert result.screening.found == 1


@pytest.mark.parametrize("file_format", ["csv", "ris", "jsonl"])
def test_an_export_can_be_imported_again(
    store: Store, review: ReviewInfo, person: PersonInfo, file_format: str
) -> None:
    add_records(store, review.id, 5)
    with store.read() as session:
        text = "".join(exports.export(session, review.id, file_format))
        before = [(t.title, t.abstract) for t in records.texts(session, review.id)]
    content = read_file(io.BytesIO(text.encode()))
    assert [(r.title, r.abstract) for r in content.records] == before
    assert content.rejected == ()


def test_the_sample_review_has_the_counts_that_its_readme_states(
    store: Store, settings: Settings, person: PersonInfo
) -> None:
    review, made = load_sample(store, person.id)
    assert made
    again, made_again = load_sample(store, person.id)
    assert (again.id, made_again) == (review.id, False)
    with store.read() as session:
        counts = records.counts(session, review.id)
        result = evaluation.evaluate(session, review.id)
    assert counts.reports == 206
    assert "39 %" in (review.banner or "")
    screened = result.screening
    assert (screened.held_out, screened.out_of_scope, screened.relevant) == (72, 25, 47)
    assert (screened.undated, screened.seeds, screened.unplaced) == (26, 8, 0)
    assert result.search.recall is None
    assert result.search.note == "used to build the search: not an estimate of recall"


def test_plots_are_svg_without_script(store: Store, person: PersonInfo) -> None:
    review, _ = load_sample(store, person.id)
    with store.read() as session:
        result = evaluation.evaluate(session, review.id)
    for svg in (plots.recall(result.screening), plots.progress([screening.Point(0, 0)])):
        assert svg.startswith("<svg")
        assert "<script" not in svg
        assert "records" in svg


def test_the_protocols_texts_are_what_a_cold_start_seeks() -> None:
    body = ProtocolBody(questions=(Question(text="Why?"),), inclusion=("a", "b"))
    assert body.query_texts == ["Why?", "a", "b"]
    assert ProtocolBody.model_validate(body.stored()) == body


def test_resources_are_where_the_program_looks() -> None:
    assert (resources.configs() / "default.toml").is_file()
    assert resources.TEMPLATES.is_dir()
