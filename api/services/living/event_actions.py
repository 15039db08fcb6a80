"""What a lead does about an event on a record."""

from __future__ import annotations

from typing import Final

from store.core.errors import Conflict
from store.core.session import Store
from store.reports import record_events
from store.reports.record_events import EventAction, EventInfo
from store.reviews import reviews
from store.screening import decisions

# What a lead did about an event, in the words that people read.
ACT_NAMES: Final = {
    "kept": "kept",
    "excluded": "excluded",
    "sensitivity": "left for a sensitivity analysis",
}


def act_on_event(
    store: Store, review_id: int, event_id: int, action: EventAction, *, person_id: int
) -> EventInfo:
    """Keep an included report, exclude it, or leave it to a sensitivity analysis.

    Nothing is excluded automatically: an exclusion is the person's own decision and can be undone.

    Raises:
        NotFound: the review has no such event.
        Conflict: the report is not included, or the event was marked mistaken.
        ValueError: the action is unknown, or the note is empty.
    """
    with store.write() as session:
        reviews.lock_review(session, review_id)
        event = record_events.get_event(session, review_id, event_id)
        if not event.valid:
            raise Conflict(f"event {event_id} is marked as a mistake: {event.evidence}")
        if event.decision not in ("include", "maybe"):
            raise Conflict(f"event {event_id} is not on an included report")
        acted = record_events.record_action(
            session, review_id, event_id, action, person_id=person_id
        )
        if action.act == "excluded":
            exclusion = decisions.NewDecision(
                token=f"event:{event_id}:{len(acted.acts)}",
                report_id=event.report_id,
                decision="exclude",
                note=f"{event.kind}: {action.note.strip()}",
                kind="act",
            )
            decisions.record_decision(session, review_id, person_id, exclusion)
        session.flush()
        return record_events.get_event(session, review_id, event_id)


def mark_event_mistaken(
    store: Store, review_id: int, event_id: int, *, evidence: str, person_id: int
) -> EventInfo:
    """Mark an event as a mistake of the source; it stays listed, with who says so and why.

    Raises:
        NotFound: the review has no such event.
        Conflict: it is marked already.
        ValueError: no evidence is given.
    """
    with store.write() as session:
        reviews.lock_review(session, review_id)
        record_events.mark_mistaken(
            session, review_id, event_id, evidence=evidence, person_id=person_id
        )
        session.flush()
        return record_events.get_event(session, review_id, event_id)
