"""Who is asking, and API tokens."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from api import schemas
from api.deps import PersonDep, StateDep
from store import audit, people

router = APIRouter(tags=["people"])


@router.get("/me")
def me(person: PersonDep) -> schemas.PersonOut:
    """The person who asks."""
    return schemas.PersonOut.model_validate(person)


@router.get("/tokens")
def list_tokens(state: StateDep, person: PersonDep) -> list[schemas.TokenOut]:
    """Your API tokens."""
    with state.store.read() as session:
        found = people.tokens(session, person.id)
        return [schemas.TokenOut.model_validate(info) for info in found]


@router.post("/tokens", status_code=201)
def create_token(state: StateDep, person: PersonDep, body: schemas.TokenIn) -> schemas.TokenOut:
    """Make an API token; its secret is told this once."""
    with state.store.write() as session:
        info, secret = people.make_token(session, person.id, body.name)
        audit.append(session, "token.created", person_id=person.id, detail={"name": body.name})
    return schemas.TokenOut.model_validate(info).model_copy(update={"secret": secret})


@router.delete("/tokens/{token_id}", status_code=204)
def revoke_token(
    state: StateDep, person: PersonDep, token_id: Annotated[int, Path(ge=1, le=2**63 - 1)]
) -> None:
    """Make one of your API tokens useless."""
    with state.store.write() as session:
        people.revoke_token(session, person.id, token_id)
        audit.append(session, "token.revoked", person_id=person.id, detail={"token": token_id})
