"""Eligibility by sub-question over API, pages and exports."""

from __future__ import annotations

import csv
import io
import json

from fastapi import FastAPI
from fastapi.testclient import TestClient

from store.core.session import Store
from store.reviews import reviews
from store.reviews.people import PersonInfo
from store.reviews.reviews import NewProtocol, ReviewInfo
from tests.api.people import api_client, browser
from tests.store.builders import add_records, join
from tests.store.protocols import SUB_QUESTIONS


def exported(client: TestClient, own: str) -> dict[int, dict[str, str]]:
    text = client.get(f"{own}/exports/csv").text.removeprefix("\ufeff")
    return {int(row["report_id"]): row for row in csv.DictReader(io.StringIO(text))}


def test_an_include_names_its_questions_and_exports_list_those_of_all_reviewers(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, two, three = add_records(store, review.id, 3)
    with store.write() as session:
        bo, di = join(session, review.id, "bo"), join(session, review.id, "di", "adjudicator")
        reviews.create_protocol(session, review.id, NewProtocol(SUB_QUESTIONS.stored(), person.id))
    lead, first, third = (api_client(app, store, who) for who in (person, bo, di))
    own = f"/api/v1/reviews/{review.slug}"

    def decide(client: TestClient, report: int, decision: str, **given: object) -> int:
        token = json.dumps([id(client), report, decision, given])[:100]
        body = {"token": token, "report": report, "decision": decision, **given}
        return client.post(f"{own}/decisions", json=body).status_code

    assert decide(lead, one, "include") == 422
    assert decide(lead, one, "include", questions=["cost"]) == 422
    assert decide(lead, one, "exclude", questions=["works"]) == 422
    assert decide(lead, one, "include", questions=["works"]) == 200
    assert decide(first, one, "include", questions=["models"]) == 200
    assert decide(lead, two, "exclude", reasons=["r2"]) == 200
    assert exported(lead, own)[two]["reasons"] == "", "nobody sees it before the other has decided"
    assert decide(first, two, "exclude", reasons=["r1"]) == 200
    assert decide(lead, three, "include", questions=["works"]) == 200
    assert decide(first, three, "exclude", reasons=["r1"]) == 200
    rows = exported(lead, own)
    assert rows[one]["questions"] == "Which models are there?; What works?"
    # Nobody has chosen between two reasons.
    assert (rows[two]["reason"], rows[two]["reasons"]) == ("", "population; setting")
    assert rows[three]["decision"] == ""
    body = {"token": "s", "report": three, "decision": "exclude", "note": "adults"}
    assert third.post(f"{own}/conflicts", json=body).status_code == 200
    row = exported(lead, own)[three]
    assert (row["decision"], row["reason"], row["questions"]) == ("exclude", "population", "")
    (four,) = add_records(store, review.id, 1, name="four.csv")
    assert decide(lead, four, "include", questions=["works"]) == 200
    assert decide(first, four, "exclude") == 200
    shown = browser(app, store, di).get(f"/reviews/{review.slug}/conflicts").text
    assert "For: What works?" in shown
    body = {**body, "token": "q", "report": four, "decision": "include", "questions": ["models"]}
    assert third.post(f"{own}/conflicts", json=body).status_code == 200
    assert exported(lead, own)[four]["questions"] == "Which models are there?"
    bulk = {"token": "b", "action": "decide", "value": "include", "note": "n"}
    refused = lead.post(f"{own}/bulk", json=bulk)
    assert refused.status_code == 422
    assert "must name its question" in refused.text


def test_the_pages_ask_for_which_question(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    (one,) = add_records(store, review.id, 1)
    client = browser(app, store, person)
    client.follow_redirects = True
    own = f"/reviews/{review.slug}"
    form = {"questions": "Which models?\nWhat works?", "per_question": "on", "preset": "single"}
    assert "Version 2" in client.post(f"{own}/protocol", data=form).text
    assert "Included for" in client.get(f"{own}/screen").text
    (record,) = client.get(f"/api/v1{own}/records").json()["records"]
    page = f"{own}/records/{record['id']}"
    given = {"decision": "include", "token": "t"}
    refused = client.post(f"{page}/decision", data=given)
    assert refused.status_code == 422
    assert "say which question" in refused.text
    key = client.get(f"/api/v1{own}/protocol").json()["body"]["questions"][1]["key"]
    body = {"report": str(one), "token": "u", "decision": "include", "question": [key]}
    assert client.post(f"{own}/screen/decide", data=body).status_code == 200
    assert ", for: What works?" in client.get(page).text
