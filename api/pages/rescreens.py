"""The page of changed criteria: records to screen again, and deviations from the protocol."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Query
from pydantic import Field
from starlette.responses import HTMLResponse, Response

from api.deps import LeadRequest, ReadRequest, ReviewRequest
from api.pages.forms import FormModel, Problem, submit, to_review
from api.pages.render import review_page
from api.services.screening import rescreening
from api.services.searching.record_keys import fold_words
from api.types import FormText, IdPath, WholeNumber
from store.core.errors import Conflict
from store.reports import records
from store.reviews import reviews
from store.rules import reasons
from store.screening import rescreens
from store.screening.rescreens import NewRescreen, RescreenFilter

router = APIRouter()
# Titles shown of the records that match.
_SHOWN = 20


class RescreenChoice(FormModel):
    """Which decisions under older criteria are meant."""

    decision: Literal["include", "exclude", "maybe", "awaiting", "conflict"] | None = None
    reason: Annotated[str, Field(pattern="^[a-z0-9-]{0,40}$")] = ""
    q: Annotated[FormText, Field(max_length=500)] = ""
    version: Annotated[WholeNumber, Field(ge=0, lt=10**9)] | None = None

    def filters(self) -> RescreenFilter:
        """The choice as the store reads it."""
        chosen_reasons = (self.reason,) if self.reason else ()
        return RescreenFilter(self.decision, chosen_reasons, fold_words(self.q), self.version)

    def as_fields(self) -> dict[str, str]:
        """The choice as the form shows it."""
        return {
            "decision": self.decision or "",
            "reason": self.reason,
            "q": self.q,
            "version": "" if self.version is None else str(self.version),
        }


class RescreenForm(RescreenChoice):
    """The chosen decisions, and why they are made again."""

    why: Annotated[FormText, Field(max_length=10_000)] = ""


def _page(
    request: ReviewRequest, choice: RescreenChoice, problem: Problem | None = None
) -> HTMLResponse:
    review_id = request.review.id
    with request.store.read() as session:
        matching = rescreens.find_matching_reports(session, review_id, choice.filters())
        shown = records.get_representatives(session, review_id, matching[:_SHOWN])
        values: dict[str, Any] = {
            "older": rescreens.count_older_decisions(session, review_id),
            "lists": rescreens.list_rescreens(session, review_id),
            "deviations": rescreens.list_deviations(session, review_id),
            "reasons": reasons.list_reasons(reviews.get_protocol(session, review_id).body),
        }
    return review_page(
        request,
        "rescreens.html",
        status=problem.status if problem else 200,
        chosen=choice.as_fields(),
        matched=len(matching),
        shown=list(shown.values()),
        problem=problem.text if problem else None,
        **values,
    )


@router.get("/reviews/{slug}/rescreens")
def rescreens_page(
    request: ReadRequest, choice: Annotated[RescreenChoice, Query()]
) -> HTMLResponse:
    """Decisions under older criteria, narrowed; records to screen again; deviations."""
    return _page(request, choice)


@router.post("/reviews/{slug}/rescreens")
def ask(request: LeadRequest, form: Annotated[RescreenForm, Form()]) -> Response:
    """Have the matching records screened again."""

    def create() -> Response:
        new = NewRescreen(form.filters(), form.why)
        rescreening.create_rescreen(request.store, request.review.id, new, by=request.person.id)
        request.state.wake()
        return to_review(request.review, "rescreens")

    return submit(
        create, lambda problem: _page(request, form, problem), catch=(Conflict, ValueError)
    )


@router.post("/reviews/{slug}/rescreens/{list_id}/withdraw")
def take_back(request: LeadRequest, list_id: IdPath) -> Response:
    """Withdraw a list: the decisions made before it count again."""
    rescreening.withdraw_rescreen(request.store, request.review.id, list_id, by=request.person.id)
    request.state.wake()
    return to_review(request.review, "rescreens")
