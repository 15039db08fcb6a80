"""People, their passwords and their API tokens."""

from __future__ import annotations

from dataclasses import dataclass

from api.security import check_password, hash_password
from api.services.reviews.names import check_person_name, check_token_name
from store.core import audit
from store.core.session import Store
from store.reviews import people
from store.reviews.people import PersonInfo, TokenInfo


def add_person(store: Store, name: str) -> PersonInfo:
    """Add a person.

    Raises:
        AlreadyUsed: the name is taken.
        ValueError: the name is empty or too long.
    """
    name = check_person_name(name)
    with store.write() as session:
        person = people.create_person(session, name)
        audit.append_event(session, "person.added", detail={"person": person.id})
    return person


def set_password(store: Store, person_id: int, password: str) -> None:
    """Set a person's password, and sign them out everywhere.

    Raises:
        ValueError: the password is too easy to guess.
    """
    check_password(password)
    hashed = hash_password(password)
    with store.write() as session:
        people.set_password_hash(session, person_id, hashed)
        audit.append_event(session, "person.password", person_id=person_id)


@dataclass(frozen=True, slots=True)
class NewToken:
    """A new API token with its secret, which is shown once and not kept."""

    info: TokenInfo
    secret: str


def create_token(store: Store, person_id: int, name: str) -> NewToken:
    """Create an API token for a person.

    Raises:
        ValueError: the token's name is empty or too long.
    """
    name = check_token_name(name)
    with store.write() as session:
        info, secret = people.create_token(session, person_id, name)
        audit.append_event(session, "token.created", person_id=person_id, detail={"name": name})
    return NewToken(info, secret)


def revoke_token(store: Store, person_id: int, token_id: int) -> None:
    """Revoke a person's API token.

    Raises:
        NotFound: the person has no such token.
    """
    with store.write() as session:
        people.revoke_token(session, person_id, token_id)
        audit.append_event(
            session, "token.revoked", person_id=person_id, detail={"token": token_id}
        )
