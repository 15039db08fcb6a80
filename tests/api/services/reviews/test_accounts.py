"""People, passwords and API tokens: each rule holds for pages, API and commands."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from api.services.reviews import accounts, signing_in
from api.services.reviews.signing_in import SignInAttempt
from store.core import audit
from store.core.errors import AlreadyUsed, NotFound
from store.core.session import Store
from store.reviews import access, people
from store.reviews.access import Access
from store.reviews.people import PersonInfo


def test_a_name_is_unique_and_not_empty(store: Store, person: PersonInfo) -> None:
    assert accounts.add_person(store, "  Bo ").name == "Bo"
    with pytest.raises(AlreadyUsed):
        accounts.add_person(store, person.name)
    for name in ("", "   ", "\u0301", "x" * 201, "\ufdfa" * 100):
        with pytest.raises(ValueError, match="1 to 200 characters"):
            accounts.add_person(store, name)


@pytest.mark.case("service", 4)
@pytest.mark.parametrize("taken", ["ADA", "Ada", "ａｄａ", "  ada ", "ªda"])
def test_a_name_in_other_letters_is_taken(store: Store, person: PersonInfo, taken: str) -> None:
    accounts.set_password(store, person.id, "correct horse battery")
    with pytest.raises(AlreadyUsed):
        accounts.add_person(store, taken)
    assert _sign_in(store, taken, "correct horse battery") == person


@pytest.mark.case("service", 4)
@pytest.mark.parametrize("name", ["\x1b", "\u200b", "ad\u200ba", "\u202eada", "a\u2066da"])
def test_a_name_with_characters_that_cannot_be_seen_is_refused(store: Store, name: str) -> None:
    with pytest.raises(ValueError, match="cannot be seen, such as U"):
        accounts.add_person(store, name)


@pytest.mark.case("service", 4)
def test_of_two_people_who_take_a_name_at_once_one_gets_it(store: Store) -> None:
    names = ["Lead", "LEAD", "lead", "ｌｅａｄ"]
    with ThreadPoolExecutor(len(names)) as pool:
        outcomes = list(pool.map(lambda name: _add(store, name), names))
    assert sorted(outcomes) == ["added", "taken", "taken", "taken"]
    with store.read() as session:
        assert len(people.list_people(session)) == 1


def _add(store: Store, name: str) -> str:
    try:
        accounts.add_person(store, name)
    except AlreadyUsed:
        return "taken"
    return "added"


def _sign_in(store: Store, name: str, password: str) -> PersonInfo | None:
    return signing_in.find_by_password(store, SignInAttempt(name, password))


def test_a_password_signs_in_once_it_is_strong_enough(store: Store, person: PersonInfo) -> None:
    with pytest.raises(ValueError, match="at least 12 characters"):
        accounts.set_password(store, person.id, "short")
    assert _sign_in(store, person.name, "correct horse battery") is None
    accounts.set_password(store, person.id, "correct horse battery")
    assert _sign_in(store, person.name, "correct horse battery") == person
    assert _sign_in(store, person.name, "correct horse battler") is None
    assert _sign_in(store, "nobody", "correct horse battery") is None


def test_a_token_is_made_and_revoked_by_its_own_person(store: Store, person: PersonInfo) -> None:
    with pytest.raises(ValueError, match="1 to 200 characters"):
        accounts.create_token(store, person.id, " ")
    new = accounts.create_token(store, person.id, " nightly script ")
    assert new.info.name == "nightly script"
    other = accounts.add_person(store, "Bo")
    with pytest.raises(NotFound):
        accounts.revoke_token(store, other.id, new.info.id)
    with store.read() as session:
        assert access.find_access_by_token(session, new.secret, None) == Access(person)
    accounts.revoke_token(store, person.id, new.info.id)
    with store.read() as session:
        assert access.find_access_by_token(session, new.secret, None) is None
        assert audit.find_first_broken_event(session) is None
