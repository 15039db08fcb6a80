"""Records on which people differ, and how far people agree; pilot rounds."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Query

from api import schemas, schemas_team
from api.deps import LeadDep, PersonDep, ReviewDep, ScreenDep, StageQuery, StateDep
from api.routes import views
from api.services import agreeing, conflicts
from api.services.screening_report import screening_report
from harvest.text import fold
from store import discussion, pilots
from store.decisions import NewDecision
from store.session import ReadSession
from store.settlements import Wanted

router = APIRouter(tags=["screening"])


@router.get("/reviews/{slug}/conflicts")
def list_conflicts(
    state: StateDep,
    person: PersonDep,
    review: ScreenDep,
    between: Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")] = "",
    against: Annotated[str, Query(pattern="^(|include|maybe)$")] = "",
    q: Annotated[str, Query(max_length=500, pattern=r"^[^\x00]*$")] = "",
) -> list[schemas_team.DifferingOut]:
    """Records on which people differ: all to whoever adjudicates, to others their own; 50 at most.

    Narrowed by one of those who differ, by what stands against an exclude, by words.
    """
    wanted = Wanted(between=between, against=against, text=fold(q))
    with state.store.read() as session:
        _, found = conflicts.open_for(session, review.id, person, wanted)
        return [
            schemas_team.DifferingOut(
                record=views.record(each.stored),
                decisions=[views.decision(info) for info in each.decisions],
            )
            for each in found
        ]


@router.post("/reviews/{slug}/conflicts")
def settle_conflict(
    state: StateDep, person: PersonDep, review: ScreenDep, body: schemas_team.SettlementIn
) -> schemas.StoredDecision:
    """Settle a conflict, jointly or as a third person; the same token again changes nothing."""
    new = NewDecision(
        body.token, body.report, body.decision, note=body.note, questions=body.questions
    )
    done, stored = conflicts.settle(
        state.store, review.id, person.id, new, joint_with=body.joint_with
    )
    if stored:
        state.wake()
    return schemas.StoredDecision(decision=views.decision(done), stored=stored)


def _agreement(found: agreeing.Agreed) -> schemas_team.AgreementOut:
    return schemas_team.AgreementOut(
        records=found.records,
        people=found.people,
        alpha=schemas_team.MeasureOut.model_validate(found.alpha),
        pairs=[
            schemas_team.PairAgreementOut(
                people=pair.people,
                records=pair.joined.records,
                raw=schemas_team.MeasureOut.model_validate(pair.joined.raw),
                kappa=schemas_team.MeasureOut.model_validate(pair.joined.kappa),
                kappa_three_words=schemas_team.MeasureOut.model_validate(pair.three.kappa),
                adjusted_kappa=schemas_team.MeasureOut.model_validate(pair.joined.adjusted),
            )
            for pair in found.pairs
        ],
    )


@router.get("/reviews/{slug}/agreement")
def agreement(
    state: StateDep, review: ReviewDep, stage: StageQuery = "title-abstract"
) -> schemas_team.AgreementOut:
    """How far people agree on what each first decided by themselves, with intervals."""
    with state.store.read() as session:
        return _agreement(agreeing.agreed(session, review.id, stage=stage))


@router.get("/reviews/{slug}/screening-report")
def get_report(
    state: StateDep, person: PersonDep, review: ReviewDep
) -> schemas_team.ScreeningReportOut:
    """How the records were screened, in sentences with their numbers."""
    with state.store.read() as session:
        found = screening_report(session, review.id, seen_by=person.id, at=dt.datetime.now(dt.UTC))
    return schemas_team.ScreeningReportOut.model_validate(found)


@router.get("/reviews/{slug}/pilots")
def list_pilots(
    state: StateDep, review: ReviewDep, stage: StageQuery = "title-abstract"
) -> list[schemas_team.PilotOut]:
    """Pilot rounds, oldest first."""
    with state.store.read() as session:
        return _pilots(session, review.id, stage)


@router.post("/reviews/{slug}/pilots", status_code=201)
def begin_pilot(
    state: StateDep,
    person: PersonDep,
    review: LeadDep,
    body: schemas_team.PilotIn,
    stage: StageQuery = "title-abstract",
) -> list[schemas_team.PilotOut]:
    """Open a round: everybody who screens decides the same records, and nothing else meanwhile."""
    with state.store.write() as session:
        pilots.begin(
            session, review.id, body.size, person_id=person.id, seed=body.seed, stage=stage
        )
        return _pilots(session, review.id, stage)


@router.post("/reviews/{slug}/pilots/close")
def close_pilot(
    state: StateDep,
    person: PersonDep,
    review: LeadDep,
    body: schemas_team.PilotEndIn,
    stage: StageQuery = "title-abstract",
) -> list[schemas_team.PilotOut]:
    """Close the open round; what people differ on becomes a conflict."""
    with state.store.write() as session:
        pilots.close(session, review.id, person_id=person.id, note=body.note, stage=stage)
        found = _pilots(session, review.id, stage)
    state.wake()
    return found


def _pilots(session: ReadSession, review_id: int, stage: str) -> list[schemas_team.PilotOut]:
    return [
        schemas_team.PilotOut(
            number=each.number,
            records=len(each.report_ids),
            people=[schemas_team.PilotPartOut.model_validate(part) for part in each.parts],
            opened_at=each.opened_at,
            closed_at=each.closed_at,
            note=each.note,
            agreement=_agreement(
                agreeing.agreed(session, review_id, among=each.report_ids, stage=stage)
            ),
        )
        for each in pilots.everything(session, review_id, stage)
    ]


@router.get("/reviews/{slug}/discussion")
def list_notes(state: StateDep, review: ReviewDep) -> list[schemas_team.CriteriaNoteOut]:
    """Notes to the team on the criteria, oldest first."""
    with state.store.read() as session:
        return _notes(session, review.id)


@router.post("/reviews/{slug}/discussion", status_code=201)
def add_note(
    state: StateDep, person: PersonDep, review: ScreenDep, body: schemas_team.CriteriaNoteIn
) -> list[schemas_team.CriteriaNoteOut]:
    """Write a note on the criteria; on a record only once nobody is to decide it any more."""
    with state.store.write() as session:
        discussion.add(session, review.id, person.id, body.text, report_id=body.report)
        return _notes(session, review.id)


def _notes(session: ReadSession, review_id: int) -> list[schemas_team.CriteriaNoteOut]:
    return [
        schemas_team.CriteriaNoteOut.model_validate(each)
        for each in discussion.everything(session, review_id)
    ]
