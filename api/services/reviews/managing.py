"""Reviews: created, renamed, and their settings changed."""

from __future__ import annotations

from dataclasses import replace

from api.protocol import ProtocolBody
from api.services.reviews.names import check_title, make_slug
from store.core.errors import AlreadyUsed
from store.core.session import Store
from store.reviews import reviews
from store.reviews.reviews import NewReview, ReviewInfo

# How many reviews may have the same title; later ones get a number in their short name.
_SAME_TITLE = 1000


def create_review(store: Store, new: NewReview, *, person_id: int) -> ReviewInfo:
    """Create a review; the person becomes its owner.

    Raises:
        AlreadyUsed: the short name is taken.
        ValueError: the title is empty or too long, or a reason for exclusion is reserved.
    """
    new = replace(new, title=check_title(new.title))
    with store.write() as session:
        return reviews.create_review(session, new, person_id=person_id)


def create_titled_review(
    store: Store, title: str, protocol: ProtocolBody, *, person_id: int
) -> ReviewInfo:
    """Create a review under a free short name made from its title.

    Raises:
        AlreadyUsed: a thousand reviews have this title.
        ValueError: the title is empty or too long, or a reason for exclusion is reserved.
    """
    stem = make_slug(title)[:60].strip("-") or "review"
    for number in range(1, _SAME_TITLE):
        slug = stem if number == 1 else f"{stem}-{number}"
        try:
            return create_review(
                store, NewReview(slug, title, protocol.stored()), person_id=person_id
            )
        except AlreadyUsed:
            continue
    raise AlreadyUsed(f"there are a thousand reviews named {title!r}")


def rename_review(store: Store, review_id: int, title: str, *, person_id: int) -> ReviewInfo:
    """Give a review another title. The same title again changes nothing.

    Raises:
        ValueError: the title is empty or too long.
    """
    title = check_title(title)
    with store.write() as session:
        reviews.lock_review(session, review_id)
        if reviews.get_review(session, review_id).title != title:
            reviews.rename_review(session, review_id, title, person_id=person_id)
        return reviews.get_review(session, review_id)
