"""Addresses that the command line prints."""

from __future__ import annotations

import contextlib
import datetime as dt
import json

from api.settings import Settings
from store import people
from store.people import PersonInfo
from store.session import Store

# The file in which a server that runs says where it listens.
RUNNING = "server.json"


def address(chosen: Settings) -> str:
    """Where people reach the server: as set, or where one says that it is listening."""
    if not chosen.public_url:
        with contextlib.suppress(OSError, ValueError, KeyError):
            return str(json.loads((chosen.data_dir / RUNNING).read_text())["url"])
    return chosen.base_url


def login_url(store: Store, chosen: Settings, person: PersonInfo) -> str:
    """A new single-use login link."""
    with store.write() as session:
        secret = people.make_link(
            session, person.id, valid=dt.timedelta(minutes=chosen.login_link_minutes)
        )
    return f"{address(chosen)}/login?link={secret}"
