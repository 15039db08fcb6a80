"""People, and the links, sessions, tokens and passwords that identify them."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import text

from store.core.errors import NotFound
from store.core.session import Store
from store.reviews import access, people
from store.reviews.access import Access
from store.reviews.people import PersonInfo

MINUTE = dt.timedelta(minutes=1)


def test_a_login_link_works_once_and_only_in_time(store: Store, person: PersonInfo) -> None:
    with store.write() as session:
        link = people.create_login_link(session, person.id, valid=MINUTE)
        late = people.create_login_link(session, person.id, valid=-MINUTE)
    with store.write() as session:
        assert people.redeem_login_link(session, link) == person
    for bad in (link, late, "unknown"):
        with store.write() as session, pytest.raises(NotFound, match="no longer valid"):
            people.redeem_login_link(session, bad)


def test_secrets_are_not_in_the_database(store: Store, person: PersonInfo) -> None:
    with store.write() as session:
        made = [
            people.create_login_link(session, person.id, valid=MINUTE),
            people.create_web_session(session, person.id, valid=MINUTE),
            people.create_token(session, person.id, "t")[1],
        ]
    with store.engine.connect() as connection:
        for table in ("login_link", "web_session", "api_token"):
            rows = str(connection.execute(text(f"SELECT * FROM {table}")).all())
            assert not any(secret in rows for secret in made)


def test_sessions_and_tokens_identify_their_person_until_they_end(
    store: Store, person: PersonInfo
) -> None:
    with store.write() as session:
        cookie = people.create_web_session(session, person.id, valid=MINUTE)
        old = people.create_web_session(session, person.id, valid=-MINUTE)
        info, token = people.create_token(session, person.id, "t")
    with store.read() as session:
        assert access.find_access_by_session(session, cookie, None) == Access(person)
        assert access.find_access_by_session(session, old, None) is None
        assert access.find_access_by_token(session, token, None) == Access(person)
    with store.write() as session:
        people.end_web_session(session, cookie)
        people.revoke_token(session, person.id, info.id)
        with pytest.raises(NotFound):
            people.revoke_token(session, person.id + 1, info.id)
    with store.read() as session:
        assert access.find_access_by_session(session, cookie, None) is None
        assert access.find_access_by_token(session, token, None) is None


def test_setting_a_password_signs_out_everywhere(store: Store, person: PersonInfo) -> None:
    with store.write() as session:
        cookie = people.create_web_session(session, person.id, valid=MINUTE)
        people.set_password_hash(session, person.id, "hash")
    with store.read() as session:
        assert access.find_access_by_session(session, cookie, None) is None
        assert people.get_password_hash(session, person.id) == "hash"
