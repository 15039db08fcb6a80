"""Signing in and out; the account page with password and API tokens."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.deps import PersonDep, StateDep, known_person
from api.pages.render import page
from api.security import check_password, cookie_name, hash_password, verify_password
from api.state import State
from store import audit, people
from store.errors import NotFound
from store.people import PersonInfo

router = APIRouter()
Known = Annotated[PersonInfo | None, Depends(known_person)]


def _local(target: str) -> str:
    """A path on this server; anything else becomes the front page."""
    fine = target.startswith("/") and not target.startswith(("//", "/\\"))
    return target if fine else "/"


def signed_in(state: State, person: PersonInfo, target: str) -> Response:
    """Sign a person in with this browser and go on to a page of this server."""
    valid = dt.timedelta(hours=state.settings.session_hours)
    with state.store.write() as session:
        secret = people.open_session(session, person.id, valid=valid)
    answer = RedirectResponse(_local(target), status_code=303)
    answer.set_cookie(
        cookie_name(secure=state.settings.secure),
        secret,
        max_age=int(valid.total_seconds()),
        path="/",
        secure=state.settings.secure,
        httponly=True,
        samesite="lax",
    )
    return answer


@router.get("/login")
def login_page(
    request: Request,
    link: Annotated[str, Query(max_length=200)] = "",
    target: Annotated[str, Query(alias="next", max_length=500)] = "/",
) -> HTMLResponse:
    """The login page; a link is redeemed by pressing its button, so that no preview uses it up."""
    return page(request, "login.html", link=link, target=_local(target), problem=None)


@router.post("/login/link")
def redeem(
    request: Request,
    state: StateDep,
    link: Annotated[str, Form(max_length=200)],
    target: Annotated[str, Form(max_length=500)] = "/",
) -> Response:
    """Sign in by a single-use link."""
    try:
        with state.store.write() as session:
            person = people.redeem_link(session, link)
    except NotFound:
        problem = "This link was used already or has run out. Ask for a new one: winnow user link"
        return page(
            request, "login.html", status=401, link="", target=_local(target), problem=problem
        )
    return signed_in(state, person, target)


@router.post("/login")
def login(
    request: Request,
    state: StateDep,
    name: Annotated[str, Form(max_length=200)],
    password: Annotated[str, Form(max_length=1000)],
    target: Annotated[str, Form(max_length=500)] = "/",
) -> Response:
    """Sign in by name and password."""
    person: PersonInfo | None = None
    known = None
    with state.store.read() as session:
        try:
            person = people.by_name(session, name.replace("\x00", ""))
            known = people.password_hash(session, person.id)
        except NotFound:
            person = None
    if not verify_password(password, known) or person is None:
        return page(
            request,
            "login.html",
            status=401,
            link="",
            target=_local(target),
            problem="Name and password do not fit.",
        )
    return signed_in(state, person, target)


@router.post("/logout")
def logout(request: Request, state: StateDep) -> Response:
    """Sign this browser out."""
    name = cookie_name(secure=state.settings.secure)
    secret = request.cookies.get(name)
    if secret:
        with state.store.write() as session:
            people.close_session(session, secret)
    answer = RedirectResponse("/login", status_code=303)
    answer.delete_cookie(name, path="/", secure=state.settings.secure, httponly=True)
    return answer


def _account(
    request: Request,
    state: State,
    person: PersonInfo,
    *,
    secret: str | None = None,
    said: str | None = None,
    status: int = 200,
) -> HTMLResponse:
    with state.store.read() as session:
        tokens = people.tokens(session, person.id)
    return page(request, "account.html", status=status, tokens=tokens, secret=secret, said=said)


@router.get("/account")
def account(request: Request, state: StateDep, person: PersonDep) -> HTMLResponse:
    """Password and API tokens."""
    return _account(request, state, person)


@router.post("/account/password")
def change_password(
    request: Request,
    state: StateDep,
    person: PersonDep,
    password: Annotated[str, Form(max_length=1000)],
    again: Annotated[str, Form(max_length=1000)],
) -> Response:
    """Set a password; all other browsers are signed out, this one is signed in anew."""
    try:
        if password != again:
            raise ValueError("the two passwords differ")
        check_password(password)
    except ValueError as error:
        return _account(request, state, person, said=f"Not changed: {error}.", status=422)
    with state.store.write() as session:
        people.set_password_hash(session, person.id, hash_password(password))
        audit.append(session, "person.password", person_id=person.id)
    return signed_in(state, person, "/account")


@router.post("/account/tokens")
def make_token(
    request: Request,
    state: StateDep,
    person: PersonDep,
    name: Annotated[str, Form(min_length=1, max_length=200)],
) -> HTMLResponse:
    """Make an API token and show it this once."""
    with state.store.write() as session:
        _, secret = people.make_token(session, person.id, name.replace("\x00", ""))
        audit.append(session, "token.created", person_id=person.id, detail={"name": name})
    return _account(request, state, person, secret=secret)


@router.post("/account/tokens/{token_id}/revoke")
def revoke_token(state: StateDep, person: PersonDep, token_id: int) -> Response:
    """Make an API token useless."""
    with state.store.write() as session:
        people.revoke_token(session, person.id, token_id)
        audit.append(session, "token.revoked", person_id=person.id, detail={"token": token_id})
    return RedirectResponse("/account", status_code=303)
