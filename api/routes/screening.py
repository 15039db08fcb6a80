"""The queue, decisions, rankings, progress and exports of a review."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import StreamingResponse

from api import schemas
from api.deps import PersonDep, ReviewDep, ScreenDep, StateDep
from api.documents import exports
from api.routes import views
from api.services import screening
from api.state import State
from store import decisions, jobs, rankings, records, reviews
from store.reviews import ReviewInfo

router = APIRouter(tags=["screening"])


@router.post("/reviews/{slug}/queue/next")
def next_cards(
    state: StateDep, person: PersonDep, review: ScreenDep, body: schemas.QueueIn
) -> schemas.QueueOut:
    """Lease the next cards; your leases on cards that you do not keep go back."""
    with state.store.write() as session:
        hand = screening.next_cards(
            session,
            state.orders,
            review.id,
            person.id,
            number=body.n,
            keep=body.keep,
            lease_minutes=state.settings.lease_minutes,
            again=body.again,
            stage=body.stage,
        )
        return views.hand(hand)


@router.post("/reviews/{slug}/decisions")
def decide(
    state: StateDep, person: PersonDep, review: ScreenDep, body: schemas.DecisionIn
) -> schemas.StoredDecision:
    """Store a decision; the same token again changes nothing and gives the same answer."""
    new = decisions.NewDecision(
        token=body.token,
        report_id=body.report,
        decision=body.decision,
        stage=body.stage,
        note=body.note,
        reasons=tuple(body.reasons),
        questions=tuple(body.questions),
        ranking_id=body.ranking,
        place=body.place,
        shown_at=body.shown_at,
        decided_at=body.decided_at,
        text_hash=body.text_hash,
    )
    done, stored = screening.decide(state.store, review.id, person.id, new)
    if stored:
        state.wake()
    return schemas.StoredDecision(decision=views.decision(done), stored=stored)


@router.post("/reviews/{slug}/decisions/undo")
def undo(
    state: StateDep, person: PersonDep, review: ScreenDep, body: schemas.UndoIn
) -> schemas.StoredDecision:
    """Undo a decision; the one before it, if any, counts again."""
    with state.store.read() as session:
        target = decisions.id_of_token(session, review.id, body.undoes)
    done, stored = screening.undo(state.store, review.id, person.id, target, body.token)
    if stored:
        state.wake()
    return schemas.StoredDecision(decision=views.decision(done), stored=stored)


@router.get("/reviews/{slug}/decisions")
def decision_log(
    state: StateDep,
    person: PersonDep,
    review: ReviewDep,
    report: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    after: Annotated[int, Query(ge=0, le=2**63 - 1)] = 0,
) -> list[schemas.DecisionOut]:
    """The decision log as it was written, undone and superseded lines included.

    Of reports that others are still to decide there are your own lines alone.
    """
    with state.store.read() as session:
        found = decisions.log(session, review.id, seen_by=person.id, report_id=report, after=after)
        return [views.decision(info) for info in found]


@router.get("/reviews/{slug}/ranking")
def ranking_state(state: StateDep, review: ReviewDep) -> schemas.RankingState:
    """The newest ranking, whether a newer one is due, and how far the worker is."""
    return _ranking(state, review)


@router.post("/reviews/{slug}/ranking", status_code=202)
def request_ranking(state: StateDep, review: ScreenDep) -> schemas.RankingState:
    """Ask for a new ranking although nothing has changed."""
    with state.store.write() as session:
        reviews.touch(session, review.id)
    state.wake()
    return _ranking(state, review)


def _ranking(state: State, review: ReviewInfo) -> schemas.RankingState:
    with state.store.read() as session:
        newest = rankings.newest(session, review.id)
        return schemas.RankingState(
            ranking=schemas.RankingOut.model_validate(newest) if newest else None,
            due=review.id in rankings.due(session),
            jobs=[schemas.JobOut.model_validate(job) for job in jobs.newest(session, review.id)],
        )


@router.get("/reviews/{slug}/progress")
def get_progress(state: StateDep, review: ReviewDep) -> schemas.ProgressOut:
    """Includes found against records read: counts, never shares of an unknown total."""
    with state.store.read() as session:
        points = screening.progress(session, review.id)
        return schemas.ProgressOut(
            counts=views.counts(records.counts(session, review.id)),
            read=[point.read for point in points],
            found=[point.found for point in points],
        )


@router.get(
    "/reviews/{slug}/exports/{file_format}",
    response_class=StreamingResponse,
    responses={200: {"content": {kind.split(";")[0]: {} for kind in exports.FORMATS.values()}}},
)
def get_export(
    state: StateDep,
    review: ReviewDep,
    file_format: Annotated[str, Path(pattern="^(csv|ris|jsonl)$")],
    which: Annotated[str, Query(pattern="^(all|include|exclude|maybe|undecided)$")] = "all",
    audience: Annotated[str, Query(pattern="^(team|public)$")] = "team",
) -> StreamingResponse:
    """Records with decisions and scores as CSV, RIS or JSON Lines.

    For the public, abstracts that their source does not let be shared are left out.
    """
    return export_response(state, review, file_format, which, audience)


def export_response(
    state: State, review: ReviewInfo, file_format: str, which: str, audience: str
) -> StreamingResponse:
    """An export as a download; the pieces are made in the transaction that they are read in."""

    def pieces() -> Iterator[str]:
        with state.store.read() as session:
            yield from exports.export(
                session,
                review.id,
                file_format,
                which,
                terms=state.settings.terms,
                audience=audience,
            )

    name = f"{review.slug}-{which}{'-public' if audience == 'public' else ''}.{file_format}"
    return StreamingResponse(
        pieces(),
        media_type=exports.FORMATS[file_format],
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )
