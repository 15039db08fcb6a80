"""The box "duplicate": a screener says which record the one before them is the same as."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.deps import PersonDep, ScreenDep, StateDep
from api.pages.duplicates import FIELDS, say
from api.pages.render import page
from api.services.alike import alike
from api.services.deduplicating import differing
from api.state import State
from store import decisions, records
from store.records import StoredRecord
from store.reviews import ReviewInfo

router = APIRouter()

IdPath = Annotated[int, Path(ge=1, le=2**63 - 1)]
IdForm = Annotated[int, Form(ge=1, le=2**63 - 1)]
# Where somebody came from and goes back to.
_AFTER = "^(screen|record)$"


@router.get("/reviews/{slug}/records/{record_id}/duplicate")
def duplicate_page(
    request: Request,
    state: StateDep,
    review: ScreenDep,
    record_id: IdPath,
    q: Annotated[str, Query(max_length=500)] = "",
    other: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    after: Annotated[str, Query(pattern=_AFTER)] = "record",
) -> HTMLResponse:
    """Records that one may be the same as; with ``other``, the two side by side."""
    if other is not None:
        return _compared(request, state, review, record_id, other, after)
    words = q.replace("\x00", "")
    with state.store.read() as session:
        mine = records.by_id(session, review.id, record_id)
        found = alike(session, review.id, record_id, words=words)
    return page(
        request, "duplicate.html", review=review, mine=mine, found=found, q=words, after=after
    )


def _compared(
    request: Request,
    state: State,
    review: ReviewInfo,
    record_id: int,
    other: int,
    after: str,
    *,
    problem: str | None = None,
    status: int = 200,
) -> HTMLResponse:
    with state.store.read() as session:
        two: list[StoredRecord] = [
            records.by_id(session, review.id, number) for number in (record_id, other)
        ]
        words = decisions.words(session, [each.report_id for each in two])
    return page(
        request,
        "duplicate_pair.html",
        status=status,
        review=review,
        two=two,
        fields=FIELDS,
        differs=differing(*(each.record for each in two)),
        decided=len(set(words.values())) > 1,
        after=after,
        problem=problem,
    )


@router.post("/reviews/{slug}/records/{record_id}/duplicate")
def say_duplicate(
    request: Request,
    state: StateDep,
    person: PersonDep,
    review: ScreenDep,
    record_id: IdPath,
    other: IdForm,
    label: Annotated[str, Form(pattern="^(same|same-include|same-exclude|related)$")],
    reason: Annotated[str, Form(max_length=10_000)] = "",
    after: Annotated[str, Form(pattern=_AFTER)] = "record",
) -> Response:
    """Say what two records are to each other, and go back to where the question came up."""
    problem = say(state, review.id, person.id, record_id, other, label=label, reason=reason)
    if problem is not None:
        return _compared(
            request, state, review, record_id, other, after, problem=problem, status=409
        )
    back = "screen" if after == "screen" else f"records/{record_id}"
    return RedirectResponse(f"/reviews/{review.slug}/{back}", status_code=303)
