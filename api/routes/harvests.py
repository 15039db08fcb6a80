"""Strategies, sources and runs over the API."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api import schemas
from api.deps import LeadDep, PersonDep, ReviewDep, StateDep
from api.services import harvesting, sources, strategies
from store import flow, runs
from store import strategies as stored
from store.runs import RunInfo
from store.session import ReadSession

router = APIRouter(tags=["search"])
IdPath = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("/sources")
def list_sources(state: StateDep, _person: PersonDep) -> list[schemas.SourceOut]:
    """Public sources, what each needs and on which terms."""
    return [schemas.SourceOut.model_validate(item) for item in sources.listed(state.settings)]


def _strategy(
    session: ReadSession, review_id: int, version: int | None = None
) -> schemas.StrategyOut:
    found = strategies.current(session, review_id, version)
    hits = stored.hits(session, found.info.id)
    return schemas.StrategyOut(
        version=found.info.version,
        use=strategies.line_name(found.strategy.use),
        lines=[
            schemas.StrategyLine(
                number=strategies.line_name(line.name),
                label=line.label,
                text=line.text,
                hits={h.source: h.hits for h in hits if h.line == line.name},
            )
            for line in found.strategy.lines.values()
        ],
        notices=list(found.strategy.notices),
        peer_review=found.info.peer_review,
        created_at=found.info.created_at,
        person=found.info.person,
    )


@router.get("/reviews/{slug}/strategy")
def get_strategy(
    state: StateDep,
    review: ReviewDep,
    version: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
) -> schemas.StrategyOut:
    """The newest version of the strategy, or another, with the newest hits of its lines."""
    with state.store.read() as session:
        return _strategy(session, review.id, version)


@router.put("/reviews/{slug}/strategy")
def put_strategy(
    state: StateDep, person: PersonDep, review: LeadDep, body: schemas.StrategyIn
) -> schemas.StrategyOut:
    """Save a new version; the same text again makes none."""
    document = dict(body.document) if body.document is not None else {"text": body.text or ""}
    if body.use is not None:
        document["use"] = body.use
    with state.store.write() as session:
        strategies.unlocked(session, review.id, document, confirm=body.confirm)
        strategies.save(session, review.id, document, reason=body.reason, person_id=person.id)
        return _strategy(session, review.id)


@router.get("/reviews/{slug}/strategy/rendered/{source}")
def get_rendered(
    state: StateDep, review: ReviewDep, source: Annotated[str, Path(max_length=40)]
) -> schemas.RenderedOut:
    """The strategy in a source's syntax, and what the translation loses."""
    with state.store.read() as session:
        rendered = strategies.current(session, review.id).rendered(source)
    return schemas.RenderedOut(
        source=source,
        queries=list(rendered.queries),
        losses=[
            schemas.LossOut.model_validate(strategies.loss_json(loss)) for loss in rendered.losses
        ],
        blocked=rendered.blocked,
    )


@router.post("/reviews/{slug}/strategy/acceptances", status_code=201)
def accept(
    state: StateDep, person: PersonDep, review: LeadDep, body: schemas.AcceptanceIn
) -> schemas.AcceptedOut:
    """Accept in writing what a source loses or changes of the newest version."""
    with state.store.write() as session:
        number = strategies.accept(
            session,
            review.id,
            source=body.source,
            kind=body.kind,
            leaf=body.leaf,
            reason=body.reason,
            person_id=person.id,
        )
        found = strategies.current(session, review.id)
        return schemas.AcceptedOut(
            version=found.info.version,
            accepted=number,
            blocked=found.rendered(body.source).blocked,
        )


def _run(info: RunInfo) -> schemas.RunOut:
    return schemas.RunOut.model_validate(harvesting.as_json(info))


@router.get("/reviews/{slug}/runs")
def list_runs(state: StateDep, review: ReviewDep) -> list[schemas.RunOut]:
    """All runs with their reconciliation, oldest first."""
    with state.store.read() as session:
        return [_run(info) for info in runs.everything(session, review.id)]


@router.post("/reviews/{slug}/runs", status_code=201)
def start_run(
    state: StateDep, person: PersonDep, review: LeadDep, body: schemas.RunIn
) -> schemas.RunOut:
    """Search a source with the newest strategy version; the worker walks the run."""
    (run_id,) = harvesting.begin(
        state.store,
        state.settings,
        review.id,
        body.source,
        person_id=person.id,
        person=person.name,
        line=body.line,
    )
    state.wake()
    with state.store.read() as session:
        return _run(runs.by_id(session, run_id))


@router.post("/reviews/{slug}/runs/{run_id}/resume")
def resume_run(state: StateDep, review: LeadDep, run_id: IdPath) -> schemas.RunOut:
    """Go on with a run that was stopped, blocked or failed."""
    with state.store.write() as session:
        runs.again(session, run_id, review.id)
        session.flush()
        found = _run(runs.by_id(session, run_id))
    state.wake()
    return found


@router.post("/reviews/{slug}/runs/{run_id}/stop")
def stop_run(state: StateDep, person: PersonDep, review: LeadDep, run_id: IdPath) -> schemas.RunOut:
    """Stop a run; it can be resumed."""
    with state.store.write() as session:
        runs.stop(session, run_id, review.id, person_id=person.id)
        session.flush()
        return _run(runs.by_id(session, run_id))


@router.post("/reviews/{slug}/runs/{run_id}/release")
def release_run(
    state: StateDep,
    person: PersonDep,
    review: LeadDep,
    run_id: IdPath,
    body: schemas.ReasonIn,
) -> schemas.RunOut:
    """Let in the records of a run that is held, or that will not be ended."""
    with state.store.write() as session:
        runs.release(session, run_id, review.id, reason=body.reason, person_id=person.id)
        session.flush()
        found = _run(runs.by_id(session, run_id))
    state.wake()
    return found


@router.get("/reviews/{slug}/flow")
def get_flow(state: StateDep, review: ReviewDep) -> schemas.FlowOut:
    """What became of every record that was identified."""
    with state.store.read() as session:
        return schemas.FlowOut.model_validate(flow.flow(session, review.id))
