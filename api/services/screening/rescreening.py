"""Screening records again that were decided under criteria that have changed since."""

from __future__ import annotations

from store.core.session import Store
from store.screening import rescreens
from store.screening.rescreens import NewRescreen


def create_rescreen(store: Store, review_id: int, new: NewRescreen, *, by: int) -> int:
    """Have records screened again, and return the id of their list.

    Until they are, their old decisions do not count.

    Raises:
        NotAllowed: the person who asks is no lead.
        Conflict: no decision matches.
        ValueError: no reason is given.
    """
    with store.write() as session:
        return rescreens.create_rescreen(session, review_id, new, by=by)


def withdraw_rescreen(store: Store, review_id: int, rescreen_id: int, *, by: int) -> None:
    """Withdraw a list: the decisions made before it count again.

    Raises:
        NotAllowed: the person who withdraws it is no lead.
        NotFound: the review has no such list.
        Conflict: it was withdrawn before.
    """
    with store.write() as session:
        rescreens.withdraw_rescreen(session, review_id, rescreen_id, by=by)
