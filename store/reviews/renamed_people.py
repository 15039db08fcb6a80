"""People whom an upgrade gave another name, in the audit trail of each review that they are in."""

from __future__ import annotations

from sqlalchemy import select

from store.core import audit
from store.core.session import WriteSession
from store.core.tables import AuditEvent, Membership
from store.reviews import people


def record_renamed_people(session: WriteSession) -> int:
    """Add an event for each person whom an upgrade renamed, unless there is one.

    An event has the person's id and not the names, which can be erased.

    Returns:
        The number of people for whom events were added.
    """
    renamed = people.list_renamed_people(session)
    if not renamed:
        return 0
    details = session.scalars(select(AuditEvent.detail).where(AuditEvent.action == "name.numbered"))
    recorded = {detail.get("person") for detail in details}
    missing = [person.id for person in renamed if person.id not in recorded]
    for person_id in missing:
        query = select(Membership.review_id).where(Membership.person_id == person_id)
        in_reviews: list[int | None] = [*session.scalars(query.order_by(Membership.review_id))]
        for review_id in in_reviews or [None]:
            detail = {"person": person_id}
            audit.append_event(session, "name.numbered", review_id=review_id, detail=detail)
    return len(missing)
