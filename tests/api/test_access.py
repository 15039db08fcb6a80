"""Call every route as every role, in one's own review and in another's."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.app import create_app
from api.protocol import ProtocolBody
from api.settings import Settings
from store.core.session import Store
from store.reviews import members, people, reviews
from store.reviews.reviews import NewReview
from store.rules.roles import ALLOWED_ACTIONS, ROLES, explain_refusal, parse_role
from tests.api.ways import LEAVING, address_of, rule_of, ways
from tests.conftest import token_of

# Routes that anybody may use without signing in.
PUBLIC = {
    "GET /healthz",
    "GET /api/docs",
    "GET /login",
    "POST /login",
    "POST /login/link",
    "POST /logout",
    "GET /invitation",
    "POST /invitation",
}


@pytest.fixture
def app(sqlite_settings: Settings, sqlite_store: Store) -> FastAPI:
    return create_app(sqlite_settings, sqlite_store)


def test_every_route_has_an_access_rule(app: FastAPI) -> None:
    for way in ways(app):
        rule = rule_of(way.route)
        if str(way) in PUBLIC:
            assert rule is None, way
        elif "{slug}" in way.path:
            assert rule in ("read", "screen", "adjudicate", "lead"), way
            changes = way.method != "GET" and str(way) not in LEAVING
            assert not (changes and rule == "read"), f"who may {way}?"
        else:
            assert rule == "signed in", f"{way} has no rule"


def test_every_role_reaches_only_the_routes_it_may_use_and_strangers_none(
    app: FastAPI, sqlite_store: Store
) -> None:
    tokens: dict[str, str] = {}
    with sqlite_store.write() as session:
        (ada,) = people.list_people(session)
        for slug in ("own", "other"):
            made = reviews.create_review(
                session, NewReview(slug, slug, ProtocolBody().stored()), person_id=ada.id
            )
        named = {}
        for role in (*ROLES, "stranger"):
            named[role] = people.create_person(session, role)
        own = reviews.get_review_by_slug(session, "own")
        for role in ROLES:
            members.add_member(session, own.id, named[role].id, role, by=ada.id)
        members.add_member(session, made.id, named["stranger"].id, "owner", by=ada.id)
    for role, info in named.items():
        tokens[role] = token_of(sqlite_store, info.id)
    asked = 0
    with TestClient(app, base_url="http://127.0.0.1:8000", follow_redirects=False) as client:
        for way in ways(app):
            if "{slug}" not in way.path:
                continue
            rule, where = rule_of(way.route), str(way)
            method, address = way.method, address_of(way, "own")
            answer = client.request(method, address)
            if address.startswith("/api/"):
                assert answer.status_code == 401, where
            elif method != "GET":
                # Refused before its body is read; the page says to sign in.
                assert answer.status_code == 401, where
            else:
                assert answer.status_code == 303, where
                assert answer.headers["location"].startswith("/login"), where
            for role, token in tokens.items():
                headers = {"authorization": f"Bearer {token}"}
                answer = client.request(method, address, headers=headers)
                asked += 1
                if role == "stranger":
                    assert answer.status_code == 404, where
                    assert "there is no review" in answer.text, where
                elif rule in ALLOWED_ACTIONS[role]:
                    assert answer.status_code not in (401, 403), f"{where} as {role}"
                    assert answer.status_code < 500, f"{where} as {role}: {answer.text[:200]}"
                    assert "there is no review" not in answer.text, where
                else:
                    assert answer.status_code == 403, f"{where} as {role}"
                    assert explain_refusal(parse_role(role)) in answer.text, where
    assert asked > 800
    with sqlite_store.read() as session:
        assert {each.role for each in members.list_members(session, own.id)} == set(ROLES)


def test_people_see_only_their_own_reviews(app: FastAPI, sqlite_store: Store) -> None:
    with sqlite_store.write() as session:
        (ada,) = people.list_people(session)
        bo = people.create_person(session, "bo")
        for slug, owner in (("of-ada", ada), ("of-bo", bo)):
            reviews.create_review(
                session,
                NewReview(slug, f"Title {slug}", ProtocolBody().stored()),
                person_id=owner.id,
            )
    headers = {"authorization": f"Bearer {token_of(sqlite_store, bo.id)}"}
    with TestClient(app, base_url="http://127.0.0.1:8000", headers=headers) as client:
        assert [each["slug"] for each in client.get("/api/v1/reviews").json()] == ["of-bo"]
        front = client.get("/").text
    assert "Title of-bo" in front
    assert "Title of-ada" not in front
