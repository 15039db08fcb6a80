"""How far people agree, and pilot rounds."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import JSONResponse

from api.deps import LeadRequest, ReadRequest, ReviewRequest, StageQuery
from api.routes import figures
from api.schemas.agreement import (
    AgreementOut,
    PilotEndIn,
    PilotIn,
    PilotOut,
    SwitchIn,
    SwitchOut,
)
from api.services.reporting.stored_results import SCREENING
from api.services.screening.agreement import measure_agreement, name_people
from api.services.screening.pilots import close_round, start_round
from api.services.screening.switching import measure_switch_state, switch_to_one_person
from store.core.errors import NotFound
from store.rules.plans import TITLE_ABSTRACT
from store.screening import independent_decisions, pilots
from store.screening.pilots import RoundRequest

router = APIRouter(tags=["screening"])


@router.get("/reviews/{slug}/agreement", response_model=AgreementOut, responses=figures.NOT_READY)
def agreement(
    request: ReadRequest, stage: StageQuery = "title-abstract"
) -> AgreementOut | JSONResponse:
    """How far people agree on their first, independent decisions, with intervals."""
    if stage != TITLE_ABSTRACT:
        with request.store.read() as session:
            return AgreementOut.of(measure_agreement(session, request.review.id, stage=stage))
    found = figures.get_figures(request, SCREENING)
    if found.value is None:
        return figures.not_ready(found)
    with request.store.read() as session:
        names = independent_decisions.list_names(session)
    return AgreementOut.of(name_people(found.value.agreement, names), found.worked_out)


@router.get("/reviews/{slug}/agreement/switch")
def get_switch(request: ReadRequest) -> SwitchOut:
    """How far a team is on the way from two people for every record to one."""
    with request.store.read() as session:
        state = measure_switch_state(session, request.review.id)
    if state is None:
        raise NotFound("the protocol's plan does not begin with two people for every record")
    return SwitchOut.model_validate(state)


@router.post("/reviews/{slug}/agreement/switch")
def make_switch(request: LeadRequest, body: SwitchIn) -> SwitchOut:
    """Switch from two people for every record to one; below the threshold with a reason."""
    state = switch_to_one_person(
        request.store, request.review.id, reason=body.reason, person_id=request.person.id
    )
    request.state.wake()
    return SwitchOut.model_validate(state)


@router.get("/reviews/{slug}/pilots")
def list_pilots(request: ReadRequest, stage: StageQuery = "title-abstract") -> list[PilotOut]:
    """Pilot rounds, oldest first."""
    return _rounds(request, stage)


@router.post("/reviews/{slug}/pilots", status_code=201)
def begin_pilot(
    request: LeadRequest, body: PilotIn, stage: StageQuery = "title-abstract"
) -> list[PilotOut]:
    """Start a round: every reviewer decides the same records, and nothing else meanwhile."""
    round_request = RoundRequest(body.size, body.seed, stage)
    start_round(request.store, request.review.id, round_request, person_id=request.person.id)
    return _rounds(request, stage)


@router.post("/reviews/{slug}/pilots/close")
def close_pilot(
    request: LeadRequest, body: PilotEndIn, stage: StageQuery = "title-abstract"
) -> list[PilotOut]:
    """Close the open round; records on which people differ become conflicts."""
    close_round(
        request.store, request.review.id, note=body.note, person_id=request.person.id, stage=stage
    )
    request.state.wake()
    return _rounds(request, stage)


def _rounds(request: ReviewRequest, stage: str) -> list[PilotOut]:
    review_id = request.review.id
    with request.store.read() as session:
        return [
            PilotOut.of(
                pilot,
                measure_agreement(session, review_id, among=pilot.report_ids, stage=stage),
            )
            for pilot in pilots.list_rounds(session, review_id, stage)
        ]
