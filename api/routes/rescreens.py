"""Screening again what was decided under older criteria; deviations from the protocol."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from api import schemas_team
from api.deps import LeadDep, PersonDep, ReviewDep, StageQuery, StateDep
from harvest.text import fold
from store import rescreens
from store.rescreens import Pick
from store.session import ReadSession

router = APIRouter(tags=["screening"])


@router.get("/reviews/{slug}/rescreens")
def list_rescreens(
    state: StateDep, review: ReviewDep, stage: StageQuery = "title-abstract"
) -> schemas_team.RescreensOut:
    """What counts and was decided under older criteria, and what is screened again."""
    with state.store.read() as session:
        return _everything(session, review.id, stage)


@router.post("/reviews/{slug}/rescreens", status_code=201)
def ask_again(
    state: StateDep,
    person: PersonDep,
    review: LeadDep,
    body: schemas_team.RescreenIn,
    stage: StageQuery = "title-abstract",
) -> schemas_team.RescreensOut:
    """Have records screened again; until they are, their old decisions count nowhere."""
    pick = Pick(body.decision, body.reasons, fold(body.q), body.version)
    with state.store.write() as session:
        rescreens.ask(
            session, review.id, pick, reason=body.reason, person_id=person.id, stage=stage
        )
        found = _everything(session, review.id, stage)
    state.wake()
    return found


@router.delete("/reviews/{slug}/rescreens/{list_id}")
def take_back(
    state: StateDep,
    person: PersonDep,
    review: LeadDep,
    list_id: Annotated[int, Path(ge=1, le=2**63 - 1)],
    stage: StageQuery = "title-abstract",
) -> schemas_team.RescreensOut:
    """Take a list back: what was decided before stands again."""
    with state.store.write() as session:
        rescreens.withdraw(session, review.id, list_id, person_id=person.id)
        found = _everything(session, review.id, stage)
    state.wake()
    return found


@router.get("/reviews/{slug}/deviations")
def list_deviations(state: StateDep, review: ReviewDep) -> list[schemas_team.DeviationOut]:
    """Changes of the protocol after screening began, each with its reason."""
    with state.store.read() as session:
        found = rescreens.deviations(session, review.id)
        return [schemas_team.DeviationOut.model_validate(each) for each in found]


def _everything(session: ReadSession, review_id: int, stage: str) -> schemas_team.RescreensOut:
    return schemas_team.RescreensOut(
        older=[
            schemas_team.OlderOut.model_validate(each)
            for each in rescreens.older(session, review_id, stage)
        ],
        lists=[
            schemas_team.RescreenOut.model_validate(each)
            for each in rescreens.everything(session, review_id)
        ],
    )
