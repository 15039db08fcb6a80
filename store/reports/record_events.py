"""Events on records, such as changed, vanished or retracted, and what people did about them.

Any source can raise an event, and no source can undo one. A person may mark an event as mistaken,
with evidence.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select

from store.core import audit
from store.core.chunks import CHUNK, batched
from store.core.errors import Conflict, NotFound
from store.core.session import ReadSession, WriteSession
from store.core.tables import (
    ACTS,
    Decision,
    Event,
    EventAct,
    Identity,
    RecordRow,
    Report,
    ReportState,
    now,
)
from store.reports.report_states import at_stage

# Kinds of events that readers must know about before they rely on a report.
SERIOUS_KINDS = ("retracted", "republished", "concern", "corrected")


@dataclass(frozen=True, slots=True)
class EventActionInfo:
    """What a person did about an event."""

    act: str
    note: str
    person: str | None
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class EventMistake:
    """Who marked an event as a mistake, and the evidence."""

    by: str | None
    evidence: str | None


@dataclass(frozen=True, slots=True)
class EventAction:
    """What to do about an event, and why.

    Attributes:
        act: ``kept``, ``excluded`` (as retracted) or ``sensitivity`` (left to that analysis).
        note: why, in words.
    """

    act: str
    note: str


@dataclass(frozen=True, slots=True)
class EventInfo:
    """An event with the record it is on.

    Attributes:
        kind: one of ``EVENT_KINDS``.
        detail: for a notice its citation, PMID and DOI; for a change the fields before and after.
        decision: the decision that counts on the report; None if it is not settled.
        acts: what people did about it, oldest first; the newest counts.
    """

    id: int
    record_id: int
    report_id: int
    kind: str
    source: str
    title: str | None
    detail: Mapping[str, Any]
    at: dt.datetime
    run_id: int | None
    decision: str | None
    in_review: bool
    mistaken_at: dt.datetime | None
    mistaken_by: str | None
    evidence: str | None
    acts: tuple[EventActionInfo, ...] = field(default=())

    @property
    def valid(self) -> bool:
        """Whether nobody has marked it as mistaken."""
        return self.mistaken_at is None

    @property
    def mistake(self) -> EventMistake | None:
        """Who marked it as a mistake; None if nobody did."""
        return None if self.valid else EventMistake(self.mistaken_by, self.evidence)

    @property
    def open(self) -> bool:
        """Whether it is serious, on an included report, and nobody has done anything about it.

        What people did about the same event from another source is not taken into account here; see
        ``list_events_to_act_on``.
        """
        included = self.decision in ("include", "maybe")
        return self.valid and self.kind in SERIOUS_KINDS and included and not self.acts


def _list_events(
    session: ReadSession, condition: Any, *, limit: int | None = None, offset: int = 0
) -> list[EventInfo]:
    marker = Identity.__table__.alias("marker")
    rows = session.execute(
        select(Event, RecordRow, Report.active, Decision.decision, marker.c.name)
        .join(RecordRow, RecordRow.id == Event.record_id)
        .join(Report, Report.id == RecordRow.report_id)
        .join(ReportState, at_stage())
        .outerjoin(Decision, Decision.id == ReportState.decision_id)
        .outerjoin(marker, marker.c.person_id == Event.mistaken_by)
        .where(condition)
        .order_by(Event.id.desc())
        .limit(limit)
        .offset(offset)
    ).all()
    acts = _list_actions(session, [row[0].id for row in rows])
    return [
        EventInfo(
            id=event.id,
            record_id=event.record_id,
            report_id=record.report_id,
            kind=event.kind,
            source=event.source,
            title=record.title,
            detail=event.detail,
            at=event.at,
            run_id=event.run_id,
            decision=decision,
            in_review=active,
            mistaken_at=event.mistaken_at,
            mistaken_by=marked_by,
            evidence=event.evidence,
            acts=tuple(acts.get(event.id, ())),
        )
        for event, record, active, decision, marked_by in rows
    ]


def _list_actions(
    session: ReadSession, event_ids: Sequence[int]
) -> dict[int, list[EventActionInfo]]:
    by_event: dict[int, list[EventActionInfo]] = {}
    for part in batched(event_ids, CHUNK):
        rows = session.execute(
            select(EventAct, Identity.name)
            .outerjoin(Identity, Identity.person_id == EventAct.person_id)
            .where(EventAct.event_id.in_(part))
            .order_by(EventAct.id)
        )
        for row, name in rows:
            action = EventActionInfo(row.act, row.note, name, row.at)
            by_event.setdefault(row.event_id, []).append(action)
    return by_event


def list_events(
    session: ReadSession,
    review_id: int,
    *,
    kinds: Sequence[str] = (),
    limit: int | None = None,
    offset: int = 0,
) -> list[EventInfo]:
    """Events of a review, newest first, of all kinds or of some."""
    condition = Event.review_id == review_id
    if kinds:
        condition = condition & Event.kind.in_(kinds)
    return _list_events(session, condition, limit=limit, offset=offset)


def count_events(session: ReadSession, review_id: int) -> dict[str, int]:
    """Count the events of a review by kind."""
    rows = session.execute(
        select(Event.kind, func.count())
        .where(Event.review_id == review_id)
        .group_by(Event.kind)
        .order_by(Event.kind)
    )
    return {row[0]: row[1] for row in rows}


def list_events_of_runs(session: ReadSession, run_ids: Sequence[int]) -> list[EventInfo]:
    """Events that runs raised, newest first."""
    return _list_events(session, Event.run_id.in_(run_ids)) if run_ids else []


def list_events_by_report(
    session: ReadSession, report_ids: Sequence[int], *, kinds: Sequence[str] = SERIOUS_KINDS
) -> dict[int, list[EventInfo]]:
    """Events on the records of some reports, by report, newest first; mistaken ones left out."""
    by_report: dict[int, list[EventInfo]] = {}
    for part in batched(report_ids, CHUNK):
        condition = (
            RecordRow.report_id.in_(part) & Event.kind.in_(kinds) & Event.mistaken_at.is_(None)
        )
        for event in _list_events(session, condition):
            by_report.setdefault(event.report_id, []).append(event)
    return by_report


def list_events_to_act_on(session: ReadSession, review_id: int) -> list[EventInfo]:
    """Serious events on included reports that nobody has acted on yet, newest first.

    If several sources raise the same event on one report, only one is listed: the first that names
    a notice. An action on any of them settles them all.
    """
    events = _list_events(
        session,
        (Event.review_id == review_id)
        & Event.kind.in_(SERIOUS_KINDS)
        & Event.mistaken_at.is_(None)
        & Report.active.is_(True)
        & Decision.decision.in_(("include", "maybe")),
    )
    acted_on = {(event.report_id, event.kind) for event in events if event.acts}
    first: dict[tuple[int, str], EventInfo] = {}
    for event in sorted(events, key=lambda event: (not event.detail.get("notice"), event.id)):
        first.setdefault((event.report_id, event.kind), event)
    remaining = [event for key, event in first.items() if key not in acted_on]
    return sorted(remaining, key=lambda event: -event.id)


def get_event(session: ReadSession, review_id: int, event_id: int) -> EventInfo:
    """One event.

    Raises:
        NotFound: the review has no such event.
    """
    events = _list_events(session, (Event.id == event_id) & (Event.review_id == review_id))
    if not events:
        raise NotFound(f"there is no event {event_id} in this review")
    return events[0]


def mark_mistaken(
    session: WriteSession, review_id: int, event_id: int, *, evidence: str, person_id: int
) -> None:
    """Mark an event as mistaken; it stays, with the person and their evidence.

    Raises:
        NotFound: the review has no such event.
        Conflict: it is already marked.
        ValueError: no evidence is given.
    """
    if not evidence.strip():
        raise ValueError("give evidence of the mistake, such as an address, a letter or a date")
    row = session.get(Event, event_id, with_for_update=True)
    if row is None or row.review_id != review_id:
        raise NotFound(f"there is no event {event_id} in this review")
    if row.mistaken_at is not None:
        raise Conflict(f"event {event_id} is already marked as a mistake: {row.evidence}")
    row.mistaken_at, row.mistaken_by, row.evidence = now(), person_id, evidence.strip()
    audit.append_event(
        session,
        "event.mistaken",
        review_id=review_id,
        person_id=person_id,
        detail={"event": event_id, "kind": row.kind, "reason": evidence.strip()},
    )


def record_action(
    session: WriteSession, review_id: int, event_id: int, action: EventAction, *, person_id: int
) -> EventInfo:
    """Record what a person does about an event on an included report.

    An exclusion is also a decision of its own, which the caller records.

    Raises:
        NotFound: the review has no such event.
        ValueError: the act is not one of ``ACTS``, or there is no note.
    """
    if action.act not in ACTS:
        raise ValueError(f"the action must be one of {', '.join(ACTS)}, not {action.act!r}")
    note = action.note.strip()
    if not note:
        raise ValueError("say why, in a note")
    event = get_event(session, review_id, event_id)
    session.add(EventAct(event_id=event_id, act=action.act, note=note, person_id=person_id))
    session.flush()
    audit.append_event(
        session,
        f"event.{action.act}",
        review_id=review_id,
        person_id=person_id,
        detail={"event": event_id, "report": event.report_id, "reason": note},
    )
    return get_event(session, review_id, event_id)
