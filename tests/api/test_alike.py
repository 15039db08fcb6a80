"""The box "duplicate": which record another is the same as, said on a card; and what it is not."""

from __future__ import annotations

import pytest
from fastapi import FastAPI

from api.app import create_app
from api.protocol import ProtocolBody
from api.settings import Settings
from harvest.dedupe.nearest import nearest
from store.people import PersonInfo
from store.reviews import ReviewInfo
from store.session import Store
from tests.api.test_conflicts import api, dual
from tests.api.test_deduplicating import ERRATUM, A, B, arrive
from tests.api.test_team import browser
from tests.store.made import join


@pytest.fixture
def app(settings: Settings, store: Store) -> FastAPI:
    return create_app(settings, store)


def test_the_likest_titles_come_first_in_any_order_of_their_words() -> None:
    titles = {
        1: "Home visiting for young children",
        2: "A trial of school meals",
        3: "Young children: HOME visiting for",
        4: "Visites à domicile pour jeunes enfants",
    }
    assert nearest("Home visiting for young children", titles, limit=2) == [1, 3]
    assert nearest("visites a domicile pour jeunes enfants", titles, limit=1) == [4]
    assert nearest("", titles, limit=5) == []
    assert nearest("Anything", {}, limit=5) == []


def test_a_duplicate_is_one_report_and_no_exclude(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, other, erratum = arrive(store, review, A, B, ERRATUM, compare=False)
    client, pages = api(app, store, person), browser(app, store, person)
    own = f"/api/v1/reviews/{review.slug}"
    alike = client.get(f"{own}/records/{one}/alike").json()
    assert [each["id"] for each in alike] == [erratum, other]
    found = client.get(f"{own}/records/{one}/alike", params={"q": "home VISITING"}).json()
    assert [each["id"] for each in found] == [other]
    assert client.get(f"{own}/records/999/alike").status_code == 404

    path = f"/reviews/{review.slug}/records/{one}/duplicate"
    listed = pages.get(path, params={"after": "screen"}).text
    assert f"other={other}&amp;after=screen" in listed
    assert "Back to screening" in listed
    assert "No other record has these words" in pages.get(path, params={"q": "zebra"}).text
    side = pages.get(path, params={"other": other, "after": "screen"}).text
    assert "differs" in side
    assert "One report, include" not in side
    said = pages.post(path, data={"other": other, "label": "same", "after": "screen"})
    assert said.headers["location"] == f"/reviews/{review.slug}/screen"
    counts = client.get(f"{own}/duplicates").json()
    assert (counts["reports"], counts["duplicates"]) == (2, 1)
    rest = client.get(f"{own}/records/{one}/alike").json()
    assert [each["id"] for each in rest] == [erratum], "a report is not a duplicate of itself"


def test_two_that_were_decided_differently_ask_which_decision_holds(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, other = arrive(store, review, A, B)
    client, pages = api(app, store, person), browser(app, store, person)
    own = f"/api/v1/reviews/{review.slug}"
    for record, decision in ((one, "include"), (other, "exclude")):
        report = client.get(f"{own}/records/{record}").json()["report"]
        body = {"token": str(record), "report": report, "decision": decision}
        assert client.post(f"{own}/decisions", json=body).status_code == 200
    path = f"/reviews/{review.slug}/records/{one}/duplicate"
    assert "One report, include" in pages.get(path, params={"other": other}).text
    refused = pages.post(path, data={"other": other, "label": "same"})
    assert refused.status_code == 409
    assert "say which decision holds" in refused.text
    said = pages.post(path, data={"other": other, "label": "same-include"})
    assert said.headers["location"] == f"/reviews/{review.slug}/records/{one}"
    counts = client.get(own).json()["counts"]
    assert (counts["include"], counts["exclude"]) == (1, 0)


def test_looking_for_a_duplicate_says_nothing_of_what_another_decided(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, other = arrive(store, review, A, B)
    with store.write() as session:
        bo = join(session, review.id, "bo")
    client, pages = api(app, store, person), browser(app, store, person)
    dual(client, review.slug)
    own = f"/api/v1/reviews/{review.slug}"
    ways = [
        f"{own}/records/{one}/alike",
        f"/reviews/{review.slug}/records/{one}/duplicate",
        f"/reviews/{review.slug}/records/{one}/duplicate?other={other}",
    ]
    before = [pages.get(way).text for way in ways]
    assert all(B.title in text for text in before if B.title)
    report = client.get(f"{own}/records/{other}").json()["report"]
    body = {"token": "b", "report": report, "decision": "include"}
    first = api(app, store, bo)
    assert first.post(f"{own}/decisions", json=body).status_code == 200
    assert client.get(own).json()["counts"]["awaiting"] == 1
    assert [pages.get(way).text for way in ways] == before


@pytest.mark.parametrize(
    "text", ["Duplicate", "duplicate record", " Duplicates. ", "Not retrieved", "duplicate study"]
)
def test_what_became_of_a_record_is_no_reason_for_exclusion(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo, text: str
) -> None:
    client = api(app, store, person)
    body = ProtocolBody().stored() | {"reasons": [{"key": "r1", "text": text}]}
    refused = client.put(f"/api/v1/reviews/{review.slug}/protocol", json={"body": body})
    assert refused.status_code == 422
    assert "is no reason for exclusion" in refused.json()["error"]["message"]
    made = browser(app, store, person).post("/new", data={"title": "T", "reasons": text})
    assert made.status_code == 422
    assert "is no reason for exclusion" in made.text


def test_words_that_only_sound_like_it_are_reasons(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    client = api(app, store, person)
    texts = ["Duplicate services, not integrated", "No retrieved outcome"]
    reasons = [{"key": f"r{n}", "text": text} for n, text in enumerate(texts)]
    body = ProtocolBody().stored() | {"reasons": reasons}
    kept = client.put(f"/api/v1/reviews/{review.slug}/protocol", json={"body": body})
    assert kept.status_code == 200
