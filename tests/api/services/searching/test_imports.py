"""Imports in pieces: unseen until they have ended, resumed after a kill, and taken away whole."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, select

from api.protocol import ProtocolBody
from api.services.searching import import_steps, importing, uploading
from api.services.searching.import_failures import AnotherImport, ImportCancelled
from api.services.searching.import_steps import ImportProgress
from api.services.searching.importing import ImportOutcome, ImportRequest
from harvest.errors import UnreadableFile
from store.core import intakes
from store.core.errors import Full, LeaseLost, NotFound, Unreachable
from store.core.session import ReadSession, Store
from store.core.tables import (
    Batch,
    BatchEntry,
    BatchRaw,
    BatchRejected,
    Event,
    PairKey,
    RecordRow,
    Report,
    Search,
)
from store.reports import pairs, record_texts, records
from store.reports.reports import list_active_reports
from store.reviews import people, reviews
from store.reviews.people import PersonInfo
from store.reviews.reviews import NewReview, ReviewInfo
from store.screening import computed_results, decisions
from store.screening.decisions import NewDecision
from store.searching import batches, flow, searches

pytestmark = pytest.mark.case("service", 8)

NUMBER = 230
_TABLES = (Search, Batch, BatchRaw, BatchEntry, BatchRejected, RecordRow, Report, Event, PairKey)


def table(first: int = 1, number: int = NUMBER) -> bytes:
    """A table of records that have nothing in common."""
    rows = (f"Trial {n} of drug {n * 7919},,20{n % 20:02}\n" for n in range(first, first + number))
    return ("title,abstract,year\n" + "".join(rows)).encode()


LATER = ("storing", "comparing")
Import = Callable[..., ImportOutcome]


@pytest.fixture
def run(store: Store, review: ReviewInfo, person: PersonInfo) -> Import:
    def import_it(
        raw: bytes = table(),
        progress: ImportProgress | None = None,
        labels: str = "ignore",
        patience: float | None = None,
    ) -> ImportOutcome:
        return importing.import_file(
            store,
            review.id,
            io.BytesIO(raw),
            "f.csv",
            ImportRequest(labels=labels),
            person_id=person.id,
            progress=progress,
            patience=patience,
        )

    return import_it


def see(session: ReadSession, review_id: int) -> list[object]:
    """What readers of a review are shown."""
    return [
        list_active_reports(session, review_id),
        [text.report_id for text in record_texts.list_report_texts(session, review_id)],
        [
            record.id
            for record in records.get_active_representatives(
                session, list_active_reports(session, review_id)
            )
        ],
        flow.count_flow(session, review_id),
        searches.list_searches(session, review_id),
        batches.list_batches_of_review(session, review_id),
        batches.get_stamp(session, review_id),
        pairs.count_uncompared_records(session, review_id),
        pairs.list_reviews_to_compare(session),
    ]


def count_rows(store: Store) -> dict[str, int]:
    with store.read() as session:
        return {
            each.__tablename__: session.scalar(select(func.count()).select_from(each)) or 0
            for each in _TABLES
        }


class Killed(BaseException):
    """Ends the work as a stopped process does."""


def at_stored(store: Store, act: Callable[[], None]) -> ImportProgress:
    """Progress that acts once, when some entries are stored and others are not."""
    acted = False

    def progress(_stage: str, done: int, _total: int | None) -> None:
        nonlocal acted
        if acted or done >= NUMBER:
            return
        # The first reports are of the reading, before anything is stored.
        with store.read() as session:
            (intake,) = intakes.list_unfinished(session)
        if intake.stage == "entries" and intake.position:
            acted = True
            act()

    return progress


def test_nobody_sees_an_import_before_it_has_ended(
    store: Store, review: ReviewInfo, person: PersonInfo, run: Import
) -> None:
    with store.read() as session:
        before = see(session, review.id)
    shown: list[list[object]] = []
    progress: list[intakes.IntakeInfo] = []
    refused: list[bool] = []

    def look() -> None:
        with store.read() as session:
            shown.append(see(session, review.id))
            progress.extend(intakes.list_unfinished(session, review.id))
            (record_id,) = session.scalars(select(RecordRow.id).limit(1))
            report_id = session.scalar(select(RecordRow.report_id).limit(1))
            for read in (records.get_record, searches.get_search, batches.get_batch):
                with pytest.raises(NotFound):
                    read(session, review.id, record_id if read is records.get_record else 1)
        assert report_id is not None
        with store.write() as session, pytest.raises(NotFound):
            new = NewDecision(token="t", report_id=report_id, decision="include")
            decisions.record_decision(session, review.id, person.id, new)
        refused.append(True)

    outcome = run(progress=at_stored(store, look))
    assert shown == [before]
    assert refused == [True]
    assert (progress[0].state, progress[0].total) == ("under way", NUMBER)
    assert 0 < progress[0].position < NUMBER
    assert (outcome.batch.new, outcome.batch.read) == (NUMBER, NUMBER)
    with store.read() as session:
        assert len(list_active_reports(session, review.id)) == NUMBER
        assert intakes.list_unfinished(session) == []


def test_a_stopped_import_goes_on_where_it_was(
    store: Store, review: ReviewInfo, run: Import
) -> None:
    def stop() -> None:
        raise Killed

    with pytest.raises(Killed):
        run(progress=at_stored(store, stop))
    with store.read() as session:
        (left,) = intakes.list_unfinished(session)
        stored = set(session.scalars(select(RecordRow.id)))
    assert left.waiting
    assert 0 < left.position < NUMBER
    outcome = run()
    assert (outcome.repeated, outcome.batch.new, outcome.batch.same) == (False, NUMBER, 0)
    with store.read() as session:
        assert stored < set(session.scalars(select(RecordRow.id)))
    assert count_rows(store)["record"] == count_rows(store)["batch_entry"] == NUMBER
    assert run().repeated


def test_progress_says_what_is_done_and_of_how_many_and_where_an_import_goes_on(
    store: Store, run: Import
) -> None:
    told: list[tuple[str, int, int | None]] = []

    def note(stage: str, done: int, total: int | None) -> None:
        told.append((stage, done, total))
        if stage == "storing" and len({each for each in told if each[0] == stage}) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(progress=note)
    (_, stored, _) = told[-1]
    assert told[0] == ("begun", 0, None)
    assert all(total is None for stage, _, total in told if stage == "reading")
    again: list[tuple[str, int, int | None]] = []
    run(progress=lambda *all_: again.append(all_))
    assert again[0] == ("begun", stored, NUMBER)
    steps = [(stage, done, total) for stage, done, total in again if stage in LATER]
    assert [stage for stage, _, _ in steps] == sorted((s for s, _, _ in steps), reverse=True)
    assert {total for _, _, total in steps} == {NUMBER}
    assert ("storing", NUMBER, NUMBER) in steps
    assert steps[-1] == ("comparing", NUMBER, NUMBER)


def test_another_import_first_completes_one_whose_process_has_died(
    store: Store, review: ReviewInfo, run: Import
) -> None:
    def stop() -> None:
        raise Killed

    with pytest.raises(Killed):
        run(progress=at_stored(store, stop))
    assert run(table(1000, 20)).batch.new == 20
    with store.read() as session:
        assert len(list_active_reports(session, review.id)) == NUMBER + 20
        assert intakes.list_unfinished(session) == []


def kill(run: Import, store: Store) -> intakes.IntakeInfo:
    """An import whose process has died when some entries were stored."""

    def stop() -> None:
        raise Killed

    with pytest.raises(Killed):
        run(progress=at_stored(store, stop))
    with store.read() as session:
        (left,) = intakes.list_unfinished(session)
    return left


def test_an_import_goes_on_when_the_one_that_it_waits_for_was_cancelled(
    store: Store, review: ReviewInfo, person: PersonInfo, run: Import
) -> None:
    left = kill(run, store)
    uploading.cancel_import(store, review.id, left.id, person_id=person.id, reason="no")
    assert run(table(1000, 20)).batch.new == 20
    with store.read() as session:
        assert len(list_active_reports(session, review.id)) == 20
        assert intakes.list_unfinished(session) == []


def test_an_import_goes_on_when_the_one_that_it_waits_for_cannot_be_read(
    store: Store, review: ReviewInfo, run: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(import_steps, "store_bytes", stop)
        run()
    assert run(table(1000, 20)).batch.new == 20
    with store.read() as session:
        (failed,) = (i for i in intakes.list_recent(session, review.id) if i.state == "failed")
    assert "before all of the file was received" in str(failed.reason)


def test_an_impatient_import_leaves_the_one_that_it_waits_for_to_others(
    store: Store, run: Import
) -> None:
    left = kill(run, store)
    with pytest.raises(AnotherImport) as caught:
        run(table(1000, 20), patience=0)
    assert caught.value.abandoned == left
    with store.read() as session:
        assert intakes.list_unfinished(session) == [left]


@pytest.mark.parametrize("given_back", [True, False])
def test_a_file_is_not_refused_because_the_database_was_away_again_and_again(
    run: Import, monkeypatch: pytest.MonkeyPatch, given_back: bool
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise Unreachable("the database does not answer")

    for _ in range(6 if given_back else 1):
        with monkeypatch.context() as patched, pytest.raises(Unreachable):
            patched.setattr(import_steps, "look_through", fail)
            if not given_back:
                patched.setattr(intakes, "release_intake", fail)
            run()
    assert run(patience=0).batch.new == NUMBER


def test_an_import_whose_job_was_taken_over_can_be_taken_up_by_others(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    taken = False

    def check(_: ReadSession) -> None:
        if taken:
            raise LeaseLost("the job was taken over")

    def take() -> None:
        nonlocal taken
        taken = True

    with pytest.raises(AnotherImport):
        importing.import_file(
            store.fenced(check),
            review.id,
            io.BytesIO(table()),
            "f.csv",
            ImportRequest(),
            person_id=person.id,
            progress=at_stored(store, take),
        )
    with store.read() as session:
        (left,) = intakes.list_unfinished(session)
    assert left.waiting


def test_a_cancelled_import_leaves_only_its_log(
    store: Store, review: ReviewInfo, person: PersonInfo, run: Import
) -> None:
    kept = run(table(5000, 10)).batch.id
    before = count_rows(store)
    raw = table() + b"Trial 5003 of drug 39618757,,2003\n"

    def cancel() -> None:
        with store.read() as session:
            (one,) = intakes.list_unfinished(session)
        uploading.cancel_import(
            store, review.id, one.id, person_id=person.id, reason="Cancelled by ada."
        )

    with pytest.raises(ImportCancelled):
        run(raw, progress=at_stored(store, cancel))
    assert count_rows(store) == before
    with store.read() as session:
        (log,) = intakes.list_recent(session, review.id)
        assert [batch.id for batch in batches.list_batches_of_review(session, review.id)] == [kept]
    assert (log.state, log.name, log.reason) == ("cancelled", "f.csv", "Cancelled by ada.")
    # The same file can be imported afterwards.
    assert run(raw).batch.read == NUMBER + 1


def test_a_file_that_cannot_be_read_leaves_only_its_log(
    store: Store, review: ReviewInfo, run: Import
) -> None:
    before = count_rows(store)
    with pytest.raises(UnreadableFile):
        run(b"a,b\n1,2\n")
    assert count_rows(store) == before
    with store.read() as session:
        (log,) = intakes.list_recent(session, review.id)
    assert log.state == "failed"
    assert "No column was recognised" in (log.reason or "")


def test_one_file_sent_twice_at_once_is_imported_once(
    store: Store, review: ReviewInfo, run: Import
) -> None:
    outcomes: list[ImportOutcome] = []
    threads = [threading.Thread(target=lambda: outcomes.append(run())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcome.repeated for outcome in outcomes) == [False, True]
    assert count_rows(store)["record"] == NUMBER


def test_two_files_at_once_are_imported_one_after_the_other(
    store: Store, review: ReviewInfo, run: Import
) -> None:
    outcomes: list[ImportOutcome] = []
    files = [table(), table(NUMBER - 9, NUMBER)]
    threads = [
        threading.Thread(target=lambda file=file: outcomes.append(run(file))) for file in files
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [outcome.batch.new for outcome in outcomes] == [NUMBER, NUMBER]
    with store.read() as session:
        # Ten of them are in both files.
        assert len(list_active_reports(session, review.id)) == 2 * NUMBER - 10


def test_what_a_file_says_of_earlier_records_is_added_once_it_has_ended(
    store: Store, review: ReviewInfo, run: Import
) -> None:
    run(b"title,accession\nTrial 7 of drug 55433,A7\n")
    head = "title,accession,abstract\n"
    rows = "".join(f"Trial {n} of drug {n * 7919},A{n},Text {n}\n" for n in range(1, NUMBER + 1))
    seen: list[str | None] = []

    def look() -> None:
        with store.read() as session:
            query = select(RecordRow.abstract).where(RecordRow.source_id == "A7")
            seen.append(session.scalar(query))

    outcome = run((head + rows).encode(), progress=at_stored(store, look))
    look()
    assert seen == [None, "Text 7"]
    assert (outcome.batch.new, outcome.batch.changed) == (NUMBER - 1, 1)


def test_what_was_made_before_a_file_filled_earlier_records_is_made_again(
    store: Store, review: ReviewInfo, run: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look() -> list[object]:
        with store.read() as session:
            return [
                batches.get_stamp(session, review.id),
                reviews.get_review(session, review.id).revision,
                computed_results.find_basis(session, review.id).key,
            ]

    seen: list[list[object]] = []
    add = import_steps.add_statements

    def add_after_ranking(*args: Any) -> None:
        # The worker may read the review at this moment, when the import has just been seen.
        seen.append(look())
        add(*args)

    monkeypatch.setattr(import_steps, "add_statements", add_after_ranking)
    run(b"title,accession\nTrial 7 of drug 55433,A7\n")
    # A file that adds nothing to earlier records calls for no other order.
    assert look()[:2] == seen.pop()[:2]
    run(b"title,accession,abstract\nTrial 7 of drug 55433,A7,Text 7\n")
    (before,) = seen
    assert all(now != then for now, then in zip(look(), before, strict=True))


def test_decisions_in_a_file_are_taken_over_in_pieces(
    store: Store, review: ReviewInfo, run: Import
) -> None:
    rows = "".join(f"Trial {n} of drug {n * 7919},{n % 2}\n" for n in range(1, 61))
    outcome = run(f"title,included\n{rows}".encode(), labels="decisions")
    assert outcome.decisions_added == 60
    assert run(f"title,included\n{rows}".encode(), labels="decisions").decisions_added == 0


_KILLED_AT = """
import io, os, signal, sys
from api.services.searching.importing import ImportRequest, import_file
from store.core.session import Store
url, review, person, number, path = sys.argv[1:]
def progress(stage, done, total):
    if done >= int(number):
        os.kill(os.getpid(), signal.SIGKILL)
with open(path, "rb") as file:
    import_file(Store(url), int(review), file, "f.csv", ImportRequest(), person_id=int(person),
                progress=progress)
"""


@pytest.mark.parametrize("number", [1, NUMBER])
def test_an_import_whose_process_was_killed_goes_on(
    sqlite_store: Store, number: int, tmp_path: Path
) -> None:
    store = sqlite_store
    with store.write() as session:
        person = people.list_people(session)[0]
        review = reviews.create_review(
            session, NewReview("r", "R", ProtocolBody().stored()), person_id=person.id
        )
    path = tmp_path / "f.csv"
    path.write_bytes(table())
    url = store.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", _KILLED_AT, url, str(review.id), str(person.id)]
    child = subprocess.run([*command, str(number), str(path)], env={**os.environ}, check=False)
    assert child.returncode == -signal.SIGKILL
    with store.read() as session:
        (left,) = intakes.list_unfinished(session)
        assert list_active_reports(session, review.id) == []
    assert left.waiting
    outcome = importing.resume(store, left.id)
    assert outcome is not None
    assert (outcome.batch.new, outcome.batch.same) == (NUMBER, 0)
    with store.read() as session:
        assert len(list_active_reports(session, review.id)) == NUMBER


@contextmanager
def full(store: Store, pages: int) -> Iterator[None]:
    """Lets SQLite's file have only so many more pages."""

    def limit(most: int) -> Callable[..., None]:
        def connected(connection: object, *_: object) -> None:
            connection.execute(f"PRAGMA max_page_count = {most}")  # type: ignore[attr-defined]

        return connected

    with store.engine.connect() as connection:
        used = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    smaller = limit(int(used) + pages)
    store.engine.dispose()
    event.listen(store.engine, "connect", smaller)
    yield
    event.remove(store.engine, "connect", smaller)
    store.engine.dispose()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_import_that_fills_the_disk_goes_on_when_there_is_room(
    store: Store, review: ReviewInfo, run: Import
) -> None:
    with full(store, pages=12), pytest.raises(Full, match="no space left") as caught:
        run()
    assert "Make room" in caught.value.remedy
    with store.read() as session:
        assert list_active_reports(session, review.id) == []
    # What was written in vain takes no space for good.
    assert Path(f"{store.engine.url.database}-wal").stat().st_size == 0
    assert run().batch.new == NUMBER
