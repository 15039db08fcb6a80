"""Eligibility by sub-question; what several people gave, told together."""

from __future__ import annotations

import csv
import io
import json

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.app import create_app
from api.protocol import ProtocolBody, Question, Reason, StagePlan
from api.settings import Settings
from store import questions, reviews
from store.people import PersonInfo
from store.reviews import ReviewInfo
from store.session import Store
from tests.api.test_conflicts import api
from tests.api.test_team import browser
from tests.store.made import add_records, join

BODY = ProtocolBody(
    questions=(
        Question(key="models", text="Which models are there?"),
        Question(key="works", text="What works?"),
    ),
    per_question=True,
    reasons=(Reason(key="r1", text="population"), Reason(key="r2", text="setting")),
    plans=(StagePlan(dual_share=1.0),),
)


@pytest.fixture
def app(settings: Settings, store: Store) -> FastAPI:
    return create_app(settings, store)


def exported(client: TestClient, own: str) -> dict[int, dict[str, str]]:
    text = client.get(f"{own}/exports/csv").text.removeprefix("\ufeff")
    return {int(row["report_id"]): row for row in csv.DictReader(io.StringIO(text))}


def test_an_include_says_for_which_question_and_exports_tell_what_everybody_said(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, two, three = add_records(store, review.id, 3)
    with store.write() as session:
        bo, di = join(session, review.id, "bo"), join(session, review.id, "di", "adjudicator")
        reviews.add_protocol(session, review.id, BODY.stored(), person_id=person.id)
    lead, first, third = (api(app, store, who) for who in (person, bo, di))
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
    assert exported(lead, own)[two]["reasons"] == "", "nobody is told before the other has decided"
    assert decide(first, two, "exclude", reasons=["r1"]) == 200
    assert decide(lead, three, "include", questions=["works"]) == 200
    assert decide(first, three, "exclude", reasons=["r1"]) == 200
    rows = exported(lead, own)
    assert rows[one]["questions"] == "Which models are there?; What works?"
    # The reported one is the first in the protocol's order, whoever gave it.
    assert (rows[two]["reason"], rows[two]["reasons"]) == ("population", "population; setting")
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
    assert "for which question" in refused.text


def test_the_pages_ask_for_the_question(
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
    assert "say for which question" in refused.text
    key = client.get(f"/api/v1{own}/protocol").json()["body"]["questions"][1]["key"]
    body = {"report": str(one), "token": "u", "decision": "include", "question": [key]}
    assert client.post(f"{own}/screen/decide", data=body).status_code == 200
    assert ", for: What works?" in client.get(page).text


def test_one_question_asks_for_nothing() -> None:
    body = BODY.model_copy(update={"questions": BODY.questions[:1]}).stored()
    assert not questions.asked(body)
    assert questions.checked(body, "include", ()) == []
    with pytest.raises(ValueError, match="does not ask"):
        questions.checked(body, "include", ("models",))
