"""A database file that is damaged, moved or deleted: every answer says so, and no file is made."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from store.core import migrate
from store.core.errors import Damaged, Misplaced
from store.core.session import Store

pytestmark = pytest.mark.case("service", 8)
_PAGE = 4096


@pytest.fixture
def path(tmp_path: Path, sqlite_template: bytes) -> Path:
    # A percent sign, a question mark and a blank mean something else in a URI.
    folder = tmp_path / "50% of a?b #c"
    folder.mkdir()
    made = folder / "winnow.db"
    made.write_bytes(sqlite_template)
    return made


def _open(path: Path) -> Store:
    return Store(f"sqlite:///{str(path).replace('?', '%3F')}", busy_seconds=1)


def _write(store: Store) -> None:
    with store.write() as session:
        session.execute(text("DELETE FROM review"))


def _read(store: Store) -> None:
    with store.read() as session:
        session.execute(text("SELECT * FROM review")).all()


def _move(path: Path) -> None:
    for each in path.parent.iterdir():
        each.rename(each.with_name(f"moved-{each.name}"))


def _delete(path: Path) -> None:
    for each in path.parent.iterdir():
        each.unlink()


def _replace(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    other.replace(path)


@pytest.mark.parametrize("lose", [_move, _delete])
@pytest.mark.parametrize("use", [_read, _write])
def test_a_file_that_is_gone_is_not_used_and_not_created(
    path: Path, lose: Callable[[Path], None], use: Callable[[Store], None]
) -> None:
    store = _open(path)
    _read(store)
    lose(path)
    for _ in range(3):
        with pytest.raises(Misplaced, match="is gone") as refused:
            use(store)
        assert str(path) in str(refused.value)
        assert refused.value.remedy
    store.close()
    with pytest.raises(Misplaced):
        use(store)
    assert not path.exists()


def test_a_file_that_comes_back_is_used_again(path: Path) -> None:
    store = _open(path)
    _read(store)
    path.rename(path.with_name("away"))
    with pytest.raises(Misplaced):
        _read(store)
    path.with_name("away").rename(path)
    _write(store)
    store.close()


@pytest.mark.parametrize("use", [_read, _write])
def test_another_file_in_its_place_is_not_used(path: Path, use: Callable[[Store], None]) -> None:
    store = _open(path)
    _read(store)
    _replace(path)
    for _ in range(3):
        with pytest.raises(Misplaced, match="was replaced"):
            use(store)
    store.close()
    # A new start takes it.
    use(store)
    store.close()


def test_a_write_is_refused_if_the_file_goes_away_during_it(path: Path) -> None:
    store = _open(path)
    with pytest.raises(Misplaced), store.write() as session:
        session.execute(text("DELETE FROM review"))
        _move(path)
    store.close()


def test_a_new_store_makes_its_file_once(tmp_path: Path) -> None:
    made = tmp_path / "50% new.db"
    with pytest.raises(Misplaced):
        _read(_open(made))
    assert not made.exists()
    store = Store(f"sqlite:///{made}", create=True)
    migrate.upgrade(store.engine)
    _write(store)
    made.unlink()
    with pytest.raises(Misplaced):
        _write(store)
    assert not made.exists()
    store.close()


def _overwrite(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(_PAGE)
        file.write(b"\xa5" * (size - _PAGE))


def _cut_off(path: Path) -> None:
    os.truncate(path, 2 * _PAGE)


def _scribble(path: Path) -> None:
    path.write_bytes(b"This is no database. " * 1000)


def _drop(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE review")
    connection.close()


@pytest.mark.parametrize("damage", [_overwrite, _cut_off, _scribble, _drop])
def test_damage_is_named_with_the_file_and_what_to_do(
    path: Path, damage: Callable[[Path], None]
) -> None:
    damage(path)
    store = _open(path)
    with pytest.raises(Damaged, match="cannot be used") as refused:
        _read(store)
    assert str(path) in str(refused.value)
    assert "backup" in refused.value.remedy
    store.close()


@pytest.mark.both_databases
def test_a_missing_table_is_named_on_both_databases(store: Store) -> None:
    with pytest.raises(Damaged, match="nowhere"), store.read() as session:
        session.execute(text("SELECT * FROM nowhere"))


def test_a_log_that_cannot_be_copied_harms_no_write(path: Path) -> None:
    store = _open(path)
    _write(store)
    _move(path)
    store.copy_log()
    store.close()
