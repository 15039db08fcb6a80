"""Dual screening over pages and API: nobody sees the other's decision before, conflicts after."""

from __future__ import annotations

import re

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.app import create_app
from api.settings import Settings
from store.people import PersonInfo
from store.reviews import ReviewInfo
from store.session import Store
from tests.api.test_team import BASE, browser
from tests.conftest import token_of
from tests.store.made import add_records, join

NOTE = "A note that must not be seen yet"


@pytest.fixture
def app(settings: Settings, store: Store) -> FastAPI:
    return create_app(settings, store)


def api(app: FastAPI, store: Store, person: PersonInfo) -> TestClient:
    headers = {"authorization": f"Bearer {token_of(store, person.id)}"}
    return TestClient(app, base_url=BASE, headers=headers)


def dual(client: TestClient, slug: str, share: float = 1.0) -> None:
    address = f"/api/v1/reviews/{slug}/protocol"
    body = client.get(address).json()["body"]
    body["plans"] = [{"stage": "title-abstract", "dual_share": share}]
    assert client.put(address, json={"body": body}).status_code == 200


def test_nobody_sees_a_decision_that_others_are_still_to_make(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    reports = add_records(store, review.id, 3)
    with store.write() as session:
        bo, cy, vi = (
            join(session, review.id, name, role)
            for name, role in (("bo", "reviewer"), ("cy", "reviewer"), ("vi", "viewer"))
        )
    lead, first, second = (api(app, store, who) for who in (person, bo, cy))
    dual(lead, review.slug)
    own = f"/api/v1/reviews/{review.slug}"
    body = {"token": "one", "report": reports[0], "decision": "include", "note": NOTE}
    assert first.post(f"{own}/decisions", json=body).json()["stored"] is True
    assert NOTE in first.get(f"{own}/decisions").text
    listed = lead.get(f"{own}/records").json()
    record = next(each["id"] for each in listed["records"] if each["report"] == reports[0])
    paths = [
        f"{own}/decisions",
        f"{own}/decisions?report={reports[0]}",
        f"{own}/records",
        f"{own}/records/{record}",
        f"{own}/progress",
        f"{own}/flow",
        f"{own}/evaluation",
        f"{own}/audit",
        *(f"{own}/exports/{form}" for form in ("csv", "ris", "jsonl")),
        f"/reviews/{review.slug}",
        f"/reviews/{review.slug}/records",
        f"/reviews/{review.slug}/records/{record}",
        f"/reviews/{review.slug}/conflicts",
        f"/reviews/{review.slug}/plots/progress.svg",
    ]
    for who in (person, cy, vi):
        blind = api(app, store, who)
        for path in paths:
            answer = blind.get(path)
            if answer.status_code in (403, 404):
                continue
            assert answer.status_code == 200, path
            assert NOTE not in answer.text, f"{path} to {who.name}"
            assert "bo" not in re.findall(r"[a-z]+", answer.text), f"{path} to {who.name}"
        counts = blind.get(own).json()["counts"]
        assert (counts["include"], counts["decided"], counts["awaiting"]) == (0, 0, 1)
    # What awaits a second comes first, and says nothing of the first.
    screen = browser(app, store, cy).get(f"/reviews/{review.slug}/screen").text
    assert NOTE not in screen
    cards = second.post(f"{own}/queue/next", json={"n": 3}).json()
    assert cards["cards"][0]["report"] == reports[0]
    assert NOTE not in str(cards)
    agreed = {"token": "two", "report": reports[0], "decision": "include"}
    assert second.post(f"{own}/decisions", json=agreed).json()["stored"] is True
    assert lead.get(own).json()["counts"]["include"] == 1
    assert NOTE in second.get(f"{own}/decisions").text


def test_conflicts_are_settled_by_the_two_or_by_an_adjudicator(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, two = add_records(store, review.id, 2)
    with store.write() as session:
        bo, cy, other = (join(session, review.id, name) for name in ("bo", "cy", "other"))
        di = join(session, review.id, "di", "adjudicator")
    dual(api(app, store, person), review.slug)
    own = f"/api/v1/reviews/{review.slug}"
    for report in (one, two):
        for who, word in ((bo, "include"), (cy, "exclude")):
            body = {"token": f"{report} {who.name}", "report": report, "decision": word}
            assert api(app, store, who).post(f"{own}/decisions", json=body).is_success
    address = f"{own}/conflicts"
    assert api(app, store, other).get(address).json() == []
    assert len(api(app, store, bo).get(address).json()) == 2
    (found, _) = api(app, store, di).get(address).json()
    assert [(d["person"], d["decision"]) for d in found["decisions"]] == [
        ("bo", "include"),
        ("cy", "exclude"),
    ]
    body = {"token": "s", "report": one, "decision": "exclude", "note": "not about children"}
    refused = api(app, store, bo).post(address, json=body)
    assert (refused.status_code, "As reviewer" in refused.text) == (403, True)
    assert api(app, store, di).post(address, json={**body, "note": " "}).status_code == 422
    first = api(app, store, di).post(address, json=body)
    assert (first.status_code, first.json()["stored"]) == (200, True)
    assert api(app, store, di).post(address, json=body).json()["stored"] is False
    late = api(app, store, person).post(address, json={**body, "token": "t"})
    assert (late.status_code, "in no conflict" in late.text) == (409, True)
    # The other one is settled by the two, on the page.
    page = browser(app, store, cy)
    text = page.get(f"/reviews/{review.slug}/conflicts").text
    assert "Talk to bo first" in text
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]+)"', text))
    assert fields["joint_with"] == str(bo.id)
    form = {**fields, "decision": "include", "note": "we read the methods again"}
    path = f"/reviews/{review.slug}/conflicts"
    assert page.post(path, data={**form, "note": ""}).status_code == 422
    assert page.post(path, data=form).status_code == 303
    assert "There is no conflict of yours" in page.get(path).text
    assert page.post(path, data={**form, "token": "again"}).status_code == 409
    counts = api(app, store, person).get(own).json()["counts"]
    assert (counts["include"], counts["exclude"], counts["conflict"]) == (1, 1, 0)


def test_agreement_is_of_what_each_first_decided(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    reports = add_records(store, review.id, 6)
    with store.write() as session:
        bo, cy = (join(session, review.id, name) for name in ("bo", "cy"))
    lead = api(app, store, person)
    assert "No record has been decided by two" in lead.get(f"/reviews/{review.slug}/agreement").text
    dual(lead, review.slug)
    own = f"/api/v1/reviews/{review.slug}"
    said = ("include maybe", "include include", "exclude exclude", "exclude include", "exclude x")
    for report, words in zip(reports, said, strict=False):
        for who, word in zip((bo, cy), words.split(), strict=True):
            if word != "x":
                body = {"token": f"{report} {who.name}", "report": report, "decision": word}
                assert api(app, store, who).post(f"{own}/decisions", json=body).is_success
    # Thinking again after the other has decided is no independent decision.
    body = {"token": "later", "report": reports[3], "decision": "include"}
    assert api(app, store, bo).post(f"{own}/decisions", json=body).is_success
    found = lead.get(f"{own}/agreement").json()
    assert (found["records"], found["people"]) == (4, 2)
    (pair,) = found["pairs"]
    assert (pair["people"], pair["records"]) == (["bo", "cy"], 4)
    assert pair["raw"]["value"] == 0.75
    assert pair["kappa"]["value"] == pytest.approx(0.5)
    assert pair["kappa_three_words"]["value"] < pair["kappa"]["value"]
    assert pair["adjusted_kappa"]["value"] == pytest.approx(0.5)
    assert "bo and cy" in lead.get(f"/reviews/{review.slug}/agreement").text


def test_a_pilot_round_over_pages_and_api(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    add_records(store, review.id, 5)
    lead = browser(app, store, person)
    path = f"/reviews/{review.slug}/pilots"
    alone = lead.post(f"{path}/begin", data={"size": "3"})
    assert (alone.status_code, "invite a second one" in alone.text) == (409, True)
    with store.write() as session:
        bo = join(session, review.id, "bo")
    wrong = lead.post(f"{path}/begin", data={"size": "many"})
    assert (wrong.status_code, "write a number" in wrong.text) == (422, True)
    assert lead.post(f"{path}/begin", data={"size": "3"}).status_code == 303
    own = f"/api/v1/reviews/{review.slug}"
    for who in (person, bo):
        client = api(app, store, who)
        for _ in range(3):
            (card,) = client.post(f"{own}/queue/next", json={"n": 1}).json()["cards"]
            body = {
                "token": f"{who.name} {card['report']}",
                "report": card["report"],
                "decision": "include",
            }
            assert client.post(f"{own}/decisions", json=body).is_success
        assert client.post(f"{own}/queue/next", json={"n": 1}).json()["cards"] == []
    screen = browser(app, store, bo).get(f"/reviews/{review.slug}/screen").text
    assert "your part of the pilot round" in screen
    (found,) = api(app, store, bo).get(f"{own}/pilots").json()
    assert [part["decided"] for part in found["people"]] == [3, 3]
    assert found["agreement"]["pairs"][0]["raw"]["value"] == 1.0
    refused = api(app, store, bo).post(f"{own}/pilots/close", json={"note": "fine"})
    assert refused.status_code == 403
    assert "Close the round and go on" in lead.get(f"/reviews/{review.slug}/agreement").text
    assert lead.post(f"{path}/close", data={"note": ""}).status_code == 422
    assert lead.post(f"{path}/close", data={"note": "read alike"}).status_code == 303
    assert "Learned: read alike" in lead.get(f"/reviews/{review.slug}/agreement").text
    again = api(app, store, bo).post(f"{own}/queue/next", json={"n": 5}).json()["cards"]
    assert len(again) == 2
    second = api(app, store, person).post(f"{own}/pilots", json={"size": 1})
    assert second.status_code == 201
    assert [each["number"] for each in second.json()] == [1, 2]


def test_two_leads_edit_one_protocol(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    with store.write() as session:
        bo = join(session, review.id, "bo", "manager")
    ada, other = browser(app, store, person), browser(app, store, bo)
    path = f"/reviews/{review.slug}/protocol"
    fields = {"questions": "Do hubs help?", "study_language": "on", "version": "1"}
    shares = {"dual_share": "100", "second_look": "0"}
    assert ada.post(path, data={**fields, **shares}).status_code == 303
    late = other.post(path, data={**fields, "questions": "Do hubs harm?"})
    assert late.status_code == 409
    assert "ada saved version 2 of the protocol while you wrote on version 1" in late.text
    assert "Do hubs harm?" in late.text
    again = other.post(path, data={**fields, "questions": "Do hubs harm?", "version": "2"})
    assert again.status_code == 303
    body = api(app, store, person).get(f"/api/v1{path}").json()
    assert body["version"] == 3
    for wrong in ("101", "half", "-1"):
        refused = ada.post(path, data={**fields, "version": "3", "dual_share": wrong})
        assert refused.status_code == 422
        assert "write a percentage from 0 to 100" in refused.text
    chosen = {**fields, "version": "3", "preset": "rapid"}
    assert ada.post(path, data=chosen).status_code == 303
    plan = api(app, store, person).get(f"/api/v1{path}").json()["body"]["plans"][0]
    assert (plan["dual_share"], plan["second_look"]) == (0.2, 1.0)
    shown = ada.get(path).text
    assert "Cochrane rapid review" in shown
    assert "median of 0.79" in shown
    stale = api(app, store, person).put(
        f"/api/v1{path}", json={"body": body["body"], "based_on": 2}
    )
    assert stale.status_code == 409
