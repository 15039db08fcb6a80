"""One decision or tag on every record that a filter finds, undone as one."""

from __future__ import annotations

from store.core.session import Store
from store.screening import bulk
from store.screening.bulk import BulkRequest


def apply_action(
    store: Store, review_id: int, person_id: int, request: BulkRequest
) -> tuple[int, bool]:
    """Decide or tag every record that the filter finds.

    Returns:
        The action's id, and whether this call did it; False if an earlier one with the same
        token had.

    Raises:
        NotAllowed: only leads decide in bulk; anybody who screens may tag.
        Conflict: the list has changed since the person saw it, or nothing on it can be changed.
        ValueError: the decision, tag, reasons or note are wrong.
    """
    with store.write() as session:
        return bulk.apply_action(session, review_id, person_id, request)


def undo_action(store: Store, review_id: int, person_id: int, bulk_id: int) -> int:
    """Undo a bulk action as one, and return on how many records it was undone.

    Raises:
        NotFound: the review has no such action.
        NotAllowed: it is another person's, and this one is no lead.
        Conflict: it was undone before.
    """
    with store.write() as session:
        return bulk.undo_action(session, review_id, person_id, bulk_id)
