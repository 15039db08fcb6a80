"""Every route, by every role, in one's own review and in another's: made from the routes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from starlette.routing import BaseRoute

from api.app import create_app
from api.deps import person as signed_in
from api.protocol import ProtocolBody
from api.settings import Settings
from store import members, people, reviews
from store.roles import MAY, ROLES
from store.session import Store
from tests.conftest import token_of

# What needs nobody to be signed in.
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
# What changes something though it needs no more than reading: whoever leaves, leaves.
LEAVING = {
    "DELETE /api/v1/reviews/{slug}/team/{person_id}",
    "POST /reviews/{slug}/team/{person_id}/remove",
}
# A value of each path parameter that is not a number; the numbers name nothing.
WORDS = {
    "source": "pubmed",
    "file_format": "csv",
    "format": "csv",
    "action": None,
}
NOTHING = 2**40


def _calls(dependant: Dependant) -> Iterator[object]:
    yield dependant.call
    for below in dependant.dependencies:
        yield from _calls(below)


def _rule(route: APIRoute) -> str | None:
    """The action that a route asks for; "signed in" where it only asks who it is; None."""
    calls = list(_calls(route.dependant))
    for call in calls:
        action = getattr(call, "action", None)
        if action is not None:
            return str(action)
    return "signed in" if signed_in in calls else None


def rule_at(app: FastAPI, method: str, path: str) -> str | None:
    """The rule of whatever answers at a path; "leave" where anybody may go away."""
    for way in ways(app):
        pattern = re.sub(r"\{[^}]+\}", "[^/]+", way.path)
        if way.method == method and re.fullmatch(pattern, path):
            return "leave" if str(way) in LEAVING else _rule(way.route)
    raise AssertionError(f"nothing answers {method} {path}")


def address_of(way: Way, slug: str) -> str:
    """A path of this route: the review's name, words that fit, numbers of nothing."""

    def filled(found: re.Match[str]) -> str:
        name = found.group(1).split(":")[0]
        if name == "slug":
            return slug
        if name in WORDS:
            return WORDS[name] or _first_choice(way.route, name)
        return str(NOTHING)

    return re.sub(r"\{([^}]+)\}", filled, way.path)


def _first_choice(route: APIRoute, name: str) -> str:
    """The first word that a parameter's pattern allows."""
    for field in route.dependant.path_params:
        if field.name == name:
            for each in field.field_info.metadata:
                pattern = getattr(each, "pattern", None)
                if pattern:
                    return str(re.findall(r"[a-z]+", pattern)[0])
    raise AssertionError(f"{route.path}: what can {name} be?")


@dataclass(frozen=True)
class Way:
    """A method at a path."""

    method: str
    path: str
    route: APIRoute

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def _below(routes: Iterable[BaseRoute], prefix: str) -> Iterator[tuple[str, APIRoute]]:
    for route in routes:
        if isinstance(route, APIRoute):
            yield prefix + route.path, route
        elif hasattr(route, "original_router"):
            # FastAPI keeps a router that was included as it is.
            deeper = prefix + route.include_context.prefix
            yield from _below(route.original_router.routes, deeper)


def ways(app: FastAPI) -> list[Way]:
    found = [
        Way(method, path, route)
        for path, route in _below(app.routes, "")
        for method in sorted(route.methods)
    ]
    # All of them: the API's own document knows as many.
    described = {
        (method.upper(), path)
        for path, methods in app.openapi()["paths"].items()
        for method in methods
    }
    assert described <= {(way.method, way.path) for way in found}
    assert len(found) > 140
    return found


@pytest.fixture
def app(sqlite_settings: Settings, sqlite_store: Store) -> FastAPI:
    return create_app(sqlite_settings, sqlite_store)


def test_every_route_has_a_rule(app: FastAPI) -> None:
    for way in ways(app):
        rule = _rule(way.route)
        if str(way) in PUBLIC:
            assert rule is None, way
        elif "{slug}" in way.path:
            assert rule in ("read", "screen", "adjudicate", "lead"), way
            changes = way.method != "GET" and str(way) not in LEAVING
            assert not (changes and rule == "read"), f"who may {way}?"
        else:
            assert rule == "signed in", f"{way} has no rule"


def test_every_route_as_every_role_in_ones_own_review_and_in_anothers(
    app: FastAPI, sqlite_store: Store
) -> None:
    tokens: dict[str, str] = {}
    with sqlite_store.write() as session:
        (ada,) = people.everyone(session)
        for slug in ("own", "other"):
            made = reviews.create(
                session,
                slug=slug,
                title=slug,
                protocol=ProtocolBody().stored(),
                person_id=ada.id,
            )
        named = {}
        for role in (*ROLES, "stranger"):
            named[role] = people.create(session, role)
        own = reviews.by_slug(session, "own")
        for role in ROLES:
            members.add(session, own.id, named[role].id, role, by=ada.id)
        members.add(session, made.id, named["stranger"].id, "owner", by=ada.id)
    for role, info in named.items():
        tokens[role] = token_of(sqlite_store, info.id)
    asked = 0
    with TestClient(app, base_url="http://127.0.0.1:8000", follow_redirects=False) as client:
        for way in ways(app):
            if "{slug}" not in way.path:
                continue
            rule, where = _rule(way.route), str(way)
            method, address = way.method, address_of(way, "own")
            answer = client.request(method, address)
            if address.startswith("/api/"):
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
                elif rule in MAY[role]:
                    assert answer.status_code not in (401, 403), f"{where} as {role}"
                    assert answer.status_code < 500, f"{where} as {role}: {answer.text[:200]}"
                    assert "there is no review" not in answer.text, where
                else:
                    assert answer.status_code == 403, f"{where} as {role}"
                    assert f"As {role} of this review" in answer.text, where
    assert asked > 800
    with sqlite_store.read() as session:
        assert {each.role for each in members.everyone(session, own.id)} == set(ROLES)


def test_only_ones_own_reviews_are_listed(app: FastAPI, sqlite_store: Store) -> None:
    with sqlite_store.write() as session:
        (ada,) = people.everyone(session)
        bo = people.create(session, "bo")
        for slug, owner in (("of-ada", ada), ("of-bo", bo)):
            reviews.create(
                session,
                slug=slug,
                title=f"Title {slug}",
                protocol=ProtocolBody().stored(),
                person_id=owner.id,
            )
    headers = {"authorization": f"Bearer {token_of(sqlite_store, bo.id)}"}
    with TestClient(app, base_url="http://127.0.0.1:8000", headers=headers) as client:
        assert [each["slug"] for each in client.get("/api/v1/reviews").json()] == ["of-bo"]
        front = client.get("/").text
    assert "Title of-bo" in front
    assert "Title of-ada" not in front
