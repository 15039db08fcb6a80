"""Criteria that change over API and pages: what is screened again, and the deviations."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.testclient import TestClient

from store.core.session import Store
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from tests.api.people import api_client, browser
from tests.store.builders import add_records, join

OLD_NOTE = "An old note"


def _change(client: TestClient, slug: str, why: str | None) -> int:
    address = f"/api/v1/reviews/{slug}/protocol"
    body = client.get(address).json()["body"]
    body["inclusion"] = [*body["inclusion"], "young people to 25"]
    return client.put(address, json={"body": body, "reason": why}).status_code


def test_a_lead_chooses_what_is_screened_again_and_others_screen_it_blind(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, two, _ = add_records(store, review.id, 3)
    with store.write() as session:
        bo = join(session, review.id, "bo")
    lead, first = api_client(app, store, person), api_client(app, store, bo)
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
    # Both count now, but the later one decides, because one person is enough.
    assert lead.get(f"{own}/progress").json()["counts"]["include"] == 2


def test_the_page_filters_decisions_and_asks_for_another_screening(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, _ = add_records(store, review.id, 2)
    page = browser(app, store, person)
    own = f"/reviews/{review.slug}"
    client = api_client(app, store, person)
    body = {"token": "t", "report": one, "decision": "exclude"}
    client.post(f"/api/v1{own}/decisions", json=body)
    assert "No decision was made under older criteria" in page.get(f"{own}/rescreens").text
    assert _change(client, review.slug, "wider") == 200
    shown = page.get(f"{own}/rescreens").text
    assert "Screen 1 record again" in shown
    assert "wider" in shown
    assert (
        "No decision under older criteria matches"
        in page.get(f"{own}/rescreens", params={"q": "absent"}).text
    )
    refused = page.post(f"{own}/rescreens", data={"why": " "})
    assert refused.status_code == 422
    assert "Say why" in refused.text
    page.post(f"{own}/rescreens", data={"why": "older ages"})
    screen = page.get(f"{own}/screen").text
    assert "1 record needs screening again" in screen
    assert f'data-report="{one}"' in page.get(f"{own}/screen", params={"again": True}).text
    done = {"report": str(one), "token": "u", "decision": "include", "again": "true"}
    answer = page.post(f"{own}/screen/decide", data=done, follow_redirects=False)
    assert answer.headers["location"].endswith("?again=true")
    page.post(f"{own}/rescreens/1/withdraw")
    assert "taken back" in page.get(f"{own}/rescreens").text
