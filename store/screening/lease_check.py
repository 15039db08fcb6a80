"""Cards that people hold, compared with the reports that they are of."""

from __future__ import annotations

from sqlalchemy import or_, select

from store.core.session import ReadSession
from store.core.tables import Lease, Membership, Report


def find_stray_leases(session: ReadSession) -> list[tuple[int, int]]:
    """Cards of another review's report, or held by a person who is not in the review.

    Returns:
        The report and the person of each.
    """
    rows = session.execute(
        select(Lease.report_id, Lease.person_id)
        .join(Report, Report.id == Lease.report_id)
        .outerjoin(
            Membership,
            (Membership.review_id == Lease.review_id) & (Membership.person_id == Lease.person_id),
        )
        .where(or_(Lease.review_id != Report.review_id, Membership.person_id.is_(None)))
        .order_by(Lease.report_id, Lease.stage, Lease.slot)
    )
    return [(row[0], row[1]) for row in rows]
