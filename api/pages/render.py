"""Templates to pages; the only module that fills them."""

from __future__ import annotations

import datetime as dt
import hashlib
from functools import cache
from typing import Any

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from api import resources
from api.deps import get_state
from api.security import cookie_name
from store import members, people
from store.roles import MAY


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(resources.TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["static"] = static
    environment.filters["percent"] = lambda value: "–" if value is None else f"{value:.1%}"
    environment.filters["day"] = _day
    environment.filters["moment"] = _moment
    environment.filters["number"] = lambda value: f"{value:,}"
    return environment


def _day(value: dt.datetime | None) -> str:
    return value.date().isoformat() if value else ""


def _moment(value: dt.datetime | None) -> str:
    return value.strftime("%Y-%m-%d %H:%M UTC") if value else ""


@cache
def static(name: str) -> str:
    """Address of a static file with a part of its hash: a changed file is never a cached one."""
    digest = hashlib.sha256((resources.STATIC / name).read_bytes()).hexdigest()[:8]
    return f"/static/{name}?v={digest}"


def text(template: str, **values: Any) -> str:
    """A filled template."""
    return _environment().get_template(template).render(**values)


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A page with the signed-in person in its header; ``may`` says what they may do here."""
    state = get_state(request)
    cookie = request.cookies.get(cookie_name(secure=state.settings.secure))
    review = values.setdefault("review", None)
    person, role = None, None
    if cookie:
        with state.store.read() as session:
            person = people.by_session(session, cookie)
            if person is not None and review is not None:
                role = members.role_of(session, review.id, person.id)
    values["may"] = MAY[role] if role is not None else frozenset()
    return HTMLResponse(
        text(template, person=person, path=request.url.path, **values), status_code=status
    )


def error_page(request: Request, status: int, error: dict[str, Any]) -> HTMLResponse:
    """A page that says what went wrong and what to do."""
    return page(request, "error.html", status=status, error=error, number=status)
