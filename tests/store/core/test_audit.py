"""The audit trail."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text, update

from store.core import audit
from store.core.session import Store
from store.core.tables import AuditEvent
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo

pytestmark = pytest.mark.both_databases


def test_the_audit_trail_shows_a_changed_and_a_removed_event(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    with store.write() as session:
        for number in range(3):
            audit.append_event(
                session, "made", review_id=review.id, person_id=person.id, detail={"n": number}
            )
    with store.read() as session:
        assert audit.find_first_broken_event(session) is None
        ids = list(session.scalars(select(AuditEvent.id).order_by(AuditEvent.id)))
        assert audit.list_events(session, review.id)[0].detail == {"n": 2}
    with store.write() as session:
        session.execute(update(AuditEvent).where(AuditEvent.id == ids[2]).values(action="forged"))
    with store.read() as session:
        assert audit.find_first_broken_event(session) == ids[2]
    with store.write() as session:
        session.execute(text("DELETE FROM audit_event WHERE id = :id"), {"id": ids[-1]})
        session.execute(update(AuditEvent).where(AuditEvent.id == ids[2]).values(action="made"))
    with store.read() as session:
        assert audit.find_first_broken_event(session) == -1
