"""Addresses that the command line prints."""

from __future__ import annotations

import contextlib
import datetime as dt
import json

from api.services.reviews import signing_in
from api.settings import Settings
from store.core.session import Store
from store.reviews.people import PersonInfo

# The file in which a running server says where it listens.
RUNNING = "server.json"


def address(chosen: Settings) -> str:
    """Where people reach the server: the address that is set, or where a server is running."""
    if not chosen.public_url:
        with contextlib.suppress(OSError, ValueError, KeyError):
            return str(json.loads((chosen.data_dir / RUNNING).read_text())["url"])
    return chosen.base_url


def login_url(store: Store, chosen: Settings, person: PersonInfo) -> str:
    """A new single-use login link."""
    valid = dt.timedelta(minutes=chosen.login_link_minutes)
    secret = signing_in.create_login_link(store, person.id, valid=valid)
    return f"{address(chosen)}/login?link={secret}"
