"""The store opened: its tables checked or made, and its first person."""

from __future__ import annotations

import getpass
from dataclasses import dataclass

from api.services.reviews.names import check_person_name
from api.settings import Settings
from store.core import migrate
from store.core.engine import BUSY_SECONDS
from store.core.session import Store
from store.reviews import people, renamed_people
from store.reviews.people import PersonInfo


@dataclass(frozen=True, slots=True)
class ReadyStore:
    """A store that can be used.

    Attributes:
        created: whether its tables were made now.
        first_person: the first person, if it was created now.
    """

    store: Store
    created: bool
    first_person: PersonInfo | None


def open_store(
    settings: Settings,
    *,
    create: bool,
    first_person: str | None = None,
    busy_seconds: float = BUSY_SECONDS,
) -> ReadyStore:
    """Open the store of these settings and check its tables.

    Args:
        settings: where it is.
        create: create data folder, tables and the first person if they are missing.
        first_person: name of the first person; None takes the operating system's user name.
        busy_seconds: how long a transaction waits for others.

    Raises:
        Unavailable: the database cannot be used now.
        SchemaOutdated: tables are missing or of another version, and ``create`` is False.
        ValueError: the first person's name is empty or too long.
    """
    if first_person:
        first_person = check_person_name(first_person)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    store = Store(settings.store_url, busy_seconds=busy_seconds, create=create)
    with store.explained():
        before = migrate.get_current_migration(store.engine)
        if create:
            migrate.upgrade(store.engine)
        migrate.check(store.engine)
    person = None
    if create:
        with store.write() as session:
            if not people.list_people(session):
                person = people.create_person(session, first_person or _user_name())
            renamed_people.record_renamed_people(session)
    return ReadyStore(store, created=before is None, first_person=person)


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        # No user name in the environment and no user database: a bare container, or Windows.
        return "owner"
