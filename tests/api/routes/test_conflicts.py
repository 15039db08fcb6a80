"""Conflicts narrowed, and the discussion of the criteria."""

from __future__ import annotations

import re

import pytest
from fastapi import FastAPI

from store.core.session import Store
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from tests.api.people import api_client, browser, set_dual_plan
from tests.store.builders import add_records, join


def test_conflicts_can_be_filtered_and_criteria_discussed(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, two, three = add_records(store, review.id, 3)
    with store.write() as session:
        bo, cy = (join(session, review.id, name) for name in ("bo", "cy"))
    lead, first, second = (api_client(app, store, who) for who in (person, bo, cy))
    own, pages = f"/api/v1/reviews/{review.slug}", f"/reviews/{review.slug}"
    set_dual_plan(lead, review.slug)
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

    # A note on a record that others still have to decide would show what its writer thinks.
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


NOTE = "A note that must not be seen yet"


def test_nobody_sees_decisions_on_a_report_they_may_still_decide(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    reports = add_records(store, review.id, 3)
    with store.write() as session:
        bo, cy, vi = (
            join(session, review.id, name, role)
            for name, role in (("bo", "reviewer"), ("cy", "reviewer"), ("vi", "viewer"))
        )
    lead, first, second = (api_client(app, store, who) for who in (person, bo, cy))
    set_dual_plan(lead, review.slug)
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
        blind = api_client(app, store, who)
        for path in paths:
            answer = blind.get(path)
            if answer.status_code in (403, 404):
                continue
            assert answer.status_code == 200, path
            assert NOTE not in answer.text, f"{path} to {who.name}"
            # The list of team members does not show what anyone decided.
            shown = re.sub(r"<option.*?</option>", "", answer.text)
            assert "bo" not in re.findall(r"[a-z]+", shown), f"{path} to {who.name}"
        counts = blind.get(own).json()["counts"]
        assert (counts["include"], counts["decided"], counts["awaiting"]) == (0, 0, 1)
    # Records that need a second person come first, and do not show the first decision.
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
    set_dual_plan(api_client(app, store, person), review.slug)
    own = f"/api/v1/reviews/{review.slug}"
    for report in (one, two):
        for who, word in ((bo, "include"), (cy, "exclude")):
            body = {"token": f"{report} {who.name}", "report": report, "decision": word}
            assert api_client(app, store, who).post(f"{own}/decisions", json=body).is_success
    address = f"{own}/conflicts"
    assert api_client(app, store, other).get(address).json() == []
    assert len(api_client(app, store, bo).get(address).json()) == 2
    (found, _) = api_client(app, store, di).get(address).json()
    assert [(d["person"], d["decision"]) for d in found["decisions"]] == [
        ("bo", "include"),
        ("cy", "exclude"),
    ]
    body = {"token": "s", "report": one, "decision": "exclude", "note": "not about children"}
    refused = api_client(app, store, bo).post(address, json=body)
    assert (refused.status_code, "You can only screen" in refused.text) == (403, True)
    assert api_client(app, store, di).post(address, json={**body, "note": " "}).status_code == 422
    first = api_client(app, store, di).post(address, json=body)
    assert (first.status_code, first.json()["stored"]) == (200, True)
    assert api_client(app, store, di).post(address, json=body).json()["stored"] is False
    late = api_client(app, store, person).post(address, json={**body, "token": "t"})
    assert (late.status_code, "not in conflict" in late.text) == (409, True)
    # The two people settle the other one, on the page.
    page = browser(app, store, cy)
    text = page.get(f"/reviews/{review.slug}/conflicts").text
    assert "Talk to bo first" in text
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]+)"', text))
    assert fields["joint_with"] == str(bo.id)
    form = {**fields, "decision": "include", "note": "we read the methods again"}
    path = f"/reviews/{review.slug}/conflicts"
    assert page.post(path, data={**form, "note": ""}).status_code == 422
    assert page.post(path, data=form).status_code == 303
    assert "You have no conflicts" in page.get(path).text
    assert page.post(path, data={**form, "token": "again"}).status_code == 409
    counts = api_client(app, store, person).get(own).json()["counts"]
    assert (counts["include"], counts["exclude"], counts["conflict"]) == (1, 1, 0)


def test_agreement_compares_first_decisions(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    reports = add_records(store, review.id, 6)
    with store.write() as session:
        bo, cy = (join(session, review.id, name) for name in ("bo", "cy"))
    lead = api_client(app, store, person)
    assert (
        "No two people have decided the same record"
        in lead.get(f"/reviews/{review.slug}/agreement").text
    )
    set_dual_plan(lead, review.slug)
    own = f"/api/v1/reviews/{review.slug}"
    said = ("include maybe", "include include", "exclude exclude", "exclude include", "exclude x")
    for report, words in zip(reports, said, strict=False):
        for who, word in zip((bo, cy), words.split(), strict=True):
            if word != "x":
                body = {"token": f"{report} {who.name}", "report": report, "decision": word}
                assert api_client(app, store, who).post(f"{own}/decisions", json=body).is_success
    # A change of mind after the other has decided is not an independent decision.
    body = {"token": "later", "report": reports[3], "decision": "include"}
    assert api_client(app, store, bo).post(f"{own}/decisions", json=body).is_success
    found = lead.get(f"{own}/agreement").json()
    assert (found["records"], found["people"]) == (4, 2)
    (pair,) = found["pairs"]
    assert (pair["people"], pair["records"]) == (["bo", "cy"], 4)
    assert (pair["raw"]["found"], pair["raw"]["counted"], pair["raw"]["value"]) == (3, 4, 0.75)
    assert (pair["in_common"]["found"], pair["in_common"]["counted"]) == (2, 3)
    assert pair["positive_agreement"]["value"] == pytest.approx(0.8)
    assert pair["negative_agreement"]["value"] == pytest.approx(2 / 3)
    assert (found["dual"], found["pilot"]) == (4, 0)
    assert pair["kappa"]["value"] == pytest.approx(0.5)
    assert pair["kappa_three_words"]["value"] < pair["kappa"]["value"]
    assert pair["adjusted_kappa"]["value"] == pytest.approx(0.5)
    assert "bo and cy" in lead.get(f"/reviews/{review.slug}/agreement").text
