"""The page of conflicts: both decisions side by side, settled by the two or by a third."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.deps import PersonDep, ReviewDep, ScreenDep, StateDep
from api.pages.render import page
from api.services import agreeing, conflicts
from api.state import State
from store.decisions import NewDecision
from store.errors import Conflict, NotAllowed, NotFound
from store.people import PersonInfo
from store.reviews import ReviewInfo

router = APIRouter()


def _page(
    request: Request,
    state: State,
    person: PersonInfo,
    review: ReviewInfo,
    *,
    problem: str | None = None,
    status: int = 200,
) -> HTMLResponse:
    with state.store.read() as session:
        found = conflicts.open_for(session, review.id, person)
    return page(
        request,
        "conflicts.html",
        status=status,
        review=review,
        conflicts=[(each, str(uuid.uuid4())) for each in found],
        problem=problem,
    )


@router.get("/reviews/{slug}/conflicts")
def conflicts_page(
    request: Request, state: StateDep, person: PersonDep, review: ScreenDep
) -> HTMLResponse:
    """Records on which people differ: all to whoever adjudicates, to others their own."""
    return _page(request, state, person, review)


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
) -> Response:
    """Settle one, and go on to the next."""
    new = NewDecision(token, report, decision, note=note.replace("\x00", "").strip() or None)
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


@router.get("/reviews/{slug}/agreement")
def agreement_page(request: Request, state: StateDep, review: ReviewDep) -> HTMLResponse:
    """How far people agree, per pair and over time."""
    with state.store.read() as session:
        found = agreeing.agreed(session, review.id)
    return page(request, "agreement.html", review=review, agreed=found)
