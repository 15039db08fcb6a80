"""The queue, decisions, rankings, progress, report and exports of a review."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.responses import JSONResponse, Response, StreamingResponse

from api.deps import ReadRequest, ReviewRequest, ScreenRequest
from api.documents import exports
from api.documents.downloads import export_response
from api.documents.exports import ExportChoice
from api.routes import figures
from api.schemas.base import answer
from api.schemas.jobs import JobOut
from api.schemas.reviews import CountsOut
from api.schemas.screening import (
    DecisionIn,
    DecisionOut,
    LoggedDecision,
    ProgressOut,
    QueueIn,
    QueueOut,
    RankingOut,
    RankingState,
    StoredDecision,
    UndoIn,
)
from api.services.ranking import order_state
from api.services.reporting.screening_report import ScreeningReport, build_report
from api.services.reporting.stored_results import SCREENING
from api.services.screening import cards, deciding, progress
from api.services.screening.cards import CardRequest
from api.services.screening.deciding import RecordedDecision
from api.types import MAX_ID
from store.core import jobs
from store.reports import record_counts
from store.screening import decided_reports, imported_decisions, rankings
from store.screening.decision_log import list_log
from store.screening.decisions import NewDecision
from store.screening.imported_decisions import ImportedInfo
from store.screening.independent_decisions import list_corrections

router = APIRouter(tags=["screening"])
_EXPORTS: dict[str, Any] = {kind.media_type.split(";")[0]: {} for kind in exports.FORMATS.values()}


@router.post("/reviews/{slug}/queue/next", response_model=QueueOut)
def next_cards(request: ScreenRequest, body: QueueIn) -> Response:
    """Lease the next cards; the cards that you do not keep go back."""
    card_request = CardRequest(
        number=body.n,
        lease_minutes=request.state.settings.lease_minutes,
        keep=body.keep,
        again=body.again,
        stage=body.stage,
    )
    hand = cards.lease_next_cards(
        request.store, request.state.queues, request.review.id, request.person.id, card_request
    )
    return answer(QueueOut.of(hand))


@router.post("/reviews/{slug}/decisions", response_model=StoredDecision)
def decide(request: ScreenRequest, body: DecisionIn) -> Response:
    """Store a decision; the same token again changes nothing and gets the same answer."""
    new = NewDecision(
        token=body.token,
        report_id=body.report,
        decision=body.decision,
        stage=body.stage,
        note=body.note,
        reasons=body.reasons,
        questions=body.questions,
        replaces=body.replaces,
        ranking_id=body.ranking,
        place=body.place,
        shown_at=body.shown_at,
        decided_at=body.decided_at,
        text_hash=body.text_hash,
    )
    recorded = deciding.record_decision(request.store, request.review.id, request.person.id, new)
    return _answer(request, recorded)


@router.post("/reviews/{slug}/decisions/undo", response_model=StoredDecision)
def undo(request: ScreenRequest, body: UndoIn) -> Response:
    """Undo a decision; the one before it, if any, counts again."""
    review_id, person_id = request.review.id, request.person.id
    with request.store.read() as session:
        decision_id = decided_reports.get_id_by_token(session, review_id, body.undoes)
    recorded = deciding.undo_decision(request.store, review_id, person_id, decision_id, body.token)
    return _answer(request, recorded)


def _answer(request: ReviewRequest, recorded: RecordedDecision) -> Response:
    if recorded.stored:
        request.state.wake()
    return answer(StoredDecision.model_validate(recorded))


@router.get("/reviews/{slug}/decisions")
def decision_log(
    request: ReadRequest,
    report: Annotated[int | None, Query(ge=1, le=MAX_ID)] = None,
    after: Annotated[int, Query(ge=0, le=MAX_ID)] = 0,
) -> list[LoggedDecision]:
    """The decision log as it was written, undone and superseded lines included.

    On reports that still need other people's decisions you see only your own lines. A correction
    is a decision made after a record had all the decisions it needed.
    """
    with request.store.read() as session:
        lines = list_log(
            session, request.review.id, seen_by=request.person.id, report_id=report, after=after
        )
        corrections = list_corrections(session, request.review.id, report_id=report)
        return [
            LoggedDecision(
                **DecisionOut.model_validate(line).model_dump(), correction=line.id in corrections
            )
            for line in lines
        ]


@router.get("/reviews/{slug}/imported-decisions")
def list_imported_decisions(request: ReadRequest) -> list[ImportedInfo]:
    """Decisions as imported files hold them, by person and stage; none of them counts by itself.

    As with colleagues' decisions, those on records that await decisions are left out.
    """
    with request.store.read() as session:
        return imported_decisions.list_imported(
            session, request.review.id, seen_by=request.person.id
        )


@router.get("/reviews/{slug}/ranking")
def ranking_state(request: ReadRequest) -> RankingState:
    """The newest ranking, whether a newer one is due, and how far the worker is."""
    return _ranking_state(request)


@router.post("/reviews/{slug}/ranking", status_code=202)
def request_ranking(request: ScreenRequest) -> RankingState:
    """Ask for a new ranking, whether or not anything has changed."""
    cards.request_ranking(request.store, request.review.id)
    request.state.wake()
    return _ranking_state(request)


def _ranking_state(request: ReviewRequest) -> RankingState:
    with request.store.read() as session:
        ranking = rankings.get_newest_ranking(session, request.review.id)
        return RankingState(
            ranking=RankingOut.model_validate(ranking) if ranking else None,
            due=request.review.id in rankings.list_reviews_to_rank(session),
            behind=order_state.describe_state(session, request.review.id, ranking),
            jobs=[
                JobOut.model_validate(job)
                for job in jobs.list_recent_jobs(session, request.review.id)
            ],
        )


@router.get("/reviews/{slug}/progress")
def get_progress(request: ReadRequest) -> ProgressOut:
    """Includes found against records read: counts, never shares of an unknown total."""
    with request.store.read() as session:
        points = progress.list_progress(session, request.review.id)
        counts = record_counts.count_reports(session, request.review.id)
    return ProgressOut(
        counts=CountsOut.model_validate(counts),
        read=[point.read for point in points],
        found=[point.found for point in points],
    )


@router.get(
    "/reviews/{slug}/screening-report",
    response_model=ScreeningReport,
    responses=figures.NOT_READY,
)
def get_report(request: ReadRequest) -> ScreeningReport | JSONResponse:
    """How the records were screened, in sentences with their numbers."""
    found = figures.get_figures(request, SCREENING)
    if found.value is None:
        return figures.not_ready(found)
    now = dt.datetime.now(dt.UTC)
    with request.store.read() as session:
        return build_report(
            session, request.review.id, seen_by=request.person.id, at=now, figures=found
        )


@router.get(
    "/reviews/{slug}/exports/{file_format}",
    response_class=StreamingResponse,
    responses={
        200: {"content": {kind.media_type.split(";")[0]: {} for kind in exports.FORMATS.values()}}
    },
)
def get_export(
    request: ReadRequest,
    file_format: Annotated[str, Path(pattern="^(csv|xlsx|ris|bib|jsonl)$")],
    which: Annotated[str, Query(pattern="^(all|include|exclude|maybe|undecided)$")] = "all",
    audience: Annotated[str, Query(pattern="^(team|public)$")] = "team",
) -> StreamingResponse:
    """Records with decisions and scores as CSV, XLSX, RIS, BibTeX or JSON Lines.

    For the public, abstracts that their source does not allow to be shared are left out.
    """
    return export_response(request, file_format, ExportChoice(which, audience))
