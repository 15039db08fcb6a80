"""The page of likely misses: one excluded record after the other, for somebody else's eyes."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.deps import LeadDep, PersonDep, ScreenDep, StateDep
from api.pages.render import page
from api.protocol import ProtocolBody
from api.services import misses
from api.state import State
from store import jobs, rechecks, records, reviews
from store.decisions import NewDecision
from store.errors import Conflict, NotAllowed
from store.people import PersonInfo
from store.reviews import ReviewInfo

router = APIRouter()
_LIKELY_SHARE = 0.05
_RANDOM_SHARE = 0.2


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
        lists = rechecks.everything(session, review.id)
        report, left = rechecks.next_for(session, review.id, person.id)
        shown = records.by_reports(session, review.id, [report]) if report else {}
        counts = records.counts(session, review.id)
        running = jobs.newest(session, review.id)
        body = ProtocolBody.model_validate(reviews.protocol(session, review.id).body)
    # As the protocol fixed it beforehand, where it did.
    share = body.plan_of("title-abstract").likely_misses or _LIKELY_SHARE
    likely = max(20, round(share * counts.reports))
    return page(
        request,
        "misses.html",
        status=status,
        review=review,
        lists=lists,
        stored=shown.get(report) if report else None,
        left=left,
        counts=counts,
        likely=likely,
        random=max(5, round(_RANDOM_SHARE * likely)),
        token=str(uuid.uuid4()),
        jobs=[job for job in running if job.kind == misses.KIND],
        problem=problem,
    )


@router.get("/reviews/{slug}/likely-misses")
def misses_page(
    request: Request, state: StateDep, person: PersonDep, review: ScreenDep
) -> HTMLResponse:
    """The next record to look at again, and what the lists so far came to."""
    return _page(request, state, person, review)


@router.post("/reviews/{slug}/likely-misses")
def ask(
    request: Request,
    state: StateDep,
    person: PersonDep,
    review: LeadDep,
    likely: Annotated[str, Form(max_length=10)] = "",
    random: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """Fix the length of a list and have it made."""
    try:
        if not (likely.strip().isdecimal() and random.strip().isdecimal()):
            raise ValueError("write two numbers")
        with state.store.write() as session:
            recheck = rechecks.ask(
                session,
                review.id,
                likely=int(likely),
                random=int(random),
                person_id=person.id,
            )
            job = jobs.begin(session, review.id, misses.KIND)
    except (Conflict, ValueError) as error:
        status = 409 if isinstance(error, Conflict) else 422
        return _page(request, state, person, review, problem=f"{error}.", status=status)
    state.jobs.find_misses(review.id, recheck, job)
    return RedirectResponse(f"/reviews/{review.slug}/likely-misses", status_code=303)


@router.post("/reviews/{slug}/likely-misses/looks")
def look(
    request: Request,
    state: StateDep,
    person: PersonDep,
    review: ScreenDep,
    report: Annotated[int, Form(ge=1, le=2**63 - 1)],
    token: Annotated[str, Form(min_length=1, max_length=100)],
    decision: Annotated[str, Form(pattern="^(include|exclude|maybe)$")],
    note: Annotated[str, Form(max_length=10_000)] = "",
) -> Response:
    """Decide again, and go on to the next."""
    new = NewDecision(token, report, decision, note=note.replace("\x00", "").strip() or None)
    try:
        with state.store.write() as session:
            rechecks.look(session, review.id, person.id, new)
    except Conflict as error:
        return _page(request, state, person, review, problem=f"{error}.", status=409)
    except NotAllowed as error:
        return _page(request, state, person, review, problem=str(error), status=422)
    state.wake()
    return RedirectResponse(f"/reviews/{review.slug}/likely-misses", status_code=303)
