"""The box "duplicate" on a card: of which record it is a copy, and what is not a duplicate."""

from __future__ import annotations

import pytest
from fastapi import FastAPI

from api.protocol import ProtocolBody
from harvest.dedupe.similar_titles import find_similar_titles
from store.core.session import Store
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from tests.api.copies import ERRATUM, A, B, arrive
from tests.api.people import api_client, browser, set_dual_plan
from tests.store.builders import join


def test_the_most_similar_titles_come_first_whatever_their_word_order() -> None:
    titles = {
        1: "Home visiting for young children",
        2: "A trial of school meals",
        3: "Young children: HOME visiting for",
        4: "Visites à domicile pour jeunes enfants",
    }
    assert find_similar_titles("Home visiting for young children", titles, limit=2) == [1, 3]
    assert find_similar_titles("visites a domicile pour jeunes enfants", titles, limit=1) == [4]
    assert find_similar_titles("", titles, limit=5) == []
    assert find_similar_titles("Anything", {}, limit=5) == []


def test_a_duplicate_joins_its_report_and_is_not_excluded(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, other, erratum = arrive(store, review, A, B, ERRATUM, compare=False)
    client, pages = api_client(app, store, person), browser(app, store, person)
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
    assert "No other record contains these words" in pages.get(path, params={"q": "zebra"}).text
    side = pages.get(path, params={"other": other, "after": "screen"}).text
    assert "differs" in side
    assert "Same report, include" not in side
    said = pages.post(path, data={"other": other, "label": "same", "after": "screen"})
    assert said.headers["location"] == f"/reviews/{review.slug}/screen"
    counts = client.get(f"{own}/duplicates").json()
    assert (counts["reports"], counts["duplicates"]) == (2, 1)
    rest = client.get(f"{own}/records/{one}/alike").json()
    assert [each["id"] for each in rest] == [erratum], "a report is not a duplicate of itself"


def test_two_copies_decided_differently_ask_which_decision_counts(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, other = arrive(store, review, A, B)
    client, pages = api_client(app, store, person), browser(app, store, person)
    own = f"/api/v1/reviews/{review.slug}"
    for record, decision in ((one, "include"), (other, "exclude")):
        report = client.get(f"{own}/records/{record}").json()["report"]
        body = {"token": str(record), "report": report, "decision": decision}
        assert client.post(f"{own}/decisions", json=body).status_code == 200
    path = f"/reviews/{review.slug}/records/{one}/duplicate"
    assert "Same report, include" in pages.get(path, params={"other": other}).text
    refused = pages.post(path, data={"other": other, "label": "same"})
    assert refused.status_code == 409
    assert "say which decision counts" in refused.text
    said = pages.post(path, data={"other": other, "label": "same-include"})
    assert said.headers["location"] == f"/reviews/{review.slug}/records/{one}"
    counts = client.get(own).json()["counts"]
    assert (counts["include"], counts["exclude"]) == (1, 0)


def test_the_search_for_a_duplicate_shows_no_decision_of_others(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, other = arrive(store, review, A, B)
    with store.write() as session:
        bo = join(session, review.id, "bo")
    client, pages = api_client(app, store, person), browser(app, store, person)
    set_dual_plan(client, review.slug)
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
    first = api_client(app, store, bo)
    assert first.post(f"{own}/decisions", json=body).status_code == 200
    assert client.get(own).json()["counts"]["awaiting"] == 1
    assert [pages.get(way).text for way in ways] == before


@pytest.mark.parametrize(
    "text", ["Duplicate", "duplicate record", " Duplicates. ", "Not retrieved", "duplicate study"]
)
def test_duplicate_is_refused_as_a_reason_for_exclusion(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo, text: str
) -> None:
    client = api_client(app, store, person)
    body = ProtocolBody().stored() | {"reasons": [{"key": "r1", "text": text}]}
    refused = client.put(f"/api/v1/reviews/{review.slug}/protocol", json={"body": body})
    assert refused.status_code == 422
    assert "is not a reason for exclusion" in refused.json()["error"]["message"]
    made = browser(app, store, person).post("/new", data={"title": "T", "reasons": text})
    assert made.status_code == 422
    assert "is not a reason for exclusion" in made.text


def test_reasons_that_only_contain_the_word_duplicate_are_accepted(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    client = api_client(app, store, person)
    texts = ["Duplicate services, not integrated", "No retrieved outcome"]
    reasons = [{"key": f"r{n}", "text": text} for n, text in enumerate(texts)]
    body = ProtocolBody().stored() | {"reasons": reasons}
    kept = client.put(f"/api/v1/reviews/{review.slug}/protocol", json={"body": body})
    assert kept.status_code == 200
