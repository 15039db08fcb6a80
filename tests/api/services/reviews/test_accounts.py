"""People, passwords and API tokens: each rule holds for pages, API and commands."""

from __future__ import annotations

import pytest

from api.services.reviews import accounts, signing_in
from store.core import audit
from store.core.errors import AlreadyUsed, NotFound
from store.core.session import Store
from store.reviews import people
from store.reviews.people import PersonInfo


def test_a_name_is_unique_and_not_empty(store: Store, person: PersonInfo) -> None:
    assert accounts.add_person(store, "  Bo ").name == "Bo"
    with pytest.raises(AlreadyUsed):
        accounts.add_person(store, person.name)
    for name in ("", "   ", "\x1b", "\u200b", "x" * 201):
        with pytest.raises(ValueError, match="1 to 200 characters"):
            accounts.add_person(store, name)


def test_a_password_signs_in_once_it_is_strong_enough(store: Store, person: PersonInfo) -> None:
    with pytest.raises(ValueError, match="at least 12 characters"):
        accounts.set_password(store, person.id, "short")
    assert signing_in.find_by_password(store, person.name, "correct horse battery") is None
    accounts.set_password(store, person.id, "correct horse battery")
    assert signing_in.find_by_password(store, person.name, "correct horse battery") == person
    assert signing_in.find_by_password(store, person.name, "correct horse battler") is None
    assert signing_in.find_by_password(store, "nobody", "correct horse battery") is None


def test_a_token_is_made_and_revoked_by_its_own_person(store: Store, person: PersonInfo) -> None:
    with pytest.raises(ValueError, match="1 to 200 characters"):
        accounts.create_token(store, person.id, " ")
    new = accounts.create_token(store, person.id, " nightly script ")
    assert new.info.name == "nightly script"
    other = accounts.add_person(store, "Bo")
    with pytest.raises(NotFound):
        accounts.revoke_token(store, other.id, new.info.id)
    with store.read() as session:
        assert people.find_person_by_token(session, new.secret) == person
    accounts.revoke_token(store, person.id, new.info.id)
    with store.read() as session:
        assert people.find_person_by_token(session, new.secret) is None
        assert audit.find_first_broken_event(session) is None
