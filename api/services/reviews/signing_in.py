"""Signing in: by a login link, or by name and password."""

from __future__ import annotations

import datetime as dt

from api.security import verify_password
from store.core.errors import NotFound
from store.core.session import Store
from store.reviews import people
from store.reviews.people import PersonInfo


def create_login_link(store: Store, person_id: int, *, valid: dt.timedelta) -> str:
    """Create a login link for one use, and return its secret."""
    with store.write() as session:
        return people.create_login_link(session, person_id, valid=valid)


def redeem_login_link(store: Store, secret: str) -> PersonInfo:
    """Use up a login link, and return the person it is for.

    Raises:
        NotFound: the link is unknown, used or expired; which of these is not said.
    """
    with store.write() as session:
        return people.redeem_login_link(session, secret)


def find_by_password(store: Store, name: str, password: str) -> PersonInfo | None:
    """The person with this name and password; None if either is wrong.

    An unknown name takes as long as a wrong password.
    """
    person: PersonInfo | None = None
    password_hash = None
    with store.read() as session:
        try:
            person = people.get_person_by_name(session, name)
            password_hash = people.get_password_hash(session, person.id)
        except NotFound:
            person = None
    return person if verify_password(password, password_hash) else None


def start_session(store: Store, person_id: int, *, valid: dt.timedelta) -> str:
    """Sign a person in with a browser, and return the session's secret."""
    with store.write() as session:
        return people.create_web_session(session, person_id, valid=valid)


def end_session(store: Store, secret: str) -> None:
    """Sign a browser out; an unknown secret is not an error."""
    with store.write() as session:
        people.end_web_session(session, secret)
