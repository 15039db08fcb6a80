"""Lists of known relevant records: added, given their two uses, removed."""

from __future__ import annotations

from collections.abc import Sequence

from api.services.searching.gold_files import list_own_includes
from store.core.session import Store
from store.reviews import reviews
from store.searching import gold
from store.searching.gold import GoldUses, NewGold

OWN_INCLUDES = "own includes"


def add_gold(
    store: Store,
    review_id: int,
    records: Sequence[NewGold],
    *,
    list_name: str,
    person_id: int | None,
) -> int:
    """Add a list of known relevant records, without those that the review lists already.

    Returns:
        How many were added.

    Raises:
        ValueError: a use is unknown.
    """
    with store.write() as session:
        return gold.add_gold(session, review_id, records, list_name=list_name, person_id=person_id)


def add_own_includes(store: Store, review_id: int, *, person_id: int | None) -> int:
    """Add the review's own includes as a list; returns how many were added."""
    with store.write() as session:
        reviews.lock_review(session, review_id)
        includes = list_own_includes(session, review_id)
        return gold.add_gold(
            session, review_id, includes, list_name=OWN_INCLUDES, person_id=person_id
        )


def set_uses(
    store: Store, review_id: int, list_name: str, uses: GoldUses, *, person_id: int | None
) -> None:
    """Set both uses of a whole list."""
    with store.write() as session:
        gold.set_uses(session, review_id, list_name, uses, person_id=person_id)


def remove_list(store: Store, review_id: int, list_name: str, *, person_id: int | None) -> None:
    """Remove a list. Versions of the protocol that name it can still be read."""
    with store.write() as session:
        gold.remove_list(session, review_id, list_name, person_id=person_id)
