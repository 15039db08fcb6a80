"""Events on records: changed, vanished, published, retracted and the like, and what people did.

Any source may raise one, none takes one back; a person may mark it mistaken, with evidence.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, insert, select

from harvest.record import Remark
from store import audit
from store.chunks import CHUNK, batched
from store.errors import Conflict, NotFound
from store.living_tables import ACTS, Event, EventAct
from store.session import ReadSession, WriteSession
from store.tables import Batch, Decision, Identity, RecordRow, Report, now

# What a reader of the report must know before relying on it.
GRAVE = ("retracted", "republished", "concern", "corrected")
_LONGEST_KEY = 200
# What is told of a changed text: its beginning.
_SHOWN = 2000


@dataclass(frozen=True, slots=True)
class ActInfo:
    """What a person did about an event."""

    act: str
    note: str
    person: str | None
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class EventInfo:
    """An event with the record it is on.

    Attributes:
        kind: one of ``living_tables.EVENT_KINDS``.
        detail: of a notice its citation, PMID and DOI; of a change the fields, before and after.
        decision: the decision that counts on the report; None while it is not screened.
        acts: what was done about it, oldest first; the newest holds.
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
    acts: tuple[ActInfo, ...] = field(default=())

    @property
    def stands(self) -> bool:
        """Whether nobody has marked it mistaken."""
        return self.mistaken_at is None

    @property
    def open(self) -> bool:
        """Whether it is grave, on an included report, and nothing was done about it itself.

        What was done about another source's word of the same settles it too: see ``waiting``.
        """
        relied_on = self.decision in ("include", "maybe")
        return self.stands and self.kind in GRAVE and relied_on and not self.acts


def _key(notice: str | None) -> str:
    told = notice or ""
    return told if len(told) <= _LONGEST_KEY else hashlib.sha256(told.encode()).hexdigest()


def _add(session: WriteSession, rows: Sequence[dict[str, Any]]) -> None:
    """Add events that are not there yet; whoever files into a review holds its lock."""
    for part in batched(rows, CHUNK):
        ids = {row["record_id"] for row in part}
        known = set(
            session.execute(
                select(Event.record_id, Event.kind, Event.key).where(Event.record_id.in_(ids))
            )
        )
        fresh = {(row["record_id"], row["kind"], row["key"]): row for row in part}
        new = [row for key, row in fresh.items() if key not in known]
        if new:
            session.execute(insert(Event), new)


def remarked(
    session: WriteSession, batch: Batch, found: Iterable[tuple[int, str, Sequence[Remark]]]
) -> None:
    """Raise what sources say happened to reports.

    Args:
        session: a transaction that writes and holds the review's lock.
        batch: the file or page that says so.
        found: record id, source and what it says.
    """
    moment = now()
    _add(
        session,
        [
            {
                "review_id": batch.review_id,
                "record_id": record_id,
                "kind": remark.kind,
                "key": _key(remark.pmid or remark.doi or remark.notice),
                "source": source,
                "batch_id": batch.id,
                "run_id": batch.run_id,
                "detail": {"notice": remark.notice, "pmid": remark.pmid, "doi": remark.doi},
                "at": moment,
            }
            for record_id, source, remarks in found
            for remark in remarks
        ],
    )


def changed(
    session: WriteSession,
    batch: Batch,
    row: RecordRow,
    fields: Mapping[str, tuple[Any, Any]],
) -> None:
    """Note that a source says something else of a record than it did."""
    after = json.dumps({name: after for name, (_, after) in sorted(fields.items())})
    told = {
        name: {"before": _shown(before), "after": _shown(after)}
        for name, (before, after) in fields.items()
    }
    earlier = session.scalar(
        select(func.count())
        .select_from(Event)
        .where(Event.record_id == row.id, Event.kind == "changed")
    )
    # The same words may come, go and come again: each time is an event of its own.
    key = f"{earlier or 0}:{hashlib.sha256(after.encode()).hexdigest()}"
    event = {
        "review_id": batch.review_id,
        "record_id": row.id,
        "kind": "changed",
        "key": key,
        "source": row.source,
        "batch_id": batch.id,
        "run_id": batch.run_id,
        "detail": {"fields": told},
        "at": now(),
    }
    _add(session, [event])


def _shown(value: Any) -> Any:
    return value[:_SHOWN] if isinstance(value, str) else value


def presence(
    session: WriteSession,
    review_id: int,
    run_id: int,
    source: str,
    *,
    gone: Iterable[int],
    came: Iterable[int],
) -> None:
    """Note which records a whole run of their search did not bring any more, and which again.

    Args:
        session: a transaction that writes and holds the review's lock.
        review_id: the review.
        run_id: the run, which went through everything.
        source: its source.
        gone: records that earlier runs of the same search brought and this one did not.
        came: records that this one brought.
    """
    gone, came = sorted(set(gone)), sorted(set(came))
    last = _last_presence(session, [*gone, *came])
    rows = [("vanished", each) for each in gone if last.get(each) != "vanished"]
    rows += [("returned", each) for each in came if last.get(each) == "vanished"]
    _add(
        session,
        [
            {
                "review_id": review_id,
                "record_id": record_id,
                "kind": kind,
                "key": str(run_id),
                "source": source,
                "batch_id": None,
                "run_id": run_id,
                "detail": {},
                "at": now(),
            }
            for kind, record_id in rows
        ],
    )


def _last_presence(session: ReadSession, record_ids: Sequence[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for part in batched(record_ids, CHUNK):
        rows = session.execute(
            select(Event.record_id, Event.kind)
            .where(Event.record_id.in_(part), Event.kind.in_(("vanished", "returned")))
            .order_by(Event.id)
        )
        found.update({row[0]: row[1] for row in rows})
    return found


def _infos(
    session: ReadSession, condition: Any, *, limit: int | None = None, offset: int = 0
) -> list[EventInfo]:
    marker = Identity.__table__.alias("marker")
    rows = session.execute(
        select(Event, RecordRow, Report.active, Decision.decision, marker.c.name)
        .join(RecordRow, RecordRow.id == Event.record_id)
        .join(Report, Report.id == RecordRow.report_id)
        .outerjoin(Decision, Decision.id == Report.decision_id)
        .outerjoin(marker, marker.c.person_id == Event.mistaken_by)
        .where(condition)
        .order_by(Event.id.desc())
        .limit(limit)
        .offset(offset)
    ).all()
    acts = _acts(session, [row[0].id for row in rows])
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


def _acts(session: ReadSession, event_ids: Sequence[int]) -> dict[int, list[ActInfo]]:
    found: dict[int, list[ActInfo]] = {}
    for part in batched(event_ids, CHUNK):
        rows = session.execute(
            select(EventAct, Identity.name)
            .outerjoin(Identity, Identity.person_id == EventAct.person_id)
            .where(EventAct.event_id.in_(part))
            .order_by(EventAct.id)
        )
        for row, name in rows:
            found.setdefault(row.event_id, []).append(ActInfo(row.act, row.note, name, row.at))
    return found


def everything(
    session: ReadSession,
    review_id: int,
    *,
    kinds: Sequence[str] = (),
    limit: int | None = None,
    offset: int = 0,
) -> list[EventInfo]:
    """Events of a review, newest first, of some kinds or all."""
    condition = Event.review_id == review_id
    if kinds:
        condition = condition & Event.kind.in_(kinds)
    return _infos(session, condition, limit=limit, offset=offset)


def counts(session: ReadSession, review_id: int) -> dict[str, int]:
    """How many events of each kind a review has."""
    rows = session.execute(
        select(Event.kind, func.count())
        .where(Event.review_id == review_id)
        .group_by(Event.kind)
        .order_by(Event.kind)
    )
    return {row[0]: row[1] for row in rows}


def of_runs(session: ReadSession, run_ids: Sequence[int]) -> list[EventInfo]:
    """Events that runs raised, newest first."""
    return _infos(session, Event.run_id.in_(run_ids)) if run_ids else []


def of_reports(
    session: ReadSession, report_ids: Sequence[int], *, kinds: Sequence[str] = GRAVE
) -> dict[int, list[EventInfo]]:
    """Events that stand on the records of reports, by report, newest first."""
    found: dict[int, list[EventInfo]] = {}
    for part in batched(report_ids, CHUNK):
        condition = (
            RecordRow.report_id.in_(part) & Event.kind.in_(kinds) & Event.mistaken_at.is_(None)
        )
        for info in _infos(session, condition):
            found.setdefault(info.report_id, []).append(info)
    return found


def waiting(session: ReadSession, review_id: int) -> list[EventInfo]:
    """Grave events on included reports about which nobody has done anything yet, newest first.

    What several sources say of one report is one event to act on: the one that names a notice.
    """
    found = _infos(
        session,
        (Event.review_id == review_id)
        & Event.kind.in_(GRAVE)
        & Event.mistaken_at.is_(None)
        & Report.active.is_(True)
        & Decision.decision.in_(("include", "maybe")),
    )
    done = {(event.report_id, event.kind) for event in found if event.acts}
    first: dict[tuple[int, str], EventInfo] = {}
    for event in sorted(found, key=lambda e: (not e.detail.get("notice"), e.id)):
        first.setdefault((event.report_id, event.kind), event)
    left = [event for key, event in first.items() if key not in done]
    return sorted(left, key=lambda event: -event.id)


def by_id(session: ReadSession, review_id: int, event_id: int) -> EventInfo:
    """One event.

    Raises:
        NotFound: the review has none of that number.
    """
    found = _infos(session, (Event.id == event_id) & (Event.review_id == review_id))
    if not found:
        raise NotFound(f"there is no event {event_id} in this review")
    return found[0]


def mark_mistaken(
    session: WriteSession, review_id: int, event_id: int, *, evidence: str, person_id: int
) -> None:
    """Say that an event is not so; it stays, with who says so and why.

    Raises:
        NotFound: the review has none of that number.
        Conflict: it is marked already.
        ValueError: no evidence is given.
    """
    if not evidence.strip():
        raise ValueError("say what shows that it is mistaken: an address, a letter, a date")
    row = session.get(Event, event_id, with_for_update=True)
    if row is None or row.review_id != review_id:
        raise NotFound(f"there is no event {event_id} in this review")
    if row.mistaken_at is not None:
        raise Conflict(f"event {event_id} is marked mistaken already: {row.evidence}")
    row.mistaken_at, row.mistaken_by, row.evidence = now(), person_id, evidence.strip()
    audit.append(
        session,
        "event.mistaken",
        review_id=review_id,
        person_id=person_id,
        detail={"event": event_id, "kind": row.kind, "reason": evidence.strip()},
    )


def act(
    session: WriteSession, review_id: int, event_id: int, what: str, *, note: str, person_id: int
) -> EventInfo:
    """Note what is done about an event on an included report; excluding it is a decision apart.

    Raises:
        NotFound: the review has none of that number.
        ValueError: ``what`` is none of ``ACTS``, or there is no note.
    """
    if what not in ACTS:
        raise ValueError(f"what is done must be one of {', '.join(ACTS)}, not {what!r}")
    if not note.strip():
        raise ValueError("a note in words is needed")
    found = by_id(session, review_id, event_id)
    session.add(EventAct(event_id=event_id, act=what, note=note.strip(), person_id=person_id))
    session.flush()
    audit.append(
        session,
        f"event.{what}",
        review_id=review_id,
        person_id=person_id,
        detail={"event": event_id, "report": found.report_id, "reason": note.strip()},
    )
    return by_id(session, review_id, event_id)
