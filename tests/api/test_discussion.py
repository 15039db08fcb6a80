"""Conflicts narrowed, and the discussion of the criteria."""

from __future__ import annotations

import pytest
from fastapi import FastAPI

from api.app import create_app
from api.settings import Settings
from store.people import PersonInfo
from store.reviews import ReviewInfo
from store.session import Store
from tests.api.test_conflicts import api, dual
from tests.api.test_team import browser
from tests.store.made import add_records, join


@pytest.fixture
def app(settings: Settings, store: Store) -> FastAPI:
    return create_app(settings, store)


def test_conflicts_are_narrowed_and_criteria_discussed(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, two, three = add_records(store, review.id, 3)
    with store.write() as session:
        bo, cy = (join(session, review.id, name) for name in ("bo", "cy"))
    lead, first, second = (api(app, store, who) for who in (person, bo, cy))
    own, pages = f"/api/v1/reviews/{review.slug}", f"/reviews/{review.slug}"
    dual(lead, review.slug)
    for client, report, word in (
        (first, one, "include"),
        (second, one, "exclude"),
        (first, two, "maybe"),
        (lead, two, "exclude"),
        (first, three, "include"),
    ):
        body = {"token": f"{id(client)}{report}", "report": report, "decision": word}
        assert client.post(f"{own}/decisions", json=body).status_code == 200

    def listed(**query: str) -> list[int]:
        found = lead.get(f"{own}/conflicts", params=query).json()
        return [each["record"]["report"] for each in found]

    assert listed() == [one, two]
    assert listed(between="cy") == [one]
    assert listed(between="nobody") == []
    assert listed(against="maybe") == [two]
    assert listed(q="no such words") == []
    seen = second.get(f"{own}/conflicts").json()
    assert [each["record"]["report"] for each in seen] == [one]

    # A note on a record that somebody is still to decide would tell what its writer thinks.
    early = {"text": "is this school social work?", "report": three}
    assert first.post(f"{own}/discussion", json=early).status_code == 409
    note = {"text": "does kinship care count?", "report": one}
    (made,) = first.post(f"{own}/discussion", json=note).json()
    assert (made["person"], made["protocol_version"]) == ("bo", 2)
    client = browser(app, store, person)
    client.follow_redirects = True
    page = client.get(f"{pages}/conflicts").text
    assert "2 conflicts" in page
    assert "does kinship care count?" in page
    assert "1 conflict" in client.get(f"{pages}/conflicts", params={"between": "cy"}).text
    sent = client.post(f"{pages}/conflicts/discussion", data={"text": "ages too?"})
    assert "ages too?" in sent.text
    refused = client.post(f"{pages}/conflicts/discussion", data={"text": " "})
    assert refused.status_code == 422
    assert len(lead.get(f"{own}/discussion").json()) == 2
