"""Who sends a request, and what they may do in the review that it is about, in one statement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import String, bindparam, select

from store.core.session import ReadSession, execute_plain
from store.core.tables import ApiToken, Identity, Membership, Review, WebSession, now
from store.reviews.people import PersonInfo, hash_secret
from store.reviews.reviews import ReviewInfo, review_from_row
from store.rules.roles import Role, parse_role


@dataclass(frozen=True, slots=True)
class Access:
    """A person, and their place in a review.

    Attributes:
        review: the review with the short name; None if there is none.
        role: the person's in it; None if they are not in it.
    """

    person: PersonInfo
    review: ReviewInfo | None = None
    role: Role | None = None


def _select_access(secret: type[ApiToken | WebSession], valid: Any) -> Any:
    columns = (
        *(Identity.person_id.label("who"), Identity.name.label("person_name")),
        *(Membership.role, *Review.__table__.columns),
    )
    return (
        select(*columns)
        .select_from(secret)
        .join(Identity, Identity.person_id == secret.person_id)
        .outerjoin(Review, Review.slug == bindparam("short_name", type_=String()))
        .outerjoin(
            Membership,
            (Membership.review_id == Review.id) & (Membership.person_id == Identity.person_id),
        )
        .where(secret.secret_hash == bindparam("hash"), valid)
    )


_BY_TOKEN = _select_access(ApiToken, ApiToken.revoked_at.is_(None))
_BY_SESSION = _select_access(
    WebSession, WebSession.expires_at > bindparam("at", type_=WebSession.expires_at.type)
)


def find_access_by_token(session: ReadSession, secret: str, slug: str | None) -> Access | None:
    """The holder of an API token, in a review if ``slug`` names one; None if it is not valid."""
    values = {"hash": hash_secret(secret), "short_name": slug}
    return _access(execute_plain(session, _BY_TOKEN, values).first())


def find_access_by_session(session: ReadSession, secret: str, slug: str | None) -> Access | None:
    """The same for the person whose browser holds a secret."""
    values = {"hash": hash_secret(secret), "short_name": slug, "at": now()}
    return _access(execute_plain(session, _BY_SESSION, values).first())


def _access(row: Any) -> Access | None:
    if row is None:
        return None
    person = PersonInfo(row.who, row.person_name)
    if row.id is None:
        return Access(person)
    role = None if row.role is None else parse_role(row.role)
    return Access(person, review_from_row(row), role)
