"""The page on which an invitation is accepted."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from pydantic import Field
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.deps import MaybePersonDep, StateDep, TurnDep, get_state
from api.pages.forms import FormModel, Problem, submit
from api.pages.render import page
from api.pages.session import signed_in
from api.services.reviews import invitations
from api.types import FormText
from store.core.errors import AlreadyUsed, NotFound
from store.reviews import invitations as stored_invitations

router = APIRouter()
_GONE = Problem(
    "This invitation has been used or withdrawn, or it has expired. Ask for a new one.", 404
)


class JoinForm(FormModel):
    """An invitation's secret, and the name and password of a new person.

    Attributes:
        again: the password once more.
    """

    link: Annotated[str, Field(max_length=200)]
    name: Annotated[FormText, Field(max_length=200)] = ""
    password: Annotated[str, Field(max_length=1000)] = ""
    again: Annotated[str, Field(max_length=1000)] = ""


def _page(
    request: Request, link: str, *, name: str = "", problem: Problem | None = None
) -> HTMLResponse:
    offered = None
    try:
        with get_state(request).store.read() as session:
            offered = stored_invitations.get_invitation(session, link)
    except NotFound:
        problem = _GONE
    return page(
        request,
        "invitation.html",
        status=problem.status if problem else 200,
        link=link,
        offered=offered,
        name=name,
        problem=problem.text if problem else None,
    )


@router.get("/invitation")
def invitation_page(
    request: Request, link: Annotated[str, Query(max_length=200)] = ""
) -> HTMLResponse:
    """What an invitation offers; a button accepts it, so that no link preview uses it up."""
    return _page(request, link)


@router.post("/invitation")
def take_up(
    request: Request,
    state: StateDep,
    known: MaybePersonDep,
    form: Annotated[JoinForm, Form()],
    _turn: TurnDep,
) -> Response:
    """Join as the person who is signed in, or as a new person with a name and a password."""

    def join() -> Response:
        if known is not None:
            joined = invitations.accept_invitation(state.store, form.link, known)
            return RedirectResponse(f"/reviews/{joined.slug}", status_code=303)
        if form.password != form.again:
            raise ValueError("the two passwords differ")
        newcomer, joined = invitations.join_as_new_person(
            state.store, form.link, name=form.name, password=form.password
        )
        return signed_in(request, state, newcomer, f"/reviews/{joined.slug}")

    return submit(
        join,
        lambda problem: _page(request, form.link, name=form.name, problem=problem),
        catch=(NotFound, AlreadyUsed, ValueError),
    )
