"""Upgrading a database to the tables that this version of Winnow expects."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, exists, select, text

import store.core.tables  # noqa: F401 - tables that Base must know
from store.core.errors import SchemaOutdated
from store.core.session import ReadSession
from store.core.tables import Base

# Made when there is time, and not on every database: see store.reports.record_search.
_MADE_LATER = {"ix_record_search_text"}
# The migrations that make triggers, or what they call.
_WITH_TRIGGERS = ("0027", "0028", "0031")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parents[1] / "migrations"))
    # Alembic reads options through configparser, where a % in a path would mean interpolation.
    config.set_main_option("path_separator", "os")
    return config


def get_newest_migration() -> str:
    """The name of the newest migration."""
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    assert newest is not None
    return newest


def get_current_migration(engine: Engine) -> str | None:
    """The migration that the database is at; None if it is empty."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def check_readable(session: ReadSession) -> None:
    """Read which migration the database is at, and a row of each table.

    Raises:
        SchemaOutdated: there is no such row, so the tables are not made.
        Unavailable: it cannot be read.
    """
    if session.scalar(text("SELECT version_num FROM alembic_version")) is None:
        raise SchemaOutdated("The database has no tables yet; run `winnow init`.")
    session.execute(_select_from_all()).one()


@cache
def _select_from_all() -> Any:
    """Whether each table has a row: reads a page or two of each."""
    return select(*(exists(table.select()) for table in Base.metadata.sorted_tables))


def upgrade(engine: Engine) -> None:
    """Run all missing migrations in one transaction."""
    # Imported here, as below: the import is slow, and most commands only check.
    from alembic import command

    config = _config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def make_triggers(connection: Connection, names: Collection[str]) -> None:
    """Make the triggers that keep the counts again, as the migrations made them.

    Args:
        connection: in a transaction that writes.
        names: of all of them; each is dropped first if it is there.
    """
    from alembic.operations import Operations

    sqlite = connection.dialect.name == "sqlite"
    for name in sorted(names):
        # On PostgreSQL each trigger has a function of the same name.
        what = f"TRIGGER IF EXISTS {name}" if sqlite else f"FUNCTION IF EXISTS {name}() CASCADE"
        connection.exec_driver_sql(f"DROP {what}")
    scripts = ScriptDirectory.from_config(_config())
    with Operations.context(MigrationContext.configure(connection)):
        for number in _WITH_TRIGGERS:
            script = scripts.get_revision(number)
            assert script is not None
            script.module.add_triggers()


def check(engine: Engine) -> None:
    """Check that the tables are neither older nor newer than this version of Winnow.

    Raises:
        SchemaOutdated: they are; the message says what to do.
    """
    current, newest = get_current_migration(engine), get_newest_migration()
    if current == newest:
        return
    if current is None:
        raise SchemaOutdated("The database has no tables yet; run `winnow init`.")
    scripts = ScriptDirectory.from_config(_config()).walk_revisions()
    if current in {script.revision for script in scripts}:
        raise SchemaOutdated(f"The database is at {current}, not {newest}; run `winnow init`.")
    raise SchemaOutdated(f"The database ({current}) is newer than this program; upgrade Winnow.")


def find_schema_differences(engine: Engine) -> list[object]:
    """List differences between the tables in the code and in the database."""
    from alembic.autogenerate import compare_metadata

    with engine.connect() as connection:
        # The job queue has tables of its own in the same PostgreSQL database.
        options = {
            "compare_type": True,
            "include_name": lambda name, kind, _: (
                name in Base.metadata.tables if kind == "table" else name not in _MADE_LATER
            ),
        }
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, Base.metadata))
