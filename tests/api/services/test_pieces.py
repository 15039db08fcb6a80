"""Long work is written in pieces of a size that fits how long the last one took."""

from __future__ import annotations

import gc
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import event, text

from api.services import pieces
from api.services.pieces import Pieces
from api.services.reviews.opening import open_store
from api.settings import load
from store.core.session import Store, WriteSession
from store.reviews import people


class Clock:
    """A clock that moves only when a test moves it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    times = SimpleNamespace(perf_counter=made, thread_time=made)
    monkeypatch.setattr(pieces, "time", times)
    return made


def test_pieces_grow_with_quick_work_and_shrink_with_slow_work_within_bounds(
    store: Store, clock: Clock
) -> None:
    writer = Pieces(store, first=100, most=150)
    sizes = []

    def work(_session: WriteSession, seconds: float) -> None:
        clock.now += seconds * writer.size

    for each in (1e-6, 1e-6, 4e-4, 1.0, 1.0, 1e-6):
        writer.write(writer.size, partial(work, seconds=each))
        sizes.append(writer.size)
    # A quarter more at most, then as many as the time for one piece has room for, never below the
    # least.
    assert sizes == [125, 150, 100, 40, 40, 50]


def test_a_piece_holds_no_more_than_was_asked_for(store: Store, clock: Clock) -> None:
    writer = Pieces(store, first=100, most=3)
    assert [len(piece) for piece in writer.split(range(8))] == [3, 3, 2]
    writer.write(3, lambda _session: None)
    assert writer.size == 3


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Store]:
    settings = load(data_dir=tmp_path)
    open_store(settings, create=True, first_person="ada").store.close()
    store = Store(settings.store_url)
    yield store
    store.close()


def count_people_without_log(store: Store) -> int:
    """How many people the database's file has, whatever its write-ahead log has."""
    path = Path(str(store.engine.url.database))
    with closing(sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True)) as connection:
        return int(connection.execute("SELECT count(*) FROM person").fetchone()[0])


def test_a_piece_is_copied_from_the_log_while_others_may_write(sqlite_store: Store) -> None:
    store = sqlite_store
    written = []

    @event.listens_for(store.engine, "before_cursor_execute")
    def _copying(_connection: object, _cursor: object, statement: str, *_others: object) -> None:
        if "wal_checkpoint" in statement:
            # This would wait for a lock that the piece still has.
            with store.write() as session:
                written.append(people.create_person(session, f"other {len(written)}"))

    store.shrink_log()
    before = count_people_without_log(store)
    Pieces(store).write(1, lambda session: people.create_person(session, "of the piece"))
    assert len(written) == 2
    assert count_people_without_log(store) == before + 2


def test_a_commit_leaves_a_log_of_the_usual_length_to_the_copy_after_it(
    sqlite_store: Store,
) -> None:
    store = sqlite_store
    before = count_people_without_log(store)
    with store.write() as session:
        session.execute(text("CREATE TABLE filler (body BLOB)"))
        session.execute(text("INSERT INTO filler VALUES (zeroblob(8000000))"))
        people.create_person(session, "late")
    # 2,000 pages, of which SQLite by itself would copy all when the transaction commits.
    assert count_people_without_log(store) == before
    store.copy_log()
    assert count_people_without_log(store) == before + 1


def test_loaded_code_is_spared_once() -> None:
    pieces.spare_loaded_code()
    before = gc.get_freeze_count()
    kept = [[number] for number in range(1000)]
    pieces.spare_loaded_code()
    assert before
    # What came later can still be collected.
    assert gc.get_freeze_count() < before + len(kept)
