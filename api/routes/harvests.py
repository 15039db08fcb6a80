"""Strategies, sources and runs over the API."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.deps import LeadRequest, PersonDep, ReadRequest, StateDep
from api.schemas import searching
from api.services.searching import (
    accepting,
    run_changes,
    run_starts,
    sources,
    strategies,
)
from api.services.searching.accepting import Accepted
from api.services.searching.sources import SourceInfo
from api.services.searching.strategies import StrategyDraft
from api.types import IdPath
from store.core.session import ReadSession
from store.searching import flow
from store.searching.flow import Flow
from store.searching.runs import runs
from store.searching.runs.runs import RunInfo
from store.searching.strategies import NewAcceptance, list_hits

router = APIRouter(tags=["search"])


@router.get("/sources")
def list_sources(state: StateDep, _person: PersonDep) -> list[SourceInfo]:
    """Public sources, what each needs and on which terms."""
    return sources.list_sources(state.settings)


def _strategy(
    session: ReadSession, review_id: int, version: int | None = None
) -> searching.StrategyOut:
    current = strategies.get_current(session, review_id, version)
    return searching.StrategyOut(
        version=current.info.version,
        use=strategies.line_name(current.strategy.use),
        lines=strategies.list_counted_lines(current.strategy, list_hits(session, current.info.id)),
        notices=list(current.strategy.notices),
        limit_warnings=strategies.list_limit_warnings(session, review_id, current.strategy),
        peer_review=current.info.peer_review,
        created_at=current.info.created_at,
        person=current.info.person,
    )


@router.get("/reviews/{slug}/strategy")
def get_strategy(
    request: ReadRequest,
    version: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
) -> searching.StrategyOut:
    """The newest version of the strategy, or another, with the newest hits of its lines."""
    with request.store.read() as session:
        return _strategy(session, request.review.id, version)


@router.put("/reviews/{slug}/strategy")
def put_strategy(request: LeadRequest, body: searching.StrategyIn) -> searching.StrategyOut:
    """Save a new version; the same text again makes none."""
    document = dict(body.document) if body.document is not None else {"text": body.text or ""}
    if body.use is not None:
        document["use"] = body.use
    draft = StrategyDraft(document, reason=body.reason, confirm=body.confirm)
    saved = strategies.save_strategy(
        request.store, request.review.id, draft, person_id=request.person.id
    )
    with request.store.read() as session:
        return _strategy(session, request.review.id, saved.info.version)


@router.get("/reviews/{slug}/strategy/rendered/{source}")
def get_rendered(
    request: ReadRequest, source: Annotated[str, Path(max_length=40)]
) -> searching.RenderedOut:
    """The strategy in a source's syntax, and what the translation loses."""
    with request.store.read() as session:
        rendered = strategies.get_current(session, request.review.id).rendered(source)
    return searching.RenderedOut.model_validate(rendered)


@router.post("/reviews/{slug}/strategy/acceptances", status_code=201)
def accept(request: LeadRequest, body: searching.AcceptanceIn) -> Accepted:
    """Accept in writing what a source loses or changes of the newest version."""
    acceptance = NewAcceptance(
        source=body.source, kind=body.kind, leaf=body.leaf, reason=body.reason
    )
    return accepting.accept_losses(
        request.store, request.review.id, acceptance, person_id=request.person.id
    )


def _run(info: RunInfo) -> searching.RunOut:
    return searching.RunOut.model_validate(info)


@router.get("/reviews/{slug}/runs")
def list_runs(request: ReadRequest) -> list[searching.RunOut]:
    """All runs with their reconciliation, oldest first."""
    with request.store.read() as session:
        return [_run(info) for info in runs.list_runs(session, request.review.id)]


@router.post("/reviews/{slug}/runs", status_code=201)
def start_run(request: LeadRequest, body: searching.RunIn) -> searching.RunOut:
    """Search a source with the newest strategy version; the worker walks the run."""
    (run_id,) = run_starts.start_runs(
        request.store,
        request.state.settings,
        request.review.id,
        body.source,
        searcher=request.person,
        line=body.line,
    )
    request.state.wake()
    with request.store.read() as session:
        return _run(runs.get_run(session, run_id))


@router.post("/reviews/{slug}/runs/{run_id}/resume")
def resume_run(request: LeadRequest, run_id: IdPath) -> searching.RunOut:
    """Go on with a run that was stopped, blocked or failed."""
    run = run_changes.resume_run(request.store, request.review.id, run_id)
    request.state.wake()
    return _run(run)


@router.post("/reviews/{slug}/runs/{run_id}/stop")
def stop_run(request: LeadRequest, run_id: IdPath) -> searching.RunOut:
    """Stop a run; it can be resumed."""
    return _run(
        run_changes.stop_run(request.store, request.review.id, run_id, person_id=request.person.id)
    )


@router.post("/reviews/{slug}/runs/{run_id}/release")
def release_run(request: LeadRequest, run_id: IdPath, body: searching.ReasonIn) -> searching.RunOut:
    """Let in the records of a run that is held, or that will not be finished."""
    run = run_changes.release_run(
        request.store,
        request.review.id,
        run_id,
        reason=body.reason,
        person_id=request.person.id,
    )
    request.state.wake()
    return _run(run)


@router.get("/reviews/{slug}/flow")
def get_flow(request: ReadRequest) -> Flow:
    """What became of every record that was identified."""
    with request.store.read() as session:
        return flow.count_flow(session, request.review.id)
