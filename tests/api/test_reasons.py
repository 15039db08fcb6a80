"""Reasons for exclusion: of the protocol, with decisions, on pages and in exports."""

from __future__ import annotations

import csv
import io

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.app import create_app
from api.settings import Settings
from store import reasons
from store.people import PersonInfo
from store.reviews import ReviewInfo
from store.session import Store
from tests.api.test_team import browser
from tests.conftest import token_of
from tests.store.made import add_records, join

BODY = {
    "reasons": [
        {"key": "population", "text": "Not about children"},
        {"key": "design", "text": "No study"},
    ],
    "plans": [{"stage": "title-abstract", "reason_required": True}],
}


def test_reasons_are_the_protocols_in_its_order() -> None:
    assert reasons.checked(BODY, "exclude", ["design", "population"]) == ["population", "design"]
    assert reasons.reported(BODY, ["design", "population"]) == "Not about children"
    assert reasons.reported(BODY, []) is None
    assert reasons.checked(BODY, "include", []) == []
    assert reasons.checked({}, "exclude", []) == []
    for decision, given, words in (
        ("exclude", ["outcome"], "none of the protocol's reasons: population, design"),
        ("include", ["design"], "exclude alone"),
        ("exclude", [], "asks for a reason"),
    ):
        with pytest.raises(ValueError, match=words):
            reasons.checked(BODY, decision, given)
    with pytest.raises(ValueError, match="it has none"):
        reasons.checked({}, "exclude", ["design"])
    # What is required is asked for only where there is something to choose from.
    assert not reasons.required({"plans": BODY["plans"]})


@pytest.fixture
def app(settings: Settings, store: Store) -> FastAPI:
    return create_app(settings, store)


def _protocol(client: TestClient, slug: str, **values: object) -> dict[str, object]:
    address = f"/api/v1/reviews/{slug}/protocol"
    body = {**client.get(address).json()["body"], **values}
    answer = client.put(address, json={"body": body})
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


def test_an_exclude_has_its_reasons_from_card_to_export(
    client: TestClient, app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, two, three = add_records(store, review.id, 3)
    _protocol(client, review.slug, **BODY)
    own = f"/api/v1/reviews/{review.slug}"
    body = {"token": "a", "report": one, "decision": "exclude"}
    refused = client.post(f"{own}/decisions", json=body)
    assert (refused.status_code, "choose one" in refused.text) == (422, True)
    wrong = client.post(f"{own}/decisions", json={**body, "reasons": ["outcome"]})
    assert (wrong.status_code, "population, design" in wrong.text) == (422, True)
    given = {**body, "reasons": ["design", "population"]}
    stored = client.post(f"{own}/decisions", json=given).json()["decision"]
    assert stored["reasons"] == ["population", "design"]
    # The order changes later: what is reported is by the version decided under.
    _protocol(client, review.slug, reasons=BODY["reasons"][::-1])
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
        ("exclude", "Not about children", "Not about children; No study"),
        ("exclude", "No study", "No study"),
        ("include", "", ""),
    ]
    record = client.get(f"{own}/records").json()["records"]
    number = next(each["id"] for each in record if each["report"] == one)
    shown = page.get(f"/reviews/{review.slug}/records/{number}").text
    assert "since: Not about children; No study" in shown


def test_differing_reasons_make_no_conflict(
    client: TestClient, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    (one,) = add_records(store, review.id, 1)
    plans = [{"stage": "title-abstract", "dual_share": 1.0}]
    _protocol(client, review.slug, reasons=BODY["reasons"], plans=plans)
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
