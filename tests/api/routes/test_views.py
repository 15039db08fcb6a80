"""What the API answers about the ranking."""

from __future__ import annotations

from functools import partial

import pytest
from fastapi.testclient import TestClient

from api.settings import Settings
from store.core.session import Store
from store.reports import records
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from tests.api.answers import corpus_with_gold
from tests.api.corpus import decide, until, working


def _is_there(client: TestClient, address: str) -> bool:
    return client.get(address).status_code == 200


@pytest.mark.usefixtures("quick_encoder")
def test_the_api_starts_explanations_and_comparisons_and_gives_their_results(
    client: TestClient, store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    _, relevant = corpus_with_gold(store, review, person)
    base = f"/api/v1/reviews/{review.slug}"
    with store.read() as session:
        record = records.list_records_of_report(session, review.id, relevant[0])[0].id
    why = f"{base}/records/{record}/explanation"
    with working(store, settings):
        # A comparison waits until all records are read for their meaning.
        for address in (f"{base}/evaluation/comparison", why):
            # By then there is an order that can be explained.
            assert client.get(address).status_code == 404
            assert client.post(address).status_code == 202
            until(partial(_is_there, client, address))
    body = client.get(f"{base}/evaluation/comparison").json()
    assert set(body["orders"]) == {"default", "elas-u4"}
    assert "counts as irrelevant" in body["note"]
    # Nothing is decided, so no model has been fitted; the answer must say so.
    told = client.get(why).json()
    assert (told["report"], told["fitted"], told["current"]) == (relevant[0], False, True)
    decide(store, review, person, relevant[3], relevant=True)
    assert client.get(why).json()["current"] is False
    assert client.get(f"{base}/records/999999/explanation").status_code == 404
