"""Lists of known relevant records."""

from __future__ import annotations

import pytest

from store.core.session import Store
from store.reviews import reviews
from store.reviews.reviews import ReviewInfo
from store.searching import gold
from store.searching.gold import GoldUses, NewGold


def test_a_known_record_is_listed_once_and_its_uses_are_checked(
    store: Store, review: ReviewInfo
) -> None:
    one = NewGold("One", year=2012, doi="10.1000/a")
    with store.write() as session:
        assert gold.add_gold(session, review.id, [one, one], list_name="l", person_id=None) == 1
        assert gold.add_gold(session, review.id, [one], list_name="m", person_id=None) == 0
        with pytest.raises(ValueError, match="search use"):
            gold.add_gold(
                session, review.id, [NewGold("x", search_use="?")], list_name="l", person_id=1
            )
        uses = GoldUses(search="development", ranking="seed")
        gold.set_uses(session, review.id, "l", uses, person_id=None)
        (listed,) = gold.list_gold(session, review.id)
        assert (listed.search_use, listed.ranking_use) == ("development", "seed")
        gold.remove_list(session, review.id, "l", person_id=None)
        assert gold.list_gold(session, review.id) == []
        versions = reviews.list_protocols(session, review.id)
    # Each change of the list makes a new version of the protocol: added, uses changed, removed.
    named = [v.body.get("known_relevant", []) for v in versions]
    assert [len(lists) for lists in named] == [0, 1, 1, 0]
    assert (named[1][0]["validation"], named[2][0]["validation"]) == (0, 1)
    assert named[1][0]["sha256"] != named[2][0]["sha256"]
