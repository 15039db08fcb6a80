"""Signing in and out in a browser: links, passwords, cookies, requests from other sites."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.security import check_password, hash_password, take_place
from api.settings import Settings, load
from store.core.session import Store
from store.reviews import people
from tests.conftest import token_of

BASE = "http://127.0.0.1:8000"


@pytest.fixture
def browser(sqlite_settings: Settings, sqlite_store: Store) -> Iterator[TestClient]:
    with TestClient(
        create_app(sqlite_settings, sqlite_store), base_url=BASE, follow_redirects=False
    ) as client:
        yield client


def _link(store: Store) -> str:
    with store.write() as session:
        (person,) = people.list_people(session)
        return people.create_login_link(session, person.id, valid=dt.timedelta(minutes=15))


def test_a_login_link_works_by_its_button_not_when_it_is_opened(
    browser: TestClient, sqlite_store: Store
) -> None:
    link = _link(sqlite_store)
    for _ in range(3):  # mail scanners and previews open it, too
        assert browser.get("/login", params={"link": link}).status_code == 200
    answer = browser.post("/login/link", data={"link": link, "target": "/new"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/new")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("winnow=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert browser.get("/").status_code == 200
    again = browser.post("/login/link", data={"link": link})
    assert again.status_code == 401
    assert "has been used" in again.text


def test_a_target_on_another_site_leads_to_the_front_page(
    browser: TestClient, sqlite_store: Store
) -> None:
    for target in ("https://evil.example", "//evil.example", "/\\evil.example"):
        data = {"link": _link(sqlite_store), "target": target}
        assert browser.post("/login/link", data=data).headers["location"] == "/"


def test_a_password_signs_in_and_a_wrong_one_does_not(
    browser: TestClient, sqlite_store: Store
) -> None:
    with sqlite_store.write() as session:
        people.set_password_hash(session, 1, hash_password("correct horse battery"))
    for name, password in (("ada", "wrong"), ("nobody", "correct horse battery"), ("a\0da", "x")):
        assert browser.post("/login", data={"name": name, "password": password}).status_code == 401
    data = {"name": "ada", "password": "correct horse battery"}
    assert browser.post("/login", data=data).status_code == 303
    assert "Account of ada" in browser.get("/account").text


def test_signing_out_ends_the_session(browser: TestClient, sqlite_store: Store) -> None:
    browser.post("/login/link", data={"link": _link(sqlite_store)})
    cookie = browser.cookies["winnow"]
    assert browser.post("/logout").headers["location"] == "/login"
    browser.cookies.set("winnow", cookie)
    assert browser.get("/").status_code == 303


def test_requests_from_other_sites_are_refused(browser: TestClient, sqlite_store: Store) -> None:
    browser.post("/login/link", data={"link": _link(sqlite_store)})
    foreign = (
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
    )
    for headers in foreign:
        answer = browser.post("/new", data={"title": "X"}, headers=headers)
        assert answer.status_code == 403
    for headers in ({"sec-fetch-site": "same-origin"}, {"origin": BASE}, {}):
        answer = browser.post("/new", data={"title": "X"}, headers=headers)
        assert answer.status_code == 303


def test_over_https_the_cookie_is_bound_to_the_host(sqlite_store: Store, tmp_path: Path) -> None:
    settings = load(data_dir=tmp_path, public_url="https://winnow.example.org/")
    with TestClient(
        create_app(settings, sqlite_store),
        base_url="https://winnow.example.org",
        follow_redirects=False,
    ) as browser:
        answer = browser.post("/login/link", data={"link": _link(sqlite_store)})
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-winnow=")
        assert "Secure" in cookie
        assert "Path=/" in cookie
        assert "Domain" not in cookie
        assert browser.get("/").status_code == 200


def test_a_password_can_be_set_on_the_account_page(
    browser: TestClient, sqlite_store: Store
) -> None:
    browser.post("/login/link", data={"link": _link(sqlite_store)})
    for one, other in (
        ("short", "short"),
        ("a" * 20, "a" * 20),
        ("long enough 1", "long enough 2"),
    ):
        answer = browser.post("/account/password", data={"password": one, "again": other})
        assert answer.status_code == 422
        assert "Not changed" in answer.text
    good = {"password": "correct horse battery", "again": "correct horse battery"}
    assert browser.post("/account/password", data=good).status_code == 303
    assert browser.get("/account").status_code == 200
    made = browser.post("/account/tokens", data={"name": "script"})
    assert "wnw_" in made.text
    assert "wnw_" not in browser.get("/account").text


def test_a_page_that_is_asked_for_with_a_token_is_of_the_token_s_person(
    browser: TestClient, sqlite_store: Store
) -> None:
    headers = {"authorization": f"Bearer {token_of(sqlite_store, 1)}"}
    answer = browser.get("/account", headers=headers)
    assert answer.status_code == 200
    assert "Account of ada" in answer.text


def test_passwords_are_hashed_by_argon2_and_no_hash_accepts_none() -> None:
    known = hash_password("correct horse battery")
    assert known.startswith("$argon2id$")
    with take_place() as place:
        assert place.verify("correct horse battery", known)
        assert not place.verify("no such person", None)
    with pytest.raises(ValueError, match="at least 12"):
        check_password("short")
