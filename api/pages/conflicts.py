"""The pages of conflicts, settled by the two or by a third, and of agreement and pilot rounds."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.deps import LeadDep, PersonDep, ReviewDep, ScreenDep, StateDep
from api.documents.screening_report import as_markdown
from api.pages.render import page
from api.pages.screening import ReasonsForm
from api.services import agreeing, conflicts
from api.services.screening_report import ScreeningReport, screening_report
from api.state import State
from harvest.text import fold
from store import discussion, members, pilots, questions, reasons, reviews
from store.decisions import NewDecision
from store.errors import Conflict, NotAllowed, NotFound
from store.people import PersonInfo
from store.reviews import ReviewInfo
from store.settlements import Wanted

router = APIRouter()
_ALL = Wanted()


def _page(
    request: Request,
    state: State,
    person: PersonInfo,
    review: ReviewInfo,
    *,
    wanted: Wanted = _ALL,
    q: str = "",
    problem: str | None = None,
    status: int = 200,
) -> HTMLResponse:
    with state.store.read() as session:
        total, found = conflicts.open_for(session, review.id, person, wanted)
        body = reviews.protocol(session, review.id).body
        notes = discussion.everything(session, review.id)
        screeners = members.screening(session, review.id)
    return page(
        request,
        "conflicts.html",
        status=status,
        review=review,
        conflicts=[(each, str(uuid.uuid4())) for each in found],
        total=total,
        wanted=wanted,
        q=q,
        notes=notes,
        names=[each.name for each in screeners],
        reasons=reasons.texts(body),
        questions=questions.texts(body),
        problem=problem,
    )


@router.get("/reviews/{slug}/conflicts")
def conflicts_page(
    request: Request,
    state: StateDep,
    person: PersonDep,
    review: ScreenDep,
    between: Annotated[str, Query(max_length=200)] = "",
    against: Annotated[str, Query(pattern="^(|include|maybe)$")] = "",
    q: Annotated[str, Query(max_length=500)] = "",
) -> HTMLResponse:
    """Records on which people differ: all to whoever adjudicates, to others their own."""
    words = q.replace("\x00", "")
    wanted = Wanted(between=between.replace("\x00", ""), against=against, text=fold(words))
    return _page(request, state, person, review, wanted=wanted, q=words)


@router.post("/reviews/{slug}/conflicts/discussion")
def add_note(
    request: Request,
    state: StateDep,
    person: PersonDep,
    review: ScreenDep,
    text: Annotated[str, Form(max_length=10_000)] = "",
    report: Annotated[str, Form(pattern="^[0-9]{0,18}$")] = "",
) -> Response:
    """Write a note on the criteria to the team."""
    try:
        with state.store.write() as session:
            discussion.add(
                session,
                review.id,
                person.id,
                text.replace("\x00", ""),
                report_id=int(report) if report else None,
            )
    except (Conflict, ValueError) as error:
        status = 409 if isinstance(error, Conflict) else 422
        return _page(request, state, person, review, problem=f"{error}.", status=status)
    return RedirectResponse(f"/reviews/{review.slug}/conflicts#discussion", status_code=303)


@router.post("/reviews/{slug}/conflicts")
def settle(
    request: Request,
    state: StateDep,
    person: PersonDep,
    review: ScreenDep,
    report: Annotated[int, Form(ge=1, le=2**63 - 1)],
    token: Annotated[str, Form(min_length=1, max_length=100)],
    decision: Annotated[str, Form(pattern="^(include|exclude)$")],
    note: Annotated[str, Form(max_length=10_000)] = "",
    joint_with: Annotated[str, Form(pattern="^[0-9]{0,18}$")] = "",
    question: ReasonsForm = (),
) -> Response:
    """Settle one, and go on to the next."""
    new = NewDecision(
        token,
        report,
        decision,
        note=note.replace("\x00", "").strip() or None,
        questions=tuple(question) if decision == "include" else (),
    )
    try:
        conflicts.settle(
            state.store,
            review.id,
            person.id,
            new,
            joint_with=int(joint_with) if joint_with else None,
        )
    except (Conflict, NotFound) as error:
        return _page(request, state, person, review, problem=f"{error}.", status=409)
    except (NotAllowed, ValueError) as error:
        return _page(request, state, person, review, problem=str(error), status=422)
    state.wake()
    return RedirectResponse(f"/reviews/{review.slug}/conflicts", status_code=303)


def _agreement(
    request: Request,
    state: State,
    review: ReviewInfo,
    *,
    problem: str | None = None,
    status: int = 200,
) -> HTMLResponse:
    with state.store.read() as session:
        found = agreeing.agreed(session, review.id)
        rounds = [
            (each, agreeing.agreed(session, review.id, among=each.report_ids))
            for each in pilots.everything(session, review.id)
        ]
    return page(
        request,
        "agreement.html",
        status=status,
        review=review,
        agreed=found,
        rounds=rounds,
        running=any(each.closed_at is None for each, _ in rounds),
        problem=problem,
    )


@router.get("/reviews/{slug}/agreement")
def agreement_page(request: Request, state: StateDep, review: ReviewDep) -> HTMLResponse:
    """How far people agree, per pair and over time; pilot rounds."""
    return _agreement(request, state, review)


@router.get("/reviews/{slug}/screening-report")
def report_page(
    request: Request, state: StateDep, person: PersonDep, review: ReviewDep
) -> HTMLResponse:
    """How the records were screened."""
    return page(
        request,
        "screening_report.html",
        review=review,
        report=_report(state, person.id, review.id),
    )


@router.get("/reviews/{slug}/screening-report.md")
def report_file(state: StateDep, person: PersonDep, review: ReviewDep) -> Response:
    """The screening report as a download."""
    headers = {"content-disposition": f'attachment; filename="{review.slug}-screening.md"'}
    return Response(
        as_markdown(_report(state, person.id, review.id)),
        media_type="text/markdown; charset=utf-8",
        headers=headers,
    )


def _report(state: State, person_id: int, review_id: int) -> ScreeningReport:
    with state.store.read() as session:
        return screening_report(session, review_id, seen_by=person_id, at=dt.datetime.now(dt.UTC))


@router.post("/reviews/{slug}/pilots/{action}")
def change_pilot(
    request: Request,
    state: StateDep,
    person: PersonDep,
    review: LeadDep,
    action: Annotated[str, Path(pattern="^(begin|close)$")],
    size: Annotated[str, Form(max_length=10)] = "30",
    note: Annotated[str, Form(max_length=10_000)] = "",
) -> Response:
    """Open a pilot round, or close the open one."""
    try:
        with state.store.write() as session:
            if action == "begin":
                if not size.strip().isdecimal():
                    raise ValueError(f"records: write a number, not {size.strip()!r}")
                pilots.begin(session, review.id, int(size), person_id=person.id)
            else:
                words = note.replace("\x00", "")
                pilots.close(session, review.id, person_id=person.id, note=words)
    except (Conflict, ValueError) as error:
        status = 409 if isinstance(error, Conflict) else 422
        return _agreement(request, state, review, problem=f"{error}.", status=status)
    state.wake()
    return RedirectResponse(f"/reviews/{review.slug}/agreement", status_code=303)
