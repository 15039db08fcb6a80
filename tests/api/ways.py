"""All routes of the program, with the access rule of each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from api.deps import get_signed_in_person

# Routes that change something although reading rights are enough: anybody may leave.
LEAVING = {
    "DELETE /api/v1/reviews/{slug}/team/{person_id}",
    "POST /reviews/{slug}/team/{person_id}/remove",
}
# A value for each path parameter that is not a number; the numbers belong to nothing.
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


def rule_of(route: APIRoute) -> str | None:
    """The action that a route needs; "signed in" if any person may use it; None if anybody."""
    calls = list(_calls(route.dependant))
    for call in calls:
        action = getattr(call, "action", None)
        if action is not None:
            return str(action)
    return "signed in" if get_signed_in_person in calls else None


def rule_at(app: FastAPI, method: str, path: str) -> str | None:
    """The rule of the route that answers at a path; "leave" if it only lets a person leave."""
    for way in ways(app):
        pattern = re.sub(r"\{[^}]+\}", "[^/]+", way.path)
        if way.method == method and re.fullmatch(pattern, path):
            return "leave" if str(way) in LEAVING else rule_of(way.route)
    raise AssertionError(f"nothing answers {method} {path}")


def address_of(way: Way, slug: str) -> str:
    """A path for this route: the review's name, words that fit, and unused numbers."""

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
            # FastAPI keeps an included router as one entry.
            deeper = prefix + route.include_context.prefix
            yield from _below(route.original_router.routes, deeper)


def ways(app: FastAPI) -> list[Way]:
    found = [
        Way(method, path, route)
        for path, route in _below(app.routes, "")
        for method in sorted(route.methods)
    ]
    # Check that these are all: the API's own description lists as many.
    described = {
        (method.upper(), path)
        for path, methods in app.openapi()["paths"].items()
        for method in methods
    }
    assert described <= {(way.method, way.path) for way in found}
    assert len(found) > 140
    return found
