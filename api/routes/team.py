"""The people of a review, their roles, and invitations."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import LeadRequest, PersonDep, ReadRequest, StateDep
from api.schemas.team import InvitationIn, InvitationOut, JoinedOut, MappedIn, RedeemIn, RoleIn
from api.services.reviews import invitations, membership
from api.services.reviews.invitations import InvitationRequest
from api.types import IdPath
from store.reviews import imported_people, members
from store.reviews import invitations as stored_invitations
from store.reviews.imported_people import ImportedPersonInfo
from store.reviews.members import Member

router = APIRouter(tags=["people"])


@router.get("/reviews/{slug}/team")
def list_team(request: ReadRequest) -> list[Member]:
    """The review's people, in the order they joined."""
    with request.store.read() as session:
        return members.list_members(session, request.review.id)


@router.put("/reviews/{slug}/team/{person_id}")
def change_role(request: LeadRequest, person_id: IdPath, body: RoleIn) -> list[Member]:
    """Give one of the review's people another role, never one above your own; who screens."""
    store, review_id, by = request.store, request.review.id, request.person.id
    team = membership.set_role(store, review_id, person_id, body.role, by=by)
    if body.screens is not None:
        team = membership.set_screens(store, review_id, person_id, screens=body.screens, by=by)
    return team


@router.delete("/reviews/{slug}/team/{person_id}", status_code=204)
def remove_person(request: ReadRequest, person_id: IdPath) -> None:
    """Remove a person from the review, or leave it: decisions stay, cards held go back."""
    membership.remove_member(request.store, request.review.id, person_id, by=request.person.id)


@router.get("/reviews/{slug}/imported-people")
def list_imported_people(request: ReadRequest) -> list[ImportedPersonInfo]:
    """People whom imported files name; they cannot sign in."""
    with request.store.read() as session:
        return imported_people.list_imported_people(session, request.review.id)


@router.put("/reviews/{slug}/imported-people/{person_id}")
def map_imported_person(
    request: LeadRequest, person_id: IdPath, body: MappedIn
) -> list[ImportedPersonInfo]:
    """Say which member a person of a file is; no member undoes an earlier answer."""
    return membership.map_imported_person(
        request.store, request.review.id, person_id, body.member, by=request.person.id
    )


@router.get("/reviews/{slug}/invitations")
def list_invitations(request: LeadRequest) -> list[InvitationOut]:
    """Invitations that can still be used, without their secrets."""
    with request.store.read() as session:
        valid = stored_invitations.list_invitations(session, request.review.id)
    return [InvitationOut.model_validate(invitation) for invitation in valid]


@router.post("/reviews/{slug}/invitations", status_code=201)
def invite(request: LeadRequest, body: InvitationIn) -> InvitationOut:
    """Make an invitation, good for one use; its secret is shown only this once."""
    settings = request.state.settings
    created = invitations.invite_person(
        request.store,
        settings,
        request.review.id,
        InvitationRequest(body.role, body.note),
        by=request.person.id,
    )
    secrets = {"secret": created.secret, "link": created.link(settings.base_url)}
    return InvitationOut.model_validate(created.info).model_copy(update=secrets)


@router.delete("/reviews/{slug}/invitations/{invitation_id}", status_code=204)
def withdraw_invitation(request: LeadRequest, invitation_id: IdPath) -> None:
    """Withdraw an invitation, so that nobody can use it."""
    invitations.withdraw_invitation(
        request.store, request.review.id, invitation_id, by=request.person.id
    )


@router.post("/invitations/redeem")
def redeem(state: StateDep, person: PersonDep, body: RedeemIn) -> JoinedOut:
    """Accept an invitation as yourself; if you have a higher role already, you keep it."""
    accepted = invitations.accept_invitation(state.store, body.secret, person)
    return JoinedOut.model_validate(accepted)
