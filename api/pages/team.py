"""The page of a review's people, and the page on which an invitation is taken up."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.deps import LeadDep, PersonDep, ReviewDep, StateDep
from api.pages.render import page
from api.pages.session import Known, signed_in
from api.services import team
from api.state import State
from store import assignments, members
from store.errors import AlreadyUsed, Conflict, NotAllowed, NotFound
from store.people import PersonInfo
from store.reviews import ReviewInfo
from store.roles import ROLES, above, as_role, may

router = APIRouter()
IdPath = Annotated[int, Path(ge=1, le=2**63 - 1)]
RoleForm = Annotated[str, Form(max_length=20)]
_GONE = "This invitation was used already, was withdrawn or has run out. Ask for a new one."


def _team(
    request: Request,
    state: State,
    review: ReviewInfo,
    person: PersonInfo,
    *,
    problem: str | None = None,
    link: str | None = None,
    status: int = 200,
) -> HTMLResponse:
    with state.store.read() as session:
        own = members.role_of(session, review.id, person.id)
        everyone = members.everyone(session, review.id)
        invited = members.invitations(session, review.id)
        assigned = assignments.everything(session, review.id)
        nobodys = assignments.nobodys(session, review.id)
    return page(
        request,
        "team.html",
        status=status,
        review=review,
        everyone=everyone,
        own=own,
        offered=[role for role in ROLES if own is not None and not above(role, own)],
        invited=invited,
        assigned=assigned,
        nobodys=nobodys,
        screeners=[each for each in everyone if may(each.role, "screen")],
        link=link,
        problem=problem,
        hours=state.settings.invitation_hours,
    )


def _address(request: Request, state: State) -> str:
    """Where people reach the server: as set, else as this browser does."""
    return state.settings.public_url or str(request.base_url)


@router.get("/reviews/{slug}/team")
def team_page(
    request: Request, state: StateDep, person: PersonDep, review: ReviewDep
) -> HTMLResponse:
    """The review's people; leads change roles and invite."""
    return _team(request, state, review, person)


@router.post("/reviews/{slug}/team/invitations")
def invite(
    request: Request,
    state: StateDep,
    person: PersonDep,
    review: LeadDep,
    role: RoleForm,
    note: Annotated[str, Form(max_length=200)] = "",
) -> HTMLResponse:
    """Make an invitation and show its link this once."""
    words = note.replace("\x00", "").strip() or None
    try:
        with state.store.write() as session:
            _, secret = team.invite(
                session, state.settings, review.id, as_role(role), by=person.id, note=words
            )
    except (NotAllowed, ValueError) as error:
        return _team(request, state, review, person, problem=str(error), status=422)
    return _team(request, state, review, person, link=team.link(_address(request, state), secret))


@router.post("/reviews/{slug}/team/invitations/{invitation_id}/withdraw")
def withdraw(
    state: StateDep, person: PersonDep, review: LeadDep, invitation_id: IdPath
) -> Response:
    """Make an invitation useless."""
    with state.store.write() as session:
        members.withdraw(session, review.id, invitation_id, by=person.id)
    return RedirectResponse(f"/reviews/{review.slug}/team", status_code=303)


@router.post("/reviews/{slug}/team/{person_id}/role")
def change_role(
    request: Request,
    state: StateDep,
    person: PersonDep,
    review: LeadDep,
    person_id: IdPath,
    role: RoleForm,
) -> Response:
    """Give somebody another role."""
    try:
        with state.store.write() as session:
            if members.role_of(session, review.id, person_id) is None:
                raise NotFound("this person is not one of the review's people; invite them")
            members.add(session, review.id, person_id, as_role(role), by=person.id)
    except (NotAllowed, Conflict, NotFound, ValueError) as error:
        return _team(request, state, review, person, problem=str(error), status=422)
    return RedirectResponse(f"/reviews/{review.slug}/team", status_code=303)


@router.post("/reviews/{slug}/team/{person_id}/remove")
def remove(
    request: Request, state: StateDep, person: PersonDep, review: ReviewDep, person_id: IdPath
) -> Response:
    """Take somebody out of the review, or leave it."""
    try:
        with state.store.write() as session:
            members.remove(session, review.id, person_id, by=person.id)
    except (NotAllowed, Conflict, NotFound) as error:
        return _team(request, state, review, person, problem=str(error), status=422)
    left = person_id == person.id
    return RedirectResponse("/" if left else f"/reviews/{review.slug}/team", status_code=303)


def _invitation(
    request: Request,
    state: State,
    link: str,
    *,
    name: str = "",
    problem: str | None = None,
    status: int = 200,
) -> HTMLResponse:
    offered = None
    try:
        with state.store.read() as session:
            offered = members.invitation(session, link)
    except NotFound:
        problem, status = _GONE, 404
    return page(
        request,
        "invitation.html",
        status=status,
        link=link,
        offered=offered,
        name=name,
        problem=problem,
    )


@router.get("/invitation")
def invitation_page(
    request: Request, state: StateDep, link: Annotated[str, Query(max_length=200)] = ""
) -> HTMLResponse:
    """What an invitation offers; it is taken up by a button, so that no preview uses it up."""
    return _invitation(request, state, link)


@router.post("/invitation")
def take_up(
    request: Request,
    state: StateDep,
    known: Known,
    link: Annotated[str, Form(max_length=200)],
    name: Annotated[str, Form(max_length=200)] = "",
    password: Annotated[str, Form(max_length=1000)] = "",
    again: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Join as whoever is signed in, or as a new person with a name and a password."""
    try:
        if known is not None:
            with state.store.write() as session:
                joined = members.redeem(session, link, known)
            return RedirectResponse(f"/reviews/{joined.slug}", status_code=303)
        if password != again:
            raise ValueError("the two passwords differ")
        newcomer, joined = team.join_as_newcomer(state.store, link, name=name, password=password)
    except NotFound:
        return _invitation(request, state, link)
    except (AlreadyUsed, ValueError) as error:
        return _invitation(request, state, link, name=name, problem=f"{error}.", status=422)
    return signed_in(state, newcomer, f"/reviews/{joined.slug}")


@router.post("/reviews/{slug}/team/assignments")
def assign(
    request: Request,
    state: StateDep,
    person: PersonDep,
    review: LeadDep,
    kind: Annotated[str, Form(pattern="^(share|tag)$")],
    who: Annotated[tuple[int, ...], Form(max_length=200)] = (),
    weight: Annotated[tuple[str, ...], Form(max_length=200)] = (),
    tag: Annotated[str, Form(max_length=60)] = "",
) -> Response:
    """Share the records out, or assign those with a tag, to everybody with a number."""
    try:
        people = {
            each: _weight(text)
            for each, text in zip(who, weight, strict=False)
            if text.strip() not in ("", "0")
        }
        with state.store.write() as session:
            assignments.assign(
                session, review.id, kind, people, by=person.id, tag=tag.replace("\x00", "")
            )
    except ValueError as error:
        return _team(request, state, review, person, problem=f"{error}.", status=422)
    return RedirectResponse(f"/reviews/{review.slug}/team", status_code=303)


def _weight(text: str) -> int:
    """A share.

    Raises:
        ValueError: it is no whole number.
    """
    if not text.strip().isdecimal():
        raise ValueError(f"write a whole number such as 2, not {text.strip()!r}")
    return int(text)


@router.post("/reviews/{slug}/team/assignments/{assignment_id}/end")
def end_assignment(
    state: StateDep, person: PersonDep, review: LeadDep, assignment_id: IdPath
) -> Response:
    """End an assignment."""
    with state.store.write() as session:
        assignments.end(session, review.id, assignment_id, by=person.id)
    return RedirectResponse(f"/reviews/{review.slug}/team", status_code=303)
