"""Who is asking, and their API tokens."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import PersonDep, StateDep
from api.schemas.people import TokenIn, TokenOut
from api.services.reviews import accounts
from api.types import IdPath
from store.reviews import people
from store.reviews.people import PersonInfo

router = APIRouter(tags=["people"])


@router.get("/me")
def me(person: PersonDep) -> PersonInfo:
    """The person who asks."""
    return person


@router.get("/tokens")
def list_tokens(state: StateDep, person: PersonDep) -> list[TokenOut]:
    """Your API tokens."""
    with state.store.read() as session:
        tokens = people.list_tokens(session, person.id)
    return [TokenOut.model_validate(token) for token in tokens]


@router.post("/tokens", status_code=201)
def create_token(state: StateDep, person: PersonDep, body: TokenIn) -> TokenOut:
    """Create an API token; its secret is shown this once."""
    new = accounts.create_token(state.store, person.id, body.name)
    return TokenOut.model_validate(new.info).model_copy(update={"secret": new.secret})


@router.delete("/tokens/{token_id}", status_code=204)
def revoke_token(state: StateDep, person: PersonDep, token_id: IdPath) -> None:
    """Revoke one of your API tokens."""
    accounts.revoke_token(state.store, person.id, token_id)
