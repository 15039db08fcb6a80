"""The people of a review, their roles, and invitations."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from api import schemas_team
from api.deps import LeadDep, PersonDep, ReviewDep, StateDep
from api.services import team
from store import members
from store.errors import NotFound

router = APIRouter(tags=["people"])
IdPath = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("/reviews/{slug}/team")
def list_team(state: StateDep, review: ReviewDep) -> list[schemas_team.MemberOut]:
    """The review's people, in the order in which they came."""
    with state.store.read() as session:
        found = members.everyone(session, review.id)
        return [schemas_team.MemberOut.model_validate(each) for each in found]


@router.put("/reviews/{slug}/team/{person_id}")
def change_role(
    state: StateDep,
    person: PersonDep,
    review: LeadDep,
    person_id: IdPath,
    body: schemas_team.RoleIn,
) -> list[schemas_team.MemberOut]:
    """Give one of the review's people another role; never one above your own."""
    with state.store.write() as session:
        if members.role_of(session, review.id, person_id) is None:
            raise NotFound("this person is not one of the review's people; invite them")
        members.add(session, review.id, person_id, body.role, by=person.id)
        found = members.everyone(session, review.id)
        return [schemas_team.MemberOut.model_validate(each) for each in found]


@router.delete("/reviews/{slug}/team/{person_id}", status_code=204)
def remove_person(state: StateDep, person: PersonDep, review: ReviewDep, person_id: IdPath) -> None:
    """Take a person out of the review, or leave it: decisions stay, cards held go back."""
    with state.store.write() as session:
        members.remove(session, review.id, person_id, by=person.id)


@router.get("/reviews/{slug}/invitations")
def list_invitations(state: StateDep, review: LeadDep) -> list[schemas_team.InvitationOut]:
    """Invitations that can still be redeemed, without their secrets."""
    with state.store.read() as session:
        found = members.invitations(session, review.id)
        return [schemas_team.InvitationOut.model_validate(each) for each in found]


@router.post("/reviews/{slug}/invitations", status_code=201)
def invite(
    state: StateDep, person: PersonDep, review: LeadDep, body: schemas_team.InvitationIn
) -> schemas_team.InvitationOut:
    """Make an invitation, good for one use; its secret is told this once."""
    with state.store.write() as session:
        info, secret = team.invite(
            session, state.settings, review.id, body.role, by=person.id, note=body.note
        )
    made = schemas_team.InvitationOut.model_validate(info)
    link = team.link(state.settings.base_url, secret)
    return made.model_copy(update={"secret": secret, "link": link})


@router.delete("/reviews/{slug}/invitations/{invitation_id}", status_code=204)
def withdraw_invitation(
    state: StateDep, person: PersonDep, review: LeadDep, invitation_id: IdPath
) -> None:
    """Make an invitation useless."""
    with state.store.write() as session:
        members.withdraw(session, review.id, invitation_id, by=person.id)


@router.post("/invitations/redeem")
def redeem(
    state: StateDep, person: PersonDep, body: schemas_team.RedeemIn
) -> schemas_team.JoinedOut:
    """Take an invitation up as yourself; a higher role that you have already stays yours."""
    with state.store.write() as session:
        info = members.redeem(session, body.secret, person)
    return schemas_team.JoinedOut(slug=info.slug, title=info.title, role=info.role)
