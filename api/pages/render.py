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
from api.deps import ReviewRequest, find_signed_in_person, get_state
from api.services.living.event_actions import ACT_NAMES
from api.services.reporting.stored_results import describe_worked_out
from api.services.screening.queue_ends import describe_end
from api.wording import (
    EVENT_KINDS,
    SEARCH_USES,
    describe_share,
    describe_share_interval,
    name_run_state,
)
from harvest.strategy.limits import name_years
from store.core.errors import Unavailable
from store.reviews import members, screeners
from store.rules.roles import ALLOWED_ACTIONS, ROLE_NAMES


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
    environment.filters["act"] = ACT_NAMES.__getitem__
    environment.filters["event_kind"] = EVENT_KINDS.__getitem__
    environment.filters["search_use"] = SEARCH_USES.__getitem__
    environment.filters["role"] = ROLE_NAMES.__getitem__
    environment.filters["run_state"] = lambda run: name_run_state(run.state, run.shortfall)
    environment.filters["share"] = describe_share
    environment.filters["share_interval"] = describe_share_interval
    environment.filters["percent"] = lambda value: "–" if value is None else f"{value:.1%}"
    environment.filters["years"] = lambda limits: name_years(limits.first, limits.last)
    environment.filters["queue_end"] = describe_end
    environment.filters["worked_out"] = describe_worked_out
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
    """A page with the signed-in person in its header.

    ``may`` says what they may do here, and ``screens`` whether they screen.
    """
    state = get_state(request)
    review = values.setdefault("review", None)
    person, role = find_signed_in_person(request, state), None
    values["screens"] = False
    if person is not None and review is not None:
        with state.store.read() as session:
            role = members.get_role(session, review.id, person.id)
            values["screens"] = screeners.does_screen(session, review.id, person.id)
    values["may"] = ALLOWED_ACTIONS[role] if role is not None else frozenset()
    body = text(template, person=person, path=request.url.path, **values)
    # A form that is shown again because the database was busy is sent again.
    headers = {"retry-after": str(Unavailable.wait)} if status == 503 else None
    return HTMLResponse(body, status_code=status, headers=headers)


def review_page(
    request: ReviewRequest, template: str, *, status: int = 200, **values: Any
) -> HTMLResponse:
    """A page of a review."""
    return page(request.request, template, status=status, review=request.review, **values)


def error_page(request: Request, status: int, error: dict[str, Any]) -> HTMLResponse:
    """A page that says what went wrong and what to do."""
    values: dict[str, Any] = {"error": error, "number": status}
    try:
        return page(request, "error.html", status=status, **values)
    except Unavailable:
        # Who is signed in cannot be read either.
        values |= {"person": None, "review": None, "screens": False, "may": frozenset()}
        body = text("error.html", path=request.url.path, **values)
        return HTMLResponse(body, status_code=status)
