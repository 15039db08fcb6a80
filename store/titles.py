"""The titles of a review's records, without their texts."""

from __future__ import annotations

from sqlalchemy import select

from store.session import ReadSession
from store.tables import RecordRow


def titles(session: ReadSession, review_id: int) -> list[tuple[int, int, str]]:
    """Report, record and title of every record that counts and has one."""
    rows = session.execute(
        select(RecordRow.report_id, RecordRow.id, RecordRow.title)
        .where(RecordRow.review_id == review_id, RecordRow.active.is_(True), RecordRow.title != "")
        .order_by(RecordRow.id)
    )
    return [(report_id, record_id, title) for report_id, record_id, title in rows if title]
