"""What a person does about an event on an included report."""

from __future__ import annotations

from store import decisions, events
from store.errors import Conflict
from store.events import EventInfo
from store.session import WriteSession


def act(
    session: WriteSession, review_id: int, event_id: int, what: str, *, note: str, person_id: int
) -> EventInfo:
    """Keep the report with a note, exclude it as retracted, or leave it to a sensitivity analysis.

    Nothing is excluded by itself: an exclusion is the person's own decision, and can be undone.

    Raises:
        NotFound: the review has no such event.
        Conflict: it is on no included report, or was marked mistaken.
        ValueError: ``what`` is unknown, or the note is empty.
    """
    found = events.by_id(session, review_id, event_id)
    if not found.stands:
        raise Conflict(f"event {event_id} was marked mistaken: {found.evidence}")
    if found.decision not in ("include", "maybe"):
        raise Conflict(f"event {event_id} is on no included report")
    made = events.act(session, review_id, event_id, what, note=note, person_id=person_id)
    if what == "excluded":
        new = decisions.NewDecision(
            token=f"event:{event_id}:{len(made.acts)}",
            report_id=found.report_id,
            decision="exclude",
            note=f"{found.kind}: {note.strip()}",
            kind="act",
        )
        decisions.record(session, review_id, person_id, new)
    session.flush()
    return events.by_id(session, review_id, event_id)
