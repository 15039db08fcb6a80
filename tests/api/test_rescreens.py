"""Criteria that change over API and pages: what is screened again, and the deviations."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.app import create_app
from api.settings import Settings
from store.people import PersonInfo
from store.reviews import ReviewInfo
from store.session import Store
from tests.api.test_conflicts import api
from tests.api.test_team import browser
from tests.store.made import add_records, join

OLD_NOTE = "An old note"


@pytest.fixture
def app(settings: Settings, store: Store) -> FastAPI:
    return create_app(settings, store)


def _change(client: TestClient, slug: str, why: str | None) -> int:
    address = f"/api/v1/reviews/{slug}/protocol"
    body = client.get(address).json()["body"]
    body["inclusion"] = [*body["inclusion"], "young people to 25"]
    return client.put(address, json={"body": body, "reason": why}).status_code


def test_a_lead_picks_what_is_screened_again_and_others_screen_it_blind(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, two, _ = add_records(store, review.id, 3)
    with store.write() as session:
        bo = join(session, review.id, "bo")
    lead, first = api(app, store, person), api(app, store, bo)
    own = f"/api/v1/reviews/{review.slug}"
    for report, word in ((one, "exclude"), (two, "include")):
        body = {"token": f"t{report}", "report": report, "decision": word, "note": OLD_NOTE}
        assert lead.post(f"{own}/decisions", json=body).status_code == 200
    assert _change(lead, review.slug, None) == 422
    assert _change(lead, review.slug, "services reach to 25") == 200
    (older,) = lead.get(f"{own}/rescreens").json()["older"]
    assert older["words"] == {"exclude": 1, "include": 1}
    asked = {"decision": "exclude", "reason": "older ages may be in"}
    assert first.post(f"{own}/rescreens", json=asked).status_code == 403
    made = lead.post(f"{own}/rescreens", json=asked)
    assert made.status_code == 201
    (found,) = made.json()["lists"]
    assert (found["reports"], found["left"]) == (1, 1)
    assert lead.post(f"{own}/rescreens", json=asked).status_code == 409

    ordinary = first.post(f"{own}/queue/next", json={"n": 9}).json()
    assert one not in [card["report"] for card in ordinary["cards"]]
    assert (ordinary["remaining"], ordinary["again"]) == (1, 1)
    again = first.post(f"{own}/queue/next", json={"n": 9, "again": True}).json()
    assert [card["report"] for card in again["cards"]] == [one]
    for path in (f"{own}/decisions", f"{own}/exports/csv", f"{own}/exports/jsonl"):
        assert f"t{one}" not in first.get(path).text
    body = {"token": "anew", "report": one, "decision": "include"}
    assert first.post(f"{own}/decisions", json=body).json()["decision"]["counts"] is True
    assert lead.get(f"{own}/progress").json()["counts"]["include"] == 2
    (found,) = lead.get(f"{own}/rescreens").json()["lists"]
    assert found["left"] == 0
    (deviation,) = first.get(f"{own}/deviations").json()
    assert deviation["reason"] == "services reach to 25"
    assert deviation["changed"] == ["inclusion criteria"]

    gone = lead.delete(f"{own}/rescreens/{found['id']}")
    assert gone.json()["lists"][0]["withdrawn_at"]
    # Both stand now; the later one counts, since one person decides.
    assert lead.get(f"{own}/progress").json()["counts"]["include"] == 2


def test_the_page_narrows_asks_and_tells(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, _ = add_records(store, review.id, 2)
    client = browser(app, store, person)
    own = f"/reviews/{review.slug}"
    api_client = api(app, store, person)
    body = {"token": "t", "report": one, "decision": "exclude"}
    api_client.post(f"/api/v1{own}/decisions", json=body)
    assert "Every decision was made" in client.get(f"{own}/rescreens").text
    assert _change(api_client, review.slug, "wider") == 200
    shown = client.get(f"{own}/rescreens").text
    assert "Screen 1 record again" in shown
    assert "wider" in shown
    assert "No such decision" in client.get(f"{own}/rescreens", params={"q": "absent"}).text
    refused = client.post(f"{own}/rescreens", data={"why": " "})
    assert refused.status_code == 422
    assert "say why" in refused.text
    client.post(f"{own}/rescreens", data={"why": "older ages"})
    screen = client.get(f"{own}/screen").text
    assert "1 record is to be screened again" in screen
    assert f'data-report="{one}"' in client.get(f"{own}/screen", params={"again": True}).text
    done = {"report": str(one), "token": "u", "decision": "include", "again": "true"}
    answer = client.post(f"{own}/screen/decide", data=done, follow_redirects=False)
    assert answer.headers["location"].endswith("?again=true")
    client.post(f"{own}/rescreens/1/withdraw")
    assert "taken back" in client.get(f"{own}/rescreens").text
