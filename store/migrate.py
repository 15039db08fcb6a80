"""Bringing a database to the tables that this version of the program expects."""

from __future__ import annotations

from pathlib import Path

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

import store.living_tables
import store.shared_tables
import store.team_tables  # noqa: F401 - tables that Base must know
from store.errors import SchemaOutdated
from store.tables import Base


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    # Alembic reads its options through configparser, to which a % in a path means interpolation.
    config.set_main_option("path_separator", "os")
    return config


def head() -> str:
    """The newest migration's name."""
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    assert newest is not None
    return newest


def current(engine: Engine) -> str | None:
    """The database's migration; None for an empty database."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def upgrade(engine: Engine) -> None:
    """Run all migrations that are missing, in one transaction."""
    # Imported here, as below: it takes long, and most commands only check.
    from alembic import command

    config = _config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def check(engine: Engine) -> None:
    """Refuse a database whose tables are older or newer than this program.

    Raises:
        SchemaOutdated: with what to do.
    """
    found, wanted = current(engine), head()
    if found == wanted:
        return
    if found is None:
        raise SchemaOutdated("The database has no tables yet; run `winnow init`.")
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if found in known:
        raise SchemaOutdated(f"The database is at {found}, not {wanted}; run `winnow init`.")
    raise SchemaOutdated(f"The database ({found}) is newer than this program; upgrade Winnow.")


def differences(engine: Engine) -> list[object]:
    """What differs between the tables in code and in the database; empty when they agree."""
    from alembic.autogenerate import compare_metadata

    with engine.connect() as connection:
        # The job queue keeps its tables in the same PostgreSQL database.
        options = {
            "compare_type": True,
            "include_name": lambda name, kind, _: kind != "table" or name in Base.metadata.tables,
        }
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, Base.metadata))
