"""The page of changed criteria: what is screened again, deviations from the protocol."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.deps import LeadDep, PersonDep, ReviewDep, StateDep
from api.pages.render import page
from api.state import State
from harvest.text import fold
from store import reasons, records, rescreens, reviews
from store.errors import Conflict
from store.rescreens import Pick
from store.reviews import ReviewInfo

router = APIRouter()
# Titles shown of what is picked.
_SHOWN = 20
_WORD = "^(|include|exclude|maybe|awaiting|conflict)$"
_KEY = "^[a-z0-9-]{0,40}$"
_NUMBER = "^[0-9]{0,9}$"


def _page(
    request: Request,
    state: State,
    review: ReviewInfo,
    chosen: dict[str, str],
    *,
    problem: str | None = None,
    status: int = 200,
) -> HTMLResponse:
    with state.store.read() as session:
        values: dict[str, Any] = {
            "older": rescreens.older(session, review.id),
            "lists": rescreens.everything(session, review.id),
            "deviations": rescreens.deviations(session, review.id),
            "reasons": reasons.texts(reviews.protocol(session, review.id).body),
        }
        found = rescreens.matching(session, review.id, _pick(chosen))
        values["matched"] = len(found)
        values["shown"] = list(records.by_reports(session, review.id, found[:_SHOWN]).values())
    return page(
        request,
        "rescreens.html",
        status=status,
        review=review,
        chosen=chosen,
        problem=problem,
        **values,
    )


def _pick(chosen: dict[str, str]) -> Pick:
    reason, version = chosen["reason"], chosen["version"]
    return Pick(
        chosen["decision"] or None,
        (reason,) if reason else (),
        fold(chosen["q"].replace("\x00", "")),
        int(version) if version else None,
    )


@router.get("/reviews/{slug}/rescreens")
def rescreens_page(
    request: Request,
    state: StateDep,
    review: ReviewDep,
    decision: Annotated[str, Query(pattern=_WORD)] = "",
    reason: Annotated[str, Query(pattern=_KEY)] = "",
    q: Annotated[str, Query(max_length=500)] = "",
    version: Annotated[str, Query(pattern=_NUMBER)] = "",
) -> HTMLResponse:
    """Decisions under older criteria, narrowed; lists of what is screened again; deviations."""
    chosen = {"decision": decision, "reason": reason, "q": q, "version": version}
    return _page(request, state, review, chosen)


@router.post("/reviews/{slug}/rescreens")
def ask(
    request: Request,
    state: StateDep,
    person: PersonDep,
    review: LeadDep,
    decision: Annotated[str, Form(pattern=_WORD)] = "",
    reason: Annotated[str, Form(pattern=_KEY)] = "",
    q: Annotated[str, Form(max_length=500)] = "",
    version: Annotated[str, Form(pattern=_NUMBER)] = "",
    why: Annotated[str, Form(max_length=10_000)] = "",
) -> Response:
    """Have what is picked screened again."""
    chosen = {"decision": decision, "reason": reason, "q": q, "version": version}
    try:
        with state.store.write() as session:
            rescreens.ask(
                session,
                review.id,
                _pick(chosen),
                reason=why.replace("\x00", ""),
                person_id=person.id,
            )
    except (Conflict, ValueError) as error:
        status = 409 if isinstance(error, Conflict) else 422
        return _page(request, state, review, chosen, problem=f"{error}.", status=status)
    state.wake()
    return RedirectResponse(f"/reviews/{review.slug}/rescreens", status_code=303)


@router.post("/reviews/{slug}/rescreens/{list_id}/withdraw")
def take_back(
    state: StateDep,
    person: PersonDep,
    review: LeadDep,
    list_id: Annotated[int, Path(ge=1, le=2**63 - 1)],
) -> Response:
    """Take a list back: what was decided before stands again."""
    with state.store.write() as session:
        rescreens.withdraw(session, review.id, list_id, person_id=person.id)
    state.wake()
    return RedirectResponse(f"/reviews/{review.slug}/rescreens", status_code=303)
