"""Stores of an older Winnow, to be upgraded by a process that is killed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, func, make_url, select, text

from store.core import migrate
from store.core.session import Store
from store.core.tables import Decision, RecordRow

_RECORDS = 1_000
_OLD = "0001"
_ROWS = (
    "INSERT INTO review (id, slug, title, settings, revision, created_at) "
    "VALUES (1, 'r', 'R', '{}', 0, '2026-01-01')",
    "INSERT INTO search (id, review_id, kind, source, created_at) "
    "VALUES (1, 1, 'file', 'PsycINFO', '2026-01-01')",
    "INSERT INTO batch (id, review_id, search_id, name, sha256, size, format, columns, notices, "
    "created_at) VALUES (1, 1, 1, 'a.ris', 'x', 1, 'ris', '{}', '[]', '2026-01-01')",
    "INSERT INTO person (id, created_at) VALUES (1, '2026-01-01')",
    "INSERT INTO identity (person_id, name) VALUES (1, 'ada')",
)
_NUMBERS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :most) "
_MANY = (
    "INSERT INTO report (id, review_id, active) {numbers}SELECT i, 1, TRUE FROM n",
    "INSERT INTO record (id, review_id, report_id, source, source_id, title, authors, urls, types, "
    "keywords, notes, flags, extra, title_key, search_text, active, created_at) {numbers}"
    "SELECT i, 1, i, 'psycinfo', CAST(i AS TEXT), 'Title', '[]', '[]', '[]', '[]', '[]', '[]', "
    "'{{}}', 'title', 'title', TRUE, '2026-01-01' FROM n",
    "INSERT INTO batch_entry (batch_id, position, record_id, fate) {numbers}"
    "SELECT 1, i, i, 'new' FROM n",
    "INSERT INTO decision (id, review_id, report_id, person_id, stage, decision, protocol_version, "
    "token, recorded_at) {numbers}SELECT i, 1, i, 1, 'title-abstract', 'exclude', 1, "
    "CAST(i AS TEXT), '2026-01-01' FROM n",
)
_DECIDED = "UPDATE report SET decision_id = id, first_decision_id = id"


def _config() -> Config:
    config = Config()
    folder = Path(migrate.__file__).parents[1] / "migrations"
    config.set_main_option("script_location", str(folder))
    config.set_main_option("path_separator", "os")
    return config


class Upgrade:
    """Copies of an old store, one after the other.

    Args:
        folder: where files may be written.
        database_url: PostgreSQL's, whose server gets databases of its own for this; "" for SQLite.
    """

    def __init__(self, folder: Path, database_url: str) -> None:
        self._folder, self._server = folder, database_url
        self._name = ""
        self._made = False

    @property
    def _old(self) -> Path:
        return self._folder / "old.db"

    def _url(self, name: str) -> str:
        return make_url(self._server).set(database=name).render_as_string(hide_password=False)

    def _execute(self, statement: str) -> None:
        engine = create_engine(self._server, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()

    def _make(self) -> None:
        """Make the store that is copied."""
        if self._server:
            self._execute("CREATE DATABASE winnow_old")
        url = self._url("winnow_old") if self._server else f"sqlite:///{self._old}"
        store = Store(url, create=True)
        with store.engine.begin() as connection:
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, _OLD)
            for statement in _ROWS:
                connection.execute(text(statement))
            for statement in _MANY:
                numbered = statement.format(numbers=_NUMBERS)
                connection.execute(text(numbered), {"most": _RECORDS})
            connection.execute(text(_DECIDED))
        store.close()

    def prepare(self, number: int) -> dict[str, str]:
        """Copy the old store; gives the environment of a program that uses the copy."""
        if not self._made:
            self._make()
            self._made = True
        self._name = f"winnow_upgrade_{number}"
        data = self._folder / self._name
        data.mkdir()
        url = ""
        if self._server:
            self._execute(f"CREATE DATABASE {self._name} TEMPLATE winnow_old")
            url = self._url(self._name)
        else:
            shutil.copyfile(self._old, data / "winnow.db")
        return {**os.environ, "WINNOW_DATA_DIR": str(data), "WINNOW_DATABASE_URL": url}

    def find_wrong(self) -> list[str]:
        """What is wrong with the upgraded copy."""
        data = self._folder / self._name
        store = Store(self._url(self._name) if self._server else f"sqlite:///{data / 'winnow.db'}")
        wrong = [
            f"the tables differ: {one}" for one in migrate.find_schema_differences(store.engine)
        ]
        with store.read() as session:
            for table in (RecordRow, Decision):
                number = session.scalar(select(func.count()).select_from(table))
                if number != _RECORDS:
                    wrong.append(f"{table.__tablename__} has {number} rows, not {_RECORDS}")
        store.close()
        return wrong

    def discard(self) -> None:
        """Delete the copy."""
        if self._server:
            self._execute(f"DROP DATABASE {self._name} WITH (FORCE)")
        shutil.rmtree(self._folder / self._name)
