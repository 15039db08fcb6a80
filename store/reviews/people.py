"""People, and the secrets that identify them. Only hashes of secrets are stored."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from dataclasses import dataclass

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from store.core.errors import AlreadyUsed, NotFound
from store.core.session import ReadSession, WriteSession
from store.core.tables import ApiToken, Identity, KnownBrowser, LoginLink, Person, WebSession, now
from store.rules.person_names import make_name_key


@dataclass(frozen=True, slots=True)
class PersonInfo:
    """A person as others see them."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class RenamedPerson:
    """A person whom an upgrade gave another name, since somebody had the same in other letters."""

    id: int
    name: str
    former_name: str


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """An API token without its secret."""

    id: int
    name: str
    created_at: dt.datetime
    revoked_at: dt.datetime | None


def hash_secret(secret: str) -> str:
    """The form in which a secret is stored: SHA-256 in hex."""
    # A plain hash is safe because secrets have 256 random bits; passwords get argon2 elsewhere.
    return hashlib.sha256(secret.encode()).hexdigest()


def create_person(session: WriteSession, name: str) -> PersonInfo:
    """Create a person.

    Raises:
        AlreadyUsed: the name is taken, perhaps in other letters; see ``make_name_key``.
    """
    person = Person()
    session.add(person)
    session.flush()
    identity = Identity(
        person_id=person.id, name=name, name_key=make_name_key(name), password_hash=None
    )
    try:
        with session.begin_nested():
            session.add(identity)
    except IntegrityError as error:
        raise AlreadyUsed(f"there is already a person named {name!r}") from error
    return PersonInfo(person.id, name)


def list_people(session: ReadSession) -> list[PersonInfo]:
    """All people, by id."""
    rows = session.execute(select(Identity.person_id, Identity.name).order_by(Identity.person_id))
    return [PersonInfo(person_id, name) for person_id, name in rows]


def list_renamed_people(session: ReadSession) -> list[RenamedPerson]:
    """People whom an upgrade gave another name, by id."""
    rows = session.execute(
        select(Identity.person_id, Identity.name, Identity.former_name)
        .where(Identity.former_name.is_not(None))
        .order_by(Identity.person_id)
    )
    return [RenamedPerson(person_id, name, str(former)) for person_id, name, former in rows]


def get_person_by_name(session: ReadSession, name: str) -> PersonInfo:
    """The person with a name, whatever its case and form.

    Raises:
        NotFound: there is no such person.
    """
    person_id = session.scalar(
        select(Identity.person_id).where(Identity.name_key == make_name_key(name))
    )
    if person_id is None:
        raise NotFound(f"there is no person named {name!r}")
    return get_person(session, person_id)


def get_person(session: ReadSession, person_id: int) -> PersonInfo:
    """The person with an id.

    Raises:
        NotFound: there is no such person.
    """
    identity = session.get(Identity, person_id)
    if identity is None:
        raise NotFound(f"there is no person {person_id}")
    return PersonInfo(identity.person_id, identity.name)


def get_password_hash(session: ReadSession, person_id: int) -> str | None:
    """The argon2 hash of a person's password; None if no password is set."""
    return session.scalar(select(Identity.password_hash).where(Identity.person_id == person_id))


def set_password_hash(session: WriteSession, person_id: int, password_hash: str) -> None:
    """Store the argon2 hash of a new password, and sign the person out everywhere."""
    session.execute(
        update(Identity).where(Identity.person_id == person_id).values(password_hash=password_hash)
    )
    session.execute(delete(WebSession).where(WebSession.person_id == person_id))


def create_login_link(session: WriteSession, person_id: int, *, valid: dt.timedelta) -> str:
    """Create a single-use login link, and return its secret."""
    secret = secrets.token_urlsafe(32)
    session.add(
        LoginLink(secret_hash=hash_secret(secret), person_id=person_id, expires_at=now() + valid)
    )
    return secret


def redeem_login_link(session: WriteSession, secret: str) -> PersonInfo:
    """Use up a login link, and return its person.

    Raises:
        NotFound: the link is unknown, used or expired; the message does not say which.
    """
    person_id = session.scalar(
        update(LoginLink)
        .where(
            LoginLink.secret_hash == hash_secret(secret),
            LoginLink.used_at.is_(None),
            LoginLink.expires_at > now(),
        )
        .values(used_at=now())
        .returning(LoginLink.person_id)
    )
    if person_id is None:
        raise NotFound("this login link is no longer valid; ask for a new one")
    return get_person(session, person_id)


def create_web_session(session: WriteSession, person_id: int, *, valid: dt.timedelta) -> str:
    """Create a browser session, and return its secret. Expired sessions are deleted."""
    session.execute(delete(WebSession).where(WebSession.expires_at <= now()))
    secret = secrets.token_urlsafe(32)
    session.add(
        WebSession(secret_hash=hash_secret(secret), person_id=person_id, expires_at=now() + valid)
    )
    return secret


def end_web_session(session: WriteSession, secret: str) -> None:
    """Sign a browser out. An unknown secret is not an error."""
    session.execute(delete(WebSession).where(WebSession.secret_hash == hash_secret(secret)))


def create_known_browser(session: WriteSession, person_id: int, *, valid: dt.timedelta) -> str:
    """Note that a person has signed in with a browser; returns the secret for its cookie."""
    session.execute(delete(KnownBrowser).where(KnownBrowser.expires_at <= now()))
    secret = secrets.token_urlsafe(32)
    session.add(
        KnownBrowser(secret_hash=hash_secret(secret), person_id=person_id, expires_at=now() + valid)
    )
    return secret


def is_known_browser(session: ReadSession, secret: str, person_id: int) -> bool:
    """Whether a person has signed in before with the browser that holds a secret."""
    known = select(KnownBrowser.person_id).where(
        KnownBrowser.secret_hash == hash_secret(secret),
        KnownBrowser.person_id == person_id,
        KnownBrowser.expires_at > now(),
    )
    return session.scalar(known) is not None


def create_token(session: WriteSession, person_id: int, name: str) -> tuple[TokenInfo, str]:
    """Create an API token, and return it with its secret, which is not stored."""
    secret = f"wnw_{secrets.token_urlsafe(32)}"
    row = ApiToken(
        person_id=person_id, name=name, secret_hash=hash_secret(secret), created_at=now()
    )
    session.add(row)
    session.flush()
    return TokenInfo(row.id, row.name, row.created_at, None), secret


def list_tokens(session: ReadSession, person_id: int) -> list[TokenInfo]:
    """A person's tokens, oldest first."""
    rows = session.scalars(
        select(ApiToken).where(ApiToken.person_id == person_id).order_by(ApiToken.id)
    )
    return [TokenInfo(row.id, row.name, row.created_at, row.revoked_at) for row in rows]


def revoke_token(session: WriteSession, person_id: int, token_id: int) -> None:
    """Revoke a token.

    Raises:
        NotFound: the person has no such token.
    """
    row = session.get(ApiToken, token_id)
    if row is None or row.person_id != person_id:
        raise NotFound(f"there is no token {token_id}")
    row.revoked_at = row.revoked_at or now()
