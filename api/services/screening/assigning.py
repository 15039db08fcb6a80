"""Assigning records to people, and handing single cards to a colleague."""

from __future__ import annotations

from store.core.session import Store
from store.reports import record_listing
from store.reports.record_listing import RecordFilter
from store.reviews import reviews
from store.screening import assignments
from store.screening.assignments import HandOver, NewAssignment


def create_assignment(store: Store, review_id: int, new: NewAssignment, *, by: int) -> int:
    """Assign records to people, and return the assignment's id; a new share replaces the last one.

    Raises:
        NotAllowed: the person who assigns is no lead.
        ValueError: the people, weights, tag or records are wrong.
    """
    with store.write() as session:
        return assignments.create_assignment(session, review_id, new, by=by)


def assign_matching_records(
    store: Store, review_id: int, filters: RecordFilter, person_id: int | None, *, by: int
) -> int:
    """Assign the records that a filter finds to one person, and return the assignment's id.

    Raises:
        NotAllowed: the person who assigns is no lead.
        ValueError: nobody is named, the person does not screen, or no record matches.
    """
    people = {} if person_id is None else {person_id: 1}
    with store.write() as session:
        reviews.lock_review(session, review_id)
        reports = record_listing.find_matching_reports(session, review_id, filters)
        new = NewAssignment(kind="records", people=people, reports=tuple(reports))
        return assignments.create_assignment(session, review_id, new, by=by)


def end_assignment(store: Store, review_id: int, assignment_id: int, *, by: int) -> None:
    """End an assignment: any reviewer can be given its records again.

    Raises:
        NotAllowed: the person who ends it is no lead.
        NotFound: the review has no such assignment, or it has ended.
    """
    with store.write() as session:
        assignments.end_assignment(session, review_id, assignment_id, by=by)


def hand_over_card(store: Store, review_id: int, person_id: int, card: HandOver) -> None:
    """Hand a card to a colleague; the person does not get it again.

    Raises:
        NotAllowed: one of the two does not screen this review.
        NotFound: the review has no such report.
        Conflict: the report is decided, or the person would hand it to themselves.
    """
    with store.write() as session:
        assignments.hand_over_card(session, review_id, person_id, card)
