"""Records on which people differ, and how far people agree."""

from __future__ import annotations

from fastapi import APIRouter

from api import schemas, schemas_team
from api.deps import PersonDep, ReviewDep, ScreenDep, StateDep
from api.routes import views
from api.services import agreeing, conflicts
from store.decisions import NewDecision

router = APIRouter(tags=["screening"])


@router.get("/reviews/{slug}/conflicts")
def list_conflicts(
    state: StateDep, person: PersonDep, review: ScreenDep
) -> list[schemas_team.DifferingOut]:
    """Records on which people differ: all to whoever adjudicates, to others their own."""
    with state.store.read() as session:
        return [
            schemas_team.DifferingOut(
                record=views.record(each.stored),
                decisions=[views.decision(info) for info in each.decisions],
            )
            for each in conflicts.open_for(session, review.id, person)
        ]


@router.post("/reviews/{slug}/conflicts")
def settle_conflict(
    state: StateDep, person: PersonDep, review: ScreenDep, body: schemas_team.SettlementIn
) -> schemas.StoredDecision:
    """Settle a conflict, jointly or as a third person; the same token again changes nothing."""
    new = NewDecision(body.token, body.report, body.decision, note=body.note)
    done, stored = conflicts.settle(
        state.store, review.id, person.id, new, joint_with=body.joint_with
    )
    if stored:
        state.wake()
    return schemas.StoredDecision(decision=views.decision(done), stored=stored)


@router.get("/reviews/{slug}/agreement")
def agreement(state: StateDep, review: ReviewDep) -> schemas_team.AgreementOut:
    """How far people agree on what each first decided by themselves, with intervals."""
    with state.store.read() as session:
        found = agreeing.agreed(session, review.id)
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
