"""Signing in and out, and the account page with password and API tokens."""

from __future__ import annotations

import datetime as dt
import math
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.deps import PersonDep, StateDep, TurnDep, get_state
from api.errors import status_of
from api.pages.render import page
from api.refusals import TooManySignIns
from api.security import browser_cookie_name, cookie_name
from api.services.reviews import accounts, signing_in
from api.state import State
from api.types import FormText, IdPath
from store.core.errors import NotFound
from store.reviews import people
from store.reviews.people import PersonInfo

router = APIRouter()
Target = Annotated[str, Form(max_length=500)]


def _local(target: str) -> str:
    """A path on this server; anything else becomes the front page."""
    fine = target.startswith("/") and not target.startswith(("//", "/\\"))
    return target if fine else "/"


def signed_in(request: Request, state: State, person: PersonInfo, target: str) -> Response:
    """Sign a person in with this browser, and go on to a page of this server."""
    valid = dt.timedelta(hours=state.settings.session_hours)
    started = signing_in.start_session(
        state.store, person.id, valid=valid, browser=_known_by(request, state)
    )
    answer = RedirectResponse(_local(target), status_code=303)
    _set_cookie(answer, state, cookie_name(secure=state.settings.secure), started.secret, valid)
    if started.browser is not None:
        name = browser_cookie_name(secure=state.settings.secure)
        _set_cookie(answer, state, name, started.browser, signing_in.KNOWN_FOR)
    return answer


def _set_cookie(
    answer: Response, state: State, name: str, secret: str, valid: dt.timedelta
) -> None:
    answer.set_cookie(
        name,
        secret,
        max_age=int(valid.total_seconds()),
        path="/",
        secure=state.settings.secure,
        httponly=True,
        samesite="lax",
    )


def _known_by(request: Request, state: State) -> str:
    """The secret by which a browser shows that somebody has signed in with it before."""
    return request.cookies.get(browser_cookie_name(secure=state.settings.secure), "")


@router.get("/login")
def login_page(
    request: Request,
    link: Annotated[str, Query(max_length=200)] = "",
    target: Annotated[str, Query(alias="next", max_length=500)] = "/",
) -> HTMLResponse:
    """The login page. A link is used up by its button, so that a preview does not use it."""
    return page(request, "login.html", link=link, target=_local(target), problem=None)


def _refused(request: Request, target: str, problem: str, *, status: int = 401) -> HTMLResponse:
    target = _local(target)
    return page(request, "login.html", status=status, link="", target=target, problem=problem)


@router.post("/login/link")
def redeem(
    request: Request,
    state: StateDep,
    link: Annotated[str, Form(max_length=200)],
    target: Target = "/",
) -> Response:
    """Sign in by a single-use link."""
    try:
        person = signing_in.redeem_login_link(state.store, link)
    except NotFound:
        return _refused(
            request,
            target,
            "This link has been used or has expired. Ask the person who runs this server for a "
            "new one.",
        )
    return signed_in(request, state, person, target)


@router.post("/login")
def login(
    request: Request,
    state: StateDep,
    name: Annotated[FormText, Form(max_length=200)],
    password: Annotated[str, Form(max_length=1000)],
    _turn: TurnDep,
    target: Target = "/",
) -> Response:
    """Sign in by name and password."""
    attempt = signing_in.SignInAttempt(
        name,
        password,
        address=request.client.host if request.client else "",
        browser=_known_by(request, state),
    )
    try:
        person = signing_in.find_by_password(state.store, attempt)
    except TooManySignIns as error:
        answer = _refused(request, target, str(error), status=status_of(error))
        answer.headers["retry-after"] = str(math.ceil(error.wait))
        return answer
    if person is None:
        return _refused(request, target, "Name and password do not match.")
    return signed_in(request, state, person, target)


@router.post("/logout")
def logout(request: Request, state: StateDep) -> Response:
    """Sign this browser out."""
    name = cookie_name(secure=state.settings.secure)
    secret = request.cookies.get(name)
    if secret:
        signing_in.end_session(state.store, secret)
    answer = RedirectResponse("/login", status_code=303)
    answer.delete_cookie(name, path="/", secure=state.settings.secure, httponly=True)
    return answer


def _account(
    request: Request, person: PersonInfo, *, secret: str | None = None, problem: str | None = None
) -> HTMLResponse:
    with get_state(request).store.read() as session:
        tokens = people.list_tokens(session, person.id)
    status = 422 if problem else 200
    return page(
        request, "account.html", status=status, tokens=tokens, secret=secret, problem=problem
    )


@router.get("/account")
def account(request: Request, person: PersonDep) -> HTMLResponse:
    """Password and API tokens."""
    return _account(request, person)


@router.post("/account/password")
def change_password(
    request: Request,
    state: StateDep,
    person: PersonDep,
    password: Annotated[str, Form(max_length=1000)],
    again: Annotated[str, Form(max_length=1000)],
) -> Response:
    """Set a password. All other browsers are signed out; this one is signed in again."""
    try:
        if password != again:
            raise ValueError("the two passwords differ")
        accounts.set_password(state.store, person.id, password)
    except ValueError as error:
        return _account(request, person, problem=f"Not changed: {error}.")
    return signed_in(request, state, person, "/account")


@router.post("/account/tokens")
def make_token(
    request: Request,
    state: StateDep,
    person: PersonDep,
    name: Annotated[FormText, Form(min_length=1, max_length=200)],
) -> HTMLResponse:
    """Create an API token, and show it this once."""
    new = accounts.create_token(state.store, person.id, name)
    return _account(request, person, secret=new.secret)


@router.post("/account/tokens/{token_id}/revoke")
def revoke_token(state: StateDep, person: PersonDep, token_id: IdPath) -> Response:
    """Revoke an API token."""
    accounts.revoke_token(state.store, person.id, token_id)
    return RedirectResponse("/account", status_code=303)
