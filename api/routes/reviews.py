"""Reviews, their settings, protocols and audit trail."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import LeadRequest, PersonDep, ReadRequest, StateDep
from api.schemas.reviews import (
    AuditEventOut,
    LimitsIn,
    LimitsOut,
    ProtocolIn,
    ReviewIn,
    ReviewOut,
    TitleIn,
)
from api.services.reviews import limits, managing, protocols
from store.core import audit
from store.core.session import Store
from store.reports import record_counts
from store.reports.limits import count_limits
from store.reviews import reviews
from store.reviews.reviews import NewProtocol, NewReview, ProtocolVersion, ReviewInfo

router = APIRouter(tags=["reviews"])


@router.get("/reviews")
def list_reviews(state: StateDep, person: PersonDep) -> list[ReviewOut]:
    """The reviews that you are in, with their counts, oldest first."""
    with state.store.read() as session:
        own = reviews.list_reviews_of_person(session, person.id)
        counts = record_counts.count_reports_by_review(session, [review.id for review in own])
        return [ReviewOut.of(review, counts[review.id]) for review in own]


@router.post("/reviews", status_code=201)
def create_review(state: StateDep, person: PersonDep, body: ReviewIn) -> ReviewOut:
    """Create a review with version 1 of its protocol."""
    new = NewReview(body.slug, body.title, body.protocol.stored())
    review = managing.create_review(state.store, new, person_id=person.id)
    return _with_counts(state.store, review)


def _with_counts(store: Store, review: ReviewInfo) -> ReviewOut:
    with store.read() as session:
        return ReviewOut.of(review, record_counts.count_reports(session, review.id))


@router.get("/reviews/{slug}")
def get_review(request: ReadRequest) -> ReviewOut:
    """A review with its counts."""
    return _with_counts(request.store, request.review)


@router.patch("/reviews/{slug}")
def rename_review(request: LeadRequest, body: TitleIn) -> ReviewOut:
    """Give a review another title. Its short name stays."""
    review = managing.rename_review(
        request.store, request.review.id, body.title, person_id=request.person.id
    )
    return _with_counts(request.store, review)


@router.get("/reviews/{slug}/protocol")
def get_protocol(request: ReadRequest) -> ProtocolVersion:
    """The newest version of the protocol."""
    with request.store.read() as session:
        return reviews.get_protocol(session, request.review.id)


@router.get("/reviews/{slug}/protocol/versions")
def list_protocols(request: ReadRequest) -> list[ProtocolVersion]:
    """All versions of the protocol, newest first."""
    with request.store.read() as session:
        return reviews.list_protocols(session, request.review.id)


@router.put("/reviews/{slug}/protocol")
def put_protocol(request: LeadRequest, body: ProtocolIn) -> ProtocolVersion:
    """Save a new version of the protocol; the same text again adds none."""
    new = NewProtocol(
        body.body.stored(), request.person.id, reason=body.reason, based_on=body.based_on
    )
    saved = protocols.save_protocol(request.store, request.review.id, new)
    request.state.wake()
    return saved


@router.get("/reviews/{slug}/limits")
def get_limits(request: ReadRequest) -> LimitsOut:
    """How many reports are outside the protocol's years, and what became of them."""
    with request.store.read() as session:
        return LimitsOut.of(count_limits(session, request.review.id))


@router.put("/reviews/{slug}/limits")
def put_limits(request: LeadRequest, body: LimitsIn) -> LimitsOut:
    """Leave out the reports outside the protocol's years, or take them back."""
    counts = limits.set_in_force(
        request.store, request.review.id, body.in_force, person_id=request.person.id
    )
    request.state.wake()
    return LimitsOut.of(counts)


@router.get("/reviews/{slug}/audit")
def get_audit(request: LeadRequest) -> list[AuditEventOut]:
    """Newest events of the audit trail, newest first."""
    with request.store.read() as session:
        events = audit.list_events(session, request.review.id)
    return [AuditEventOut.model_validate(event) for event in events]
