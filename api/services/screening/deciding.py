"""Decisions on records, and their undo."""

from __future__ import annotations

from dataclasses import dataclass

from store.core.errors import NotFound
from store.core.session import ReadSession, Store
from store.screening import decision_log, decisions
from store.screening.decision_log import DecisionInfo
from store.screening.decisions import NewDecision


@dataclass(frozen=True, slots=True)
class RecordedDecision:
    """A line of the decision log.

    Attributes:
        stored: whether this call stored it; False if an earlier one with the same token had.
    """

    decision: DecisionInfo
    stored: bool


def read_recorded(
    session: ReadSession, review_id: int, decision_id: int, *, stored: bool
) -> RecordedDecision:
    """The line that was just appended, as others read it."""
    return RecordedDecision(
        decision_log.get_decision(session, review_id, decision_id), stored=stored
    )


def record_decision(
    store: Store, review_id: int, person_id: int, new: NewDecision
) -> RecordedDecision:
    """Store a decision; the same token again changes nothing.

    Raises:
        NotAllowed: the person does not screen this review.
        NotFound: the review has no such report or ranking.
        Conflict: the token was used for another decision, or the report is not admitted yet.
        ValueError: the decision, its reasons or its questions are wrong.
    """
    with store.write() as session:
        decision_id, stored = decisions.record_decision(session, review_id, person_id, new)
        return read_recorded(session, review_id, decision_id, stored=stored)


def undo_decision(
    store: Store, review_id: int, person_id: int, decision_id: int, token: str
) -> RecordedDecision:
    """Store an undo of a decision; the one before it, if any, counts again.

    Raises:
        NotAllowed: the decision is another person's, and this one is no lead.
        NotFound: the review has no such decision.
        Conflict: the decision was undone before, or the token was used for something else.
    """
    with store.write() as session:
        undo_id, stored = decisions.undo_decision(
            session, review_id, person_id, decision_id, token=token
        )
        return read_recorded(session, review_id, undo_id, stored=stored)


def undo_newest_decision(
    store: Store, review_id: int, person_id: int, report_id: int, token: str
) -> RecordedDecision:
    """Store an undo of the person's own decision on a report, or else of the latest one.

    Raises:
        NotAllowed: the decision is another person's, and this one is no lead.
        NotFound: there is no decision on the report.
        Conflict: the token was used for something else.
    """
    with store.read() as session:
        decision_id = decision_log.find_own_decision(session, report_id, person_id)
        decision_id = decision_id or decision_log.find_latest_active_decision(session, report_id)
    if decision_id is None:
        raise NotFound(f"there is no decision on record {report_id} to undo")
    return undo_decision(store, review_id, person_id, decision_id, token)
