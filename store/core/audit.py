"""The audit trail: a chain of events, each with the hash of the event before it."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from store.core.session import ReadSession, WriteSession
from store.core.tables import AuditEvent, AuditHead, Identity, now

_GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry of the audit trail; who did it, by name and id, if it was a person.

    Attributes:
        inviter: who invited the person, by name, if an invitation link was used.
    """

    id: int
    at: dt.datetime
    person_id: int | None
    person: str | None
    action: str
    detail: Mapping[str, Any]
    inviter: str | None = None


def _hash(previous: str, event: AuditEvent) -> str:
    body = json.dumps(
        [
            previous,
            event.at.astimezone(dt.UTC).isoformat(timespec="microseconds"),
            event.review_id,
            event.person_id,
            event.action,
            event.detail,
        ],
        sort_keys=True,
        ensure_ascii=False,
        separators=(",", ":"),
    )
    return hashlib.sha256(body.encode()).hexdigest()


def append_event(
    session: WriteSession,
    action: str,
    *,
    review_id: int | None = None,
    person_id: int | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Add an event to the end of the chain. Writers take turns by locking the head row."""
    head = session.scalars(select(AuditHead).with_for_update()).first()
    if head is None:
        head = AuditHead(id=1, hash=_GENESIS)
        session.add(head)
    # The detail goes through JSON and back, so that its hash matches what will be read later.
    event = AuditEvent(
        review_id=review_id,
        person_id=person_id,
        at=now(),
        action=action,
        detail=json.loads(json.dumps(dict(detail or {}), default=str)),
        previous_hash=head.hash,
    )
    event.hash = _hash(head.hash, event)
    session.add(event)
    head.hash = event.hash
    session.flush()


def list_events(session: ReadSession, review_id: int, *, limit: int = 200) -> list[AuditEntry]:
    """The latest events of a review, newest first."""
    rows = session.execute(
        select(AuditEvent, Identity.name)
        .outerjoin(Identity, Identity.person_id == AuditEvent.person_id)
        .where(AuditEvent.review_id == review_id)
        .order_by(AuditEvent.id.desc())
        .limit(limit)
    ).all()
    ids = {event.detail["invited_by"] for event, _ in rows if event.detail.get("invited_by")}
    found = session.execute(
        select(Identity.person_id, Identity.name).where(Identity.person_id.in_(ids))
    )
    names: dict[Any, str] = {row.person_id: row.name for row in found}
    return [
        AuditEntry(
            event.id,
            event.at,
            event.person_id,
            name,
            event.action,
            event.detail,
            names.get(event.detail.get("invited_by")),
        )
        for event, name in rows
    ]


def find_first_broken_event(session: ReadSession) -> int | None:
    """Check the chain.

    Returns:
        None if every hash follows from the one before it; otherwise the id of the first event whose
        hash does not, or -1 if events are missing at the end.
    """
    previous = _GENESIS
    for event in session.scalars(select(AuditEvent).order_by(AuditEvent.id)):
        if event.previous_hash != previous or event.hash != _hash(previous, event):
            return event.id
        previous = event.hash
    head = session.scalars(select(AuditHead)).first()
    return None if head is None or head.hash == previous else -1
