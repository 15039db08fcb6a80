"""Leaving out reports outside the protocol's years, and taking them back."""

from __future__ import annotations

from store.core import audit
from store.core.session import Store
from store.reports import limits
from store.reports.limits import LimitCounts
from store.reviews import reviews
from store.rules.limits import IN_FORCE


def set_in_force(store: Store, review_id: int, in_force: bool, *, person_id: int) -> LimitCounts:
    """Leave out the reports outside the protocol's years from now on, or take all of them back.

    Returns:
        The counts afterwards.

    Raises:
        NotFound: there is no such review.
    """
    with store.write() as session:
        reviews.lock_review(session, review_id)
        before = limits.count_limits(session, review_id)
        reviews.update_settings(session, review_id, {IN_FORCE: in_force}, person_id=person_id)
        session.flush()
        limits.refresh_review(session, review_id)
        after = limits.count_limits(session, review_id)
        if after.out_of_range != before.out_of_range:
            reviews.request_ranking(session, review_id)
        audit.append_event(
            session,
            "limits.changed",
            review_id=review_id,
            person_id=person_id,
            detail={
                "in_force": in_force,
                "before": before.out_of_range,
                "out_of_range": after.out_of_range,
            },
        )
        return after
