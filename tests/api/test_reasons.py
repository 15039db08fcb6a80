"""Reasons for exclusion from the card to the export, over API and pages."""

from __future__ import annotations

import csv
import io

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from store.core.session import Store
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from tests.api.people import browser
from tests.conftest import token_of
from tests.store.builders import add_records, join
from tests.store.protocols import REASONS


def _protocol(client: TestClient, slug: str, **values: object) -> dict[str, object]:
    address = f"/api/v1/reviews/{slug}/protocol"
    body = {**client.get(address).json()["body"], **values}
    answer = client.put(address, json={"body": body})
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


@pytest.mark.case("figures", 10)
def test_the_reasons_of_an_exclude_are_kept_from_card_to_export(
    client: TestClient, app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, two, three = add_records(store, review.id, 3)
    _protocol(client, review.slug, **REASONS)
    own = f"/api/v1/reviews/{review.slug}"
    body = {"token": "a", "report": one, "decision": "exclude"}
    refused = client.post(f"{own}/decisions", json=body)
    assert (refused.status_code, "choose one" in refused.text) == (422, True)
    wrong = client.post(f"{own}/decisions", json={**body, "reasons": ["outcome"]})
    assert (wrong.status_code, "population, design" in wrong.text) == (422, True)
    given = {**body, "reasons": ["design", "population"]}
    stored = client.post(f"{own}/decisions", json=given).json()["decision"]
    assert stored["reasons"] == ["population", "design"]
    # The order changes later; the report uses the version under which the decision was made.
    _protocol(client, review.slug, reasons=REASONS["reasons"][::-1])
    page = browser(app, store, person)
    screen = page.get(f"/reviews/{review.slug}/screen").text
    assert "Not about children" in screen
    form = {"report": str(two), "token": "b", "decision": "exclude", "reason": ["design"]}
    assert page.post(f"/reviews/{review.slug}/screen/decide", data=form).status_code == 303
    none = {"report": str(three), "token": "c", "decision": "exclude"}
    assert page.post(f"/reviews/{review.slug}/screen/decide", data=none).status_code == 422
    include = {"report": str(three), "token": "d", "decision": "include", "reason": ["design"]}
    assert page.post(f"/reviews/{review.slug}/screen/decide", data=include).status_code == 303
    rows = list(csv.DictReader(io.StringIO(client.get(f"{own}/exports/csv").text.lstrip("\ufeff"))))
    assert [(row["decision"], row["reason"], row["reasons"]) for row in rows] == [
        ("exclude", "", "Not about children; No study"),
        ("exclude", "No study", "No study"),
        ("include", "", ""),
    ]
    record = client.get(f"{own}/records").json()["records"]
    number = next(each["id"] for each in record if each["report"] == one)
    shown = page.get(f"/reviews/{review.slug}/records/{number}").text
    assert "because: Not about children; No study" in shown


@pytest.mark.case("figures", 10)
def test_different_reasons_make_no_conflict(
    client: TestClient, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    (one,) = add_records(store, review.id, 1)
    plans = [{"stage": "title-abstract", "dual_share": 1.0}]
    _protocol(client, review.slug, reasons=REASONS["reasons"], plans=plans)
    with store.write() as session:
        bo = join(session, review.id, "bo")
    own = f"/api/v1/reviews/{review.slug}/decisions"
    headers = {"authorization": f"Bearer {token_of(store, bo.id)}"}
    body = {"report": one, "decision": "exclude"}
    client.post(own, json={**body, "token": "a", "reasons": ["design"]})
    client.post(own, json={**body, "token": "b", "reasons": ["population"]}, headers=headers)
    counts = client.get(f"/api/v1/reviews/{review.slug}").json()["counts"]
    assert (counts["exclude"], counts["conflict"]) == (1, 0)


def test_reasons_keep_their_keys_when_the_form_is_saved(
    app: FastAPI, client: TestClient, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    page = browser(app, store, person)
    path = f"/reviews/{review.slug}/protocol"

    def save(text: str) -> list[tuple[str, str]]:
        assert page.post(path, data={"reasons": text, "reason_required": "on"}).status_code == 303
        body = client.get(f"/api/v1{path}").json()["body"]
        assert body["plans"][0]["reason_required"] is True
        return [(each["key"], each["text"]) for each in body["reasons"]]

    assert save("No children\nNo study") == [("r1", "No children"), ("r2", "No study")]
    assert save("Old\nNo study\nNo children\nNo study") == [
        ("r3", "Old"),
        ("r2", "No study"),
        ("r1", "No children"),
    ]
    assert "No children" in page.get(path).text
