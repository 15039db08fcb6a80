"""The people of a review who screen; somebody can be in the team without screening."""

from __future__ import annotations

from sqlalchemy import bindparam, select

from store.core import audit
from store.core.errors import Conflict, NotAllowed, NotFound
from store.core.session import ReadSession, WriteSession, execute_plain
from store.core.tables import Membership
from store.reviews import changes, members, reviews
from store.reviews.members import Member
from store.rules.roles import Role, is_higher, parse_role, role_allows


def does_screen(session: ReadSession, review_id: int, person_id: int) -> bool:
    """Whether a person screens: their role allows it, and they are not in the review without it."""
    row = session.get(Membership, (review_id, person_id))
    return row is not None and row.screens and role_allows(parse_role(row.role), "screen")


def require_screener(session: ReadSession, review_id: int, person_id: int) -> Role:
    """Check that a person screens, and return their role.

    Raises:
        NotAllowed: they are not in the review, or do not screen.
    """
    row = execute_plain(session, _OWN, {"review": review_id, "person": person_id}).first()
    return check_screener(*(row or (None, None)))


_OWN = select(Membership.role, Membership.screens).where(
    Membership.review_id == bindparam("review"), Membership.person_id == bindparam("person")
)


def check_screener(role: str | None, screens: bool | None) -> Role:
    """Check that a person with a role screens, and return the role; None for no role.

    Raises:
        NotAllowed: they are not in the review, or do not screen.
    """
    allowed = members.check_role(role, "screen")
    if not screens:
        raise NotAllowed(
            "You are in this review without screening; a lead can change that under Team."
        )
    return allowed


def list_screeners(session: ReadSession, review_id: int) -> list[Member]:
    """The people of a review who screen, in the order in which they joined.

    Plans, pilot rounds, assignments and hours count these people.
    """
    return [member for member in members.list_members(session, review_id) if member.screens]


def set_screens(
    session: WriteSession, review_id: int, person_id: int, *, screens: bool, by: int | None
) -> None:
    """Say whether a person screens. Decisions that they have made stay.

    A person who no longer screens stays in open pilot rounds until the caller removes them.

    Args:
        session: a writing session.
        review_id: the review.
        person_id: the person.
        screens: whether they screen.
        by: the lead who says so; None for the administrator of the server.

    Raises:
        NotAllowed: ``by`` does not lead the review, or the person's role is above theirs.
        Conflict: the person's role does not allow them to screen.
        NotFound: the person is not in the review.
    """
    reviews.lock_review(session, review_id)
    row = session.get(Membership, (review_id, person_id), populate_existing=True)
    if row is None:
        raise NotFound("this person is not one of the review's people")
    role = parse_role(row.role)
    if by is not None and is_higher(role, members.require_role(session, review_id, by, "lead")):
        raise NotAllowed("You cannot change whether an owner screens; ask an owner.")
    if screens and not role_allows(role, "screen"):
        raise Conflict("this person can only read the review; give them another role first")
    if row.screens == screens:
        return
    row.screens = screens
    if not screens:
        members.release_cards(session, review_id, person_id)
    session.flush()
    changes.note_rule_change(session, review_id)
    audit.append_event(
        session,
        "person.screens",
        review_id=review_id,
        person_id=by,
        detail={"person": person_id, "screens": screens},
    )
