"""What a team states about items 2 to 7 of PRISMA-S: ways of searching besides its databases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import TypeAdapter

from api.services.reviews.stored_settings import read_setting
from store.core.session import Store
from store.reviews import reviews
from store.reviews.reviews import ReviewInfo

# The key of a review's settings: item number, as text, to what was stated.
METHODS: Final = "search_methods"
# What is asked, by item.
QUESTIONS: Final[Mapping[int, str]] = {
    2: "Were several databases searched at once on one platform?",
    3: "Which study registries were searched?",
    4: "Which websites, tables of contents or other online or print resources were browsed?",
    5: "Were cited or citing references looked at, and how?",
    6: "Was anybody contacted for further studies?",
    7: "Which other ways of finding studies were used?",
}
_NONE: Final = "none"
_LONGEST: Final = 5000
_METHODS: Final = TypeAdapter(dict[int, str])
_NOTHING: Final[Mapping[int, str]] = {}


def get_stated_methods(review: ReviewInfo) -> dict[int, str]:
    """What was stated by item; "" for "none". Items that nobody has stated are left out."""
    return {
        item: "" if text == _NONE else text
        for item, text in read_setting(review, METHODS, parse_methods, _NOTHING).items()
    }


def parse_methods(value: Any) -> Mapping[int, str]:
    """What was stated by item, from its stored JSON.

    Raises:
        ValueError: it is not text by item.
    """
    return _METHODS.validate_python(value)


def state_methods(
    store: Store, review_id: int, stated: Mapping[int, str | None], *, person_id: int
) -> dict[int, str]:
    """State what was done, "none", or nothing (None or ""), by item; other items stay.

    Returns:
        What is stated now; see ``get_stated_methods``.

    Raises:
        NotFound: there is no such review.
        ValueError: an item is not one of ``QUESTIONS``, or a text is too long.
    """
    for item, text in stated.items():
        if item not in QUESTIONS:
            raise ValueError(f"item must be one of {', '.join(map(str, QUESTIONS))}, not {item}")
        if text and len(text) > _LONGEST:
            raise ValueError(f"item {item}: write at most {_LONGEST:,} characters")
    with store.write() as session:
        reviews.lock_review(session, review_id)
        review = reviews.get_review(session, review_id)
        stored = read_setting(review, METHODS, parse_methods, _NOTHING)
        before = {str(item): text for item, text in stored.items()}
        after = dict(before)
        for item, text in stated.items():
            words = (text or "").strip()
            if words:
                after[str(item)] = _NONE if words.rstrip(".").lower() == _NONE else words
            else:
                after.pop(str(item), None)
        if after != before:
            reviews.update_settings(session, review_id, {METHODS: after}, person_id=person_id)
        return get_stated_methods(reviews.get_review(session, review_id))
