"""Keys are stored and looked up as plain Python would do it."""

from __future__ import annotations

from collections import defaultdict

import pytest
from sqlalchemy import select

from harvest.record import Record
from store.core.session import Store
from store.core.tables import RecordRow
from store.reports import pair_keys
from store.reviews.reviews import ReviewInfo
from tests.store.builders import content, store_content


@pytest.mark.case("service", 21)
def test_records_that_share_keys_are_found_up_to_a_limit(store: Store, review: ReviewInfo) -> None:
    store_content(
        store, review.id, content([Record(place, title=f"Title {place}") for place in range(1, 31)])
    )
    with store.read() as session:
        ids = list(session.scalars(select(RecordRow.id).order_by(RecordRow.id)))
    # The largest and the smallest numbers, a key that all share, and keys that every third shares.
    keys = {
        number: (7, 100 + place % 3, -(2**63) + place // 2, 2**63 - 1 - place)
        for place, number in enumerate(ids)
    }
    holders: dict[int, list[int]] = defaultdict(list)
    for number, own in keys.items():
        for key in own:
            holders[key].append(number)
    with store.write() as session:
        pair_keys.add_keys(
            session, review.id, pair_keys.list_rows(dict.fromkeys(ids[:5], (1, 2, 3)))
        )
        pair_keys.forget_keys(session, ids)
        rows = pair_keys.list_rows(keys)
        assert rows == sorted(rows)
        # Others who compare may have stored some already.
        for part in (rows[:50], rows):
            pair_keys.add_keys(session, review.id, part)
        for asked, limit in ((ids, 40), (ids, 8), (ids[-4:], 8), (ids[:1], 2)):
            wanted = {
                key: members[:limit]
                for key, members in holders.items()
                if not set(members).isdisjoint(asked)
            }
            own = {number: keys[number] for number in asked}
            found = pair_keys.find_sharing_records(session, review.id, own, limit=limit)
            assert found == wanted
        assert pair_keys.count_crowded_keys(session, review.id, limit=8) == 4
