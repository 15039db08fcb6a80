"""The people of a review, for tests of the store."""

from __future__ import annotations

import pytest

from store.core.session import Store
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from tests.store.builders import join


@pytest.fixture
def bo(store: Store, review: ReviewInfo) -> PersonInfo:
    """A reviewer."""
    with store.write() as session:
        return join(session, review.id, "bo")


@pytest.fixture
def team(store: Store, review: ReviewInfo) -> list[PersonInfo]:
    """Two people who screen, and one who settles conflicts."""
    with store.write() as session:
        return [
            join(session, review.id, "bo"),
            join(session, review.id, "cy"),
            join(session, review.id, "di", "adjudicator"),
        ]
