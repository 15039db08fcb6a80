"""New reviews, and the versions of a review's protocol."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, Response

from api.deps import LeadRequest, PersonDep, ReadRequest, ReviewRequest, StateDep
from api.pages.forms import Problem, problem_of, submit, to_review
from api.pages.protocol_form import ProtocolForm, form_of, read_form
from api.pages.render import page, review_page
from api.protocol import ProtocolBody
from api.services.reviews import limits, managing, protocols
from api.services.screening.presets import PILOT, estimate_costs
from store.core.errors import Conflict
from store.reports import record_counts
from store.reports.limits import count_limits
from store.reviews import reviews, screeners
from store.reviews.reviews import NewProtocol

router = APIRouter()
FormDep = Annotated[ProtocolForm, Form()]


@router.get("/new")
def new_review(request: Request, _person: PersonDep) -> HTMLResponse:
    """The form for a new review."""
    return _new_review(request, form_of(ProtocolBody()))


def _new_review(
    request: Request, form: ProtocolForm, problem: Problem | None = None
) -> HTMLResponse:
    return page(
        request,
        "protocol.html",
        status=problem.status if problem else 200,
        form=form,
        problem=problem.text if problem else None,
        versions=[],
        title_field=True,
    )


@router.post("/new")
def create_review(request: Request, state: StateDep, person: PersonDep, form: FormDep) -> Response:
    """Create a review, and go on to its searches."""
    try:
        review = managing.create_titled_review(
            state.store, form.title, read_form(form, ProtocolBody()), person_id=person.id
        )
    except ValueError as error:
        return _new_review(request, form, problem_of(error))
    return to_review(review, "searches")


@router.get("/reviews/{slug}/protocol")
def protocol_page(request: ReadRequest) -> HTMLResponse:
    """The protocol and its earlier versions."""
    return _protocol(request)


def _protocol(
    request: ReviewRequest,
    form: ProtocolForm | None = None,
    problem: Problem | None = None,
    title: str | None = None,
) -> HTMLResponse:
    """The protocol's page, with its forms as they were typed or as they are stored."""
    review_id = request.review.id
    with request.store.read() as session:
        versions = reviews.list_protocols(session, review_id)
        counts = record_counts.count_reports(session, review_id)
        limit_counts = count_limits(session, review_id)
        people = len(screeners.list_screeners(session, review_id))
    costs = estimate_costs(
        counts.undecided, people, decided=counts.decided, excluded=counts.exclude
    )
    return review_page(
        request,
        "protocol.html",
        status=problem.status if problem else 200,
        form=form or form_of(protocols.read_leniently(versions[0].body)),
        problem=problem.text if problem else None,
        versions=versions,
        title_field=False,
        title=request.review.title if title is None else title,
        limits=limit_counts,
        costs=costs,
        people=people,
        left=counts.undecided,
        pilot=PILOT,
    )


@router.post("/reviews/{slug}/protocol")
def save_protocol(request: LeadRequest, form: FormDep) -> Response:
    """Save a new version of the protocol."""

    def save() -> Response:
        with request.store.read() as session:
            newest = reviews.get_readable_protocol(session, request.review.id)
        body = read_form(form, protocols.read_leniently(newest.body))
        new = NewProtocol(
            body.stored(),
            request.person.id,
            reason=form.reason or None,
            based_on=form.based_on,
        )
        protocols.save_protocol(request.store, request.review.id, new)
        request.state.wake()
        return to_review(request.review, "protocol")

    # After a conflict the form keeps what was typed, and saves it over the version that has come.
    return submit(
        save, lambda problem: _protocol(request, form, problem), catch=(ValueError, Conflict)
    )


@router.post("/reviews/{slug}/limits")
def apply_limits(request: LeadRequest, in_force: Annotated[bool, Form()]) -> Response:
    """Leave out the reports outside the protocol's years, or take them back."""
    limits.set_in_force(request.store, request.review.id, in_force, person_id=request.person.id)
    request.state.wake()
    return to_review(request.review, "protocol#limits")


@router.post("/reviews/{slug}/title")
def rename_review(request: LeadRequest, title: Annotated[str, Form()] = "") -> Response:
    """Give the review another title."""

    def rename() -> Response:
        managing.rename_review(request.store, request.review.id, title, person_id=request.person.id)
        return to_review(request.review, "protocol")

    return submit(rename, lambda problem: _protocol(request, problem=problem, title=title))
