"""People, and the secrets by which they are known, of which only hashes are kept."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from dataclasses import dataclass

from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError

from store.errors import AlreadyUsed, NotFound
from store.session import ReadSession, WriteSession
from store.tables import ApiToken, Identity, LoginLink, Person, WebSession, now


@dataclass(frozen=True, slots=True)
class PersonInfo:
    """A person as others see them."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """An API token without its secret."""

    id: int
    name: str
    created_at: dt.datetime
    revoked_at: dt.datetime | None


def hash_of(secret: str) -> str:
    """What is kept of a secret, SHA-256 in hex."""
    # The secrets are 256 random bits, so a plain hash keeps them; passwords get argon2 elsewhere.
    return hashlib.sha256(secret.encode()).hexdigest()


def create(session: WriteSession, name: str) -> PersonInfo:
    """A new person.

    Raises:
        AlreadyUsed: the name is taken.
    """
    person = Person()
    session.add(person)
    session.flush()
    try:
        with session.begin_nested():
            session.add(Identity(person_id=person.id, name=name, password_hash=None))
    except IntegrityError as error:
        raise AlreadyUsed(f"there is a person named {name!r} already") from error
    return PersonInfo(person.id, name)


def everyone(session: ReadSession) -> list[PersonInfo]:
    """All people, by id."""
    rows = session.execute(select(Identity.person_id, Identity.name).order_by(Identity.person_id))
    return [PersonInfo(person_id, name) for person_id, name in rows]


def by_name(session: ReadSession, name: str) -> PersonInfo:
    """The person of that name.

    Raises:
        NotFound: there is none.
    """
    person_id = session.scalar(
        select(Identity.person_id).where(func.lower(Identity.name) == name.lower())
    )
    if person_id is None:
        raise NotFound(f"there is no person named {name!r}")
    return by_id(session, person_id)


def by_id(session: ReadSession, person_id: int) -> PersonInfo:
    """The person of that id.

    Raises:
        NotFound: there is none.
    """
    identity = session.get(Identity, person_id)
    if identity is None:
        raise NotFound(f"there is no person {person_id}")
    return PersonInfo(identity.person_id, identity.name)


def password_hash(session: ReadSession, person_id: int) -> str | None:
    """The person's argon2 hash; None where no password was set."""
    return session.scalar(select(Identity.password_hash).where(Identity.person_id == person_id))


def set_password_hash(session: WriteSession, person_id: int, password_hash: str) -> None:
    """Keep a new argon2 hash and sign the person out everywhere."""
    session.execute(
        update(Identity).where(Identity.person_id == person_id).values(password_hash=password_hash)
    )
    session.execute(delete(WebSession).where(WebSession.person_id == person_id))


def make_link(session: WriteSession, person_id: int, *, valid: dt.timedelta) -> str:
    """The secret of a new single-use login link."""
    secret = secrets.token_urlsafe(32)
    session.add(
        LoginLink(secret_hash=hash_of(secret), person_id=person_id, expires_at=now() + valid)
    )
    return secret


def redeem_link(session: WriteSession, secret: str) -> PersonInfo:
    """Use a login link up.

    Raises:
        NotFound: the link is unknown, used or expired; which of these is not told.
    """
    person_id = session.scalar(
        update(LoginLink)
        .where(
            LoginLink.secret_hash == hash_of(secret),
            LoginLink.used_at.is_(None),
            LoginLink.expires_at > now(),
        )
        .values(used_at=now())
        .returning(LoginLink.person_id)
    )
    if person_id is None:
        raise NotFound("this login link is not valid any more")
    return by_id(session, person_id)


def open_session(session: WriteSession, person_id: int, *, valid: dt.timedelta) -> str:
    """The secret of a new browser session; sessions that have ended are cleared away."""
    session.execute(delete(WebSession).where(WebSession.expires_at <= now()))
    secret = secrets.token_urlsafe(32)
    session.add(
        WebSession(secret_hash=hash_of(secret), person_id=person_id, expires_at=now() + valid)
    )
    return secret


def close_session(session: WriteSession, secret: str) -> None:
    """Sign a browser out; unknown secrets are no error."""
    session.execute(delete(WebSession).where(WebSession.secret_hash == hash_of(secret)))


def by_session(session: ReadSession, secret: str) -> PersonInfo | None:
    """The person whose browser holds this secret; None when it is unknown or has ended."""
    person_id = session.scalar(
        select(WebSession.person_id).where(
            WebSession.secret_hash == hash_of(secret), WebSession.expires_at > now()
        )
    )
    return None if person_id is None else by_id(session, person_id)


def make_token(session: WriteSession, person_id: int, name: str) -> tuple[TokenInfo, str]:
    """A new API token and its secret, which is not kept."""
    secret = f"wnw_{secrets.token_urlsafe(32)}"
    row = ApiToken(person_id=person_id, name=name, secret_hash=hash_of(secret), created_at=now())
    session.add(row)
    session.flush()
    return TokenInfo(row.id, row.name, row.created_at, None), secret


def tokens(session: ReadSession, person_id: int) -> list[TokenInfo]:
    """A person's tokens, oldest first."""
    rows = session.scalars(
        select(ApiToken).where(ApiToken.person_id == person_id).order_by(ApiToken.id)
    )
    return [TokenInfo(row.id, row.name, row.created_at, row.revoked_at) for row in rows]


def revoke_token(session: WriteSession, person_id: int, token_id: int) -> None:
    """Make a token useless.

    Raises:
        NotFound: the person has no such token.
    """
    row = session.get(ApiToken, token_id)
    if row is None or row.person_id != person_id:
        raise NotFound(f"there is no token {token_id}")
    row.revoked_at = row.revoked_at or now()


def by_token(session: ReadSession, secret: str) -> PersonInfo | None:
    """The person who holds this API token; None when it is unknown or revoked."""
    person_id = session.scalar(
        select(ApiToken.person_id).where(
            ApiToken.secret_hash == hash_of(secret), ApiToken.revoked_at.is_(None)
        )
    )
    return None if person_id is None else by_id(session, person_id)
