"""The page of a review's people, their roles, and the records assigned to them."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Form
from pydantic import Field
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.deps import LeadRequest, ReadRequest, ReviewRequest
from api.pages.forms import FormModel, Problem, submit, to_review
from api.pages.render import review_page
from api.services.reviews import invitations, membership
from api.services.reviews.invitations import InvitationRequest
from api.services.screening import assigning
from api.types import FormText, Id, IdPath
from store.reviews import imported_people, members, people
from store.reviews import invitations as stored_invitations
from store.rules.person_names import list_look_alikes
from store.rules.roles import ROLES, is_higher, parse_role, role_allows
from store.screening import assignments
from store.screening.assignments import NewAssignment

router = APIRouter()
RoleForm = Annotated[str, Form(max_length=20)]


class AssignmentForm(FormModel):
    """Who gets which share of the records, or those with a tag.

    Attributes:
        who: ids of the people.
        weight: the share of each, in the same order; empty or 0 for none.
    """

    kind: Literal["share", "tag"]
    who: Annotated[tuple[Id, ...], Field(max_length=200)] = ()
    weight: Annotated[tuple[str, ...], Field(max_length=200)] = ()
    tag: Annotated[FormText, Field(max_length=60)] = ""

    def new_assignment(self) -> NewAssignment:
        """The assignment.

        Raises:
            ValueError: a share is no whole number.
        """
        people = {
            person_id: _parse_weight(weight)
            for person_id, weight in zip(self.who, self.weight, strict=False)
            if weight.strip() not in ("", "0")
        }
        return NewAssignment(kind=self.kind, people=people, tag=self.tag)


def _parse_weight(text: str) -> int:
    if not text.strip().isdecimal():
        raise ValueError(f"write a whole number such as 2, not {text.strip()!r}")
    return int(text)


def _page(
    request: ReviewRequest, problem: Problem | None = None, *, link: str | None = None
) -> HTMLResponse:
    review_id = request.review.id
    with request.store.read() as session:
        own = members.get_role(session, review_id, request.person.id)
        team = members.list_members(session, review_id)
        invited = stored_invitations.list_invitations(session, review_id)
        assigned = assignments.list_assignments(session, review_id)
        named = imported_people.list_imported_people(session, review_id)
        handed_over_by_all = assignments.count_handed_over_by_all(session, review_id)
        renamed = people.list_renamed_people(session)
    members_here = {member.id for member in team}
    return review_page(
        request,
        "team.html",
        renamed=[person for person in renamed if person.id in members_here],
        alike=list_look_alikes(member.name for member in team),
        status=problem.status if problem else 200,
        team=team,
        own=own,
        offered=[role for role in ROLES if own is not None and not is_higher(role, own)],
        invited=invited,
        assigned=assigned,
        named=named,
        handed_over_by_all=handed_over_by_all,
        screeners=[member for member in team if member.screens],
        able=[member.id for member in team if role_allows(member.role, "screen")],
        link=link,
        problem=problem.text if problem else None,
        hours=request.state.settings.invitation_hours,
    )


@router.get("/reviews/{slug}/team")
def team_page(request: ReadRequest) -> HTMLResponse:
    """The review's people; leads change roles and invite."""
    return _page(request)


@router.post("/reviews/{slug}/team/invitations")
def invite(
    request: LeadRequest,
    role: RoleForm,
    note: Annotated[FormText, Form(max_length=200)] = "",
) -> Response:
    """Make an invitation, and show its link this once."""
    settings = request.state.settings

    def create() -> Response:
        created = invitations.invite_person(
            request.store,
            settings,
            request.review.id,
            InvitationRequest(parse_role(role), note or None),
            by=request.person.id,
        )
        # Where people reach the server: as set, or else as this browser does.
        address = settings.public_url or str(request.request.base_url)
        return _page(request, link=created.link(address))

    return submit(create, lambda problem: _page(request, problem))


@router.post("/reviews/{slug}/team/invitations/{invitation_id}/withdraw")
def withdraw(request: LeadRequest, invitation_id: IdPath) -> Response:
    """Withdraw an invitation, so that nobody can use it."""
    invitations.withdraw_invitation(
        request.store, request.review.id, invitation_id, by=request.person.id
    )
    return to_review(request.review, "team")


@router.post("/reviews/{slug}/team/{person_id}/role")
def change_role(request: LeadRequest, person_id: IdPath, role: RoleForm) -> Response:
    """Give somebody another role."""

    def change() -> Response:
        membership.set_role(
            request.store, request.review.id, person_id, parse_role(role), by=request.person.id
        )
        return to_review(request.review, "team")

    return submit(change, lambda problem: _page(request, problem))


@router.post("/reviews/{slug}/team/{person_id}/screens")
def change_screens(
    request: LeadRequest,
    person_id: IdPath,
    screens: Annotated[Literal["yes", "no"], Form()],
) -> Response:
    """Say whether somebody screens."""

    def change() -> Response:
        membership.set_screens(
            request.store,
            request.review.id,
            person_id,
            screens=screens == "yes",
            by=request.person.id,
        )
        return to_review(request.review, "team")

    return submit(change, lambda problem: _page(request, problem))


@router.post("/reviews/{slug}/team/imported/{person_id}")
def map_person(
    request: LeadRequest, person_id: IdPath, member: Annotated[Id | None, Form()] = None
) -> Response:
    """Say which member a person named in an imported file is; an empty field undoes it."""

    def change() -> Response:
        membership.map_imported_person(
            request.store, request.review.id, person_id, member, by=request.person.id
        )
        return to_review(request.review, "team#imported")

    return submit(change, lambda problem: _page(request, problem))


@router.post("/reviews/{slug}/team/{person_id}/remove")
def remove(request: ReadRequest, person_id: IdPath) -> Response:
    """Remove somebody from the review, or leave it."""

    def do_remove() -> Response:
        membership.remove_member(request.store, request.review.id, person_id, by=request.person.id)
        if person_id == request.person.id:
            return RedirectResponse("/", status_code=303)
        return to_review(request.review, "team")

    return submit(do_remove, lambda problem: _page(request, problem))


@router.post("/reviews/{slug}/team/assignments")
def assign(request: LeadRequest, form: Annotated[AssignmentForm, Form()]) -> Response:
    """Share the records out among everybody with a number, or assign those with a tag to them."""

    def create() -> Response:
        assigning.create_assignment(
            request.store, request.review.id, form.new_assignment(), by=request.person.id
        )
        return to_review(request.review, "team")

    return submit(create, lambda problem: _page(request, problem))


@router.post("/reviews/{slug}/team/assignments/{assignment_id}/end")
def end_assignment(request: LeadRequest, assignment_id: IdPath) -> Response:
    """End an assignment."""
    assigning.end_assignment(request.store, request.review.id, assignment_id, by=request.person.id)
    return to_review(request.review, "team")
