"""Signing in by password: slowed down where passwords are guessed, and nobody is locked out."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from threading import Event

import pytest
from fastapi import FastAPI
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import func, select, update

from api import security
from api.refusals import TooManySignIns
from api.services.reviews import accounts, signing_in
from api.services.reviews.signing_in import SignInAttempt, find_by_password, start_session
from store.core.session import Store
from store.core.tables import LoginAttempt, now
from store.reviews.people import PersonInfo
from tests.api.people import browser

GOOD = "correct horse battery"
HOME, STRANGER = "192.0.2.1", "198.51.100.7"
HOUR = dt.timedelta(hours=1)


@pytest.fixture(autouse=True)
def _long_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test depends on how quickly it runs: a delay outlasts it."""
    for name in ("_BY_NAME", "_BY_ADDRESS", "_BY_BROWSER"):
        rule = replace(getattr(signing_in, name), first=3600.0, longest=3600.0)
        monkeypatch.setattr(signing_in, name, rule)


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same hash at the lowest cost: these tests try hundreds of passwords."""
    quick = Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(security, "_hasher", PasswordHash((quick,)))
    security._decoy.cache_clear()


@pytest.fixture
def ada(store: Store, person: PersonInfo) -> PersonInfo:
    """A person with a password."""
    accounts.set_password(store, person.id, GOOD)
    return person


def _guess(store: Store, name: str, address: str, browser: str = "") -> str:
    try:
        attempt = SignInAttempt(name, "not the password", address, browser)
        return "wrong" if find_by_password(store, attempt) is None else "in"
    except TooManySignIns as error:
        assert error.wait >= 1
        return "wait"


@pytest.mark.case("service", 6)
def test_guesses_are_slowed_down_and_the_owner_gets_in_from_elsewhere(
    store: Store, ada: PersonInfo
) -> None:
    assert [_guess(store, "ada", STRANGER) for _ in range(5)] == ["wrong"] * 5
    # The same name in other letters is the same name, and the right password must wait as well.
    assert _guess(store, "ADA", STRANGER) == "wait"
    with pytest.raises(TooManySignIns, match=r"Try again in [\d,]+ second"):
        find_by_password(store, SignInAttempt("ada", GOOD, STRANGER))
    assert find_by_password(store, SignInAttempt("ada", GOOD, HOME)) == ada
    # Other names can still be tried from there, such as those of colleagues behind one address.
    assert _guess(store, "bo", STRANGER) == "wrong"


@pytest.mark.case("service", 6)
def test_a_browser_that_was_used_before_is_not_locked_out_from_its_own_address(
    store: Store, ada: PersonInfo
) -> None:
    known = start_session(store, ada.id, valid=HOUR).browser
    assert known
    while _guess(store, "ada", HOME) != "wait":
        pass
    assert find_by_password(store, SignInAttempt("ada", GOOD, HOME, known)) == ada
    assert start_session(store, ada.id, valid=HOUR, browser=known).browser is None
    # It is no way round the delay: a stolen browser is slowed down, and works for its person only.
    assert [_guess(store, "ada", HOME, known) for _ in range(11)][-1] == "wait"
    bo = accounts.add_person(store, "bo")
    other = start_session(store, bo.id, valid=HOUR).browser
    assert _guess(store, "ada", HOME, other or "") == "wait"


@pytest.mark.case("service", 6)
def test_an_unknown_name_and_many_names_of_one_address_are_slowed_down(store: Store) -> None:
    assert [_guess(store, "nobody", HOME) for _ in range(6)][-1] == "wait"
    network = [f"2001:db8::{number:x}" for number in range(60)]
    outcomes = [_guess(store, f"name {at}", address) for at, address in enumerate(network)]
    assert outcomes[:49] == ["wrong"] * 49
    assert "wait" in outcomes


def test_an_own_account_is_no_way_to_guess_other_passwords_from_its_address(
    store: Store, ada: PersonInfo
) -> None:
    outcomes = []
    for number in range(60):
        outcomes.append(_guess(store, f"name {number}", STRANGER))
        with suppress(TooManySignIns):
            find_by_password(store, SignInAttempt("ada", GOOD, STRANGER))
    assert outcomes[:49] == ["wrong"] * 49
    assert "wait" in outcomes


def test_success_and_time_end_the_delay(store: Store, ada: PersonInfo) -> None:
    for _ in range(4):
        _guess(store, "ada", HOME)
    assert find_by_password(store, SignInAttempt("ada", GOOD, HOME)) == ada
    assert [_guess(store, "ada", HOME) for _ in range(5)] == ["wrong"] * 5
    with store.write() as session:
        session.execute(update(LoginAttempt).values(updated_at=now() - 2 * HOUR))
        session.execute(update(LoginAttempt).values(blocked_until=now()))
    assert _guess(store, "ada", HOME) == "wrong"
    with store.read() as session:
        assert session.scalar(select(func.max(LoginAttempt.attempts))) == 1


@pytest.mark.case("service", 6)
def test_attempts_at_once_are_counted_before_the_password_is_looked_at(
    store: Store, ada: PersonInfo
) -> None:
    with ThreadPoolExecutor(12) as pool:
        outcomes = list(pool.map(lambda _: _guess(store, "ada", STRANGER), range(40)))
    # PostgreSQL may let as many more through as read at the same moment; never all of them.
    assert outcomes.count("wrong") <= 5 + 12
    assert "wait" in outcomes


def _hold_place(release: Event) -> bool:
    with security.take_place() as place:
        return place.run(release.wait, 60)


@pytest.mark.case("service", 6)
def test_other_pages_answer_while_all_places_for_passwords_are_taken(
    app: FastAPI, store: Store, ada: PersonInfo
) -> None:
    signed_in, stranger = browser(app, store, ada), browser(app, store)
    release = Event()
    places = security._PLACES
    with ThreadPoolExecutor(places) as pool:
        taken = [pool.submit(_hold_place, release) for _ in range(places)]
        while security._places._value:
            pass
        try:
            for _ in range(30):
                refused = stranger.post("/login", data={"name": "ada", "password": GOOD})
                assert refused.status_code == 429
                assert int(refused.headers["retry-after"]) >= 1
                assert "Too many people are signing in" in refused.text
            assert signed_in.get("/").status_code == 200
            # Being refused for that reason costs nobody an attempt.
            with store.read() as session:
                assert session.scalar(select(func.count()).select_from(LoginAttempt)) == 0
        finally:
            release.set()
        assert all(each.result() for each in taken)
    # A join without an invitation is refused before any password is hashed.
    form = {"link": "none", "name": "x", "password": GOOD, "again": GOOD}
    assert stranger.post("/invitation", data=form).status_code == 404
