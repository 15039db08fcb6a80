"""Changes to a review's people; somebody who may no longer screen leaves the open pilot rounds."""

from __future__ import annotations

from store.core.errors import NotFound
from store.core.session import Store
from store.reviews import imported_people, members, reviews, screeners
from store.reviews.imported_people import ImportedPersonInfo
from store.reviews.members import Member
from store.rules.roles import Role, role_allows
from store.screening import pilots


def set_role(
    store: Store, review_id: int, person_id: int, role: Role, *, by: int | None
) -> list[Member]:
    """Give a person a role, and return the review's people.

    Args:
        store: the database.
        review_id: the review.
        person_id: whose role changes.
        role: their new role.
        by: the lead who changes it; None for the administrator of the server, who may give any
            role and may also add a person without an invitation.

    Raises:
        NotAllowed: ``by`` does not lead the review, or one of the two roles is above theirs.
        Conflict: the review would be left without an owner.
        NotFound: the person does not exist, or a lead named somebody outside the review.
    """
    with store.write() as session:
        reviews.lock_review(session, review_id)
        if by is not None and members.get_role(session, review_id, person_id) is None:
            raise NotFound("this person is not one of the review's people; invite them")
        members.add_member(session, review_id, person_id, role, by=by)
        if not role_allows(role, "screen"):
            pilots.leave_rounds(session, review_id, person_id)
        return members.list_members(session, review_id)


def set_screens(
    store: Store, review_id: int, person_id: int, *, screens: bool, by: int | None
) -> list[Member]:
    """Say whether a person screens, and return the review's people.

    Args:
        store: the database.
        review_id: the review.
        person_id: the person; if they no longer screen, they leave open pilot rounds, and the cards
            they hold go back.
        screens: whether they screen.
        by: the lead who says so; None for the administrator of the server.

    Raises:
        NotAllowed: ``by`` does not lead the review, or the person's role is above theirs.
        Conflict: the person's role does not allow them to screen.
        NotFound: the person is not in the review.
    """
    with store.write() as session:
        screeners.set_screens(session, review_id, person_id, screens=screens, by=by)
        if not screens:
            pilots.leave_rounds(session, review_id, person_id)
        return members.list_members(session, review_id)


def remove_member(store: Store, review_id: int, person_id: int, *, by: int | None) -> None:
    """Remove a person from a review: their decisions stay, the cards they hold go back.

    Args:
        store: the database.
        review_id: the review.
        person_id: who leaves.
        by: the person themselves, or a lead; None for the administrator of the server.

    Raises:
        NotAllowed: ``by`` is neither the person nor a lead, or the person's role is above theirs.
        Conflict: the review would be left without an owner.
        NotFound: the person is not in the review.
    """
    with store.write() as session:
        members.remove_member(session, review_id, person_id, by=by)
        pilots.leave_rounds(session, review_id, person_id)


def map_imported_person(
    store: Store, review_id: int, person_id: int, member_id: int | None, *, by: int | None
) -> list[ImportedPersonInfo]:
    """Say which member a person of a file is, and return the people whom the files name.

    Args:
        store: the database.
        review_id: the review.
        person_id: the person whom a file names.
        member_id: the member; None takes an earlier answer back.
        by: the lead who says so; None for the administrator of the server.

    Raises:
        NotAllowed: ``by`` does not lead the review.
        NotFound: there is no such person or no such member.
    """
    with store.write() as session:
        imported_people.map_person(session, review_id, person_id, member_id, by=by)
        return imported_people.list_imported_people(session, review_id)
