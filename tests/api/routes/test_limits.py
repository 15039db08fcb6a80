"""The protocol's limits over API, pages and command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.testclient import TestClient

from harvest.record import Record
from store.core.session import Store
from store.reviews import reviews
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from store.rules.limits import IN_FORCE
from tests.api.command_line import Run
from tests.api.people import api_client, browser
from tests.store.builders import content, store_content

YEARS = {"limits": {"year_from": 2011, "year_to": 2022}}
BROUGHT = [
    Record(1, title="Early editorial", year=2009, language="eng", types=("Editorial",)),
    Record(2, title="Within", year=2015, language="nor", types=("Journal Article",)),
    Record(3, title="Late", year=2024, language="en"),
    Record(4, title="Undated"),
]


def limit(app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo) -> None:
    own = f"/api/v1/reviews/{review.slug}/protocol"
    sent = api_client(app, store, person).put(own, json={"body": YEARS, "reason": "the question"})
    assert sent.status_code == 200, sent.text


def test_a_lead_sees_what_is_outside_and_takes_it_back(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo, bo: PersonInfo
) -> None:
    limit(app, store, review, person)
    store_content(store, review.id, content(BROUGHT))
    own = f"/api/v1/reviews/{review.slug}"
    lead, other = api_client(app, store, person), api_client(app, store, bo)
    assert lead.get(f"{own}/limits").json() == {
        "year_from": 2011,
        "year_to": 2022,
        "in_force": True,
        "out_of_range": 2,
        "still_in": 0,
        "decided": 0,
        "undated": 1,
    }
    assert lead.get(f"{own}/flow").json()["out_of_range"] == 2
    assert lead.get(own).json()["counts"]["reports"] == 2
    listed = lead.get(f"{own}/records", params={"standing": "out-of-range"}).json()
    assert [record["year"] for record in listed["records"]] == [2009, 2024]
    assert other.put(f"{own}/limits", json={"in_force": False}).status_code == 403
    taken = lead.put(f"{own}/limits", json={"in_force": False}).json()
    assert (taken["out_of_range"], taken["still_in"]) == (0, 2)
    page = browser(app, store, person)
    shown = page.get(f"/reviews/{review.slug}").text
    assert "2 records in the queue are outside the protocol’s years, 2011 to 2022." in shown
    again = page.post(f"/reviews/{review.slug}/limits", data={"in_force": "true"})
    assert again.headers["location"].endswith("/protocol#limits")
    protocol = page.get(f"/reviews/{review.slug}/protocol").text
    assert "2 records outside 2011 to 2022 are left out before screening" in protocol
    assert "1 without a year stays in the review" in protocol


def test_a_decided_report_is_flagged_in_the_list_and_on_its_page(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    store_content(store, review.id, content(BROUGHT[:2]))
    own = f"/api/v1/reviews/{review.slug}"
    client, page = api_client(app, store, person), browser(app, store, person)
    early = client.get(f"{own}/records").json()["records"][0]
    body = {"token": "t", "report": early["report"], "decision": "include"}
    assert client.post(f"{own}/decisions", json=body).status_code == 200
    limit(app, store, review, person)
    flagged = client.get(f"{own}/records", params={"flag": "outside"}).json()["records"]
    assert [record["id"] for record in flagged] == [early["id"]]
    assert "outside the years" in page.get(f"/reviews/{review.slug}/records").text
    shown = page.get(f"/reviews/{review.slug}/records/{early['id']}").text
    assert "It stays in the review because it was decided." in shown
    # It has neither authors nor a journal, so that no comma leads.
    assert '<p class="meta">2009</p>' in shown


def test_bulk_actions_take_years_language_and_type(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    store_content(store, review.id, content(BROUGHT))
    own = f"/api/v1/reviews/{review.slug}"
    client = api_client(app, store, person)
    for number, (filters, expected) in enumerate(
        (
            ({"year_to": 2010}, 1),
            ({"language": "English"}, 2),
            ({"type": "editorial"}, 1),
            ({"flag": "no-year"}, 1),
            ({"year_from": 2010, "year_to": 2020, "language": "no"}, 1),
        )
    ):
        body = {"token": f"t{number}", "action": "tag", "value": f"tag {number}", **filters}
        done = client.post(f"{own}/bulk", json=body)
        assert done.status_code == 201, done.text
        assert done.json()["actions"][-1]["reports"] == expected, filters
    form = {"token": "f", "action": "exclude", "note": "too early", "year_to": "2010"}
    page = browser(app, store, person)
    assert page.post(f"/reviews/{review.slug}/records/bulk", data=form).status_code == 303
    excluded = client.get(f"{own}/records", params={"decision": "exclude"}).json()["records"]
    assert [record["title"] for record in excluded] == ["Early editorial"]


def test_a_strategy_without_the_limits_gets_a_warning_everywhere(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    limit(app, store, review, person)
    client, page = api_client(app, store, person), browser(app, store, person)
    own = f"/api/v1/reviews/{review.slug}/strategy"
    said = "The protocol is limited to 2011 to 2022. Line #1 of the strategy has no limit on years."
    assert client.put(own, json={"text": "child*[tiab]"}).json()["limit_warnings"] == [said]
    assert said in page.get(f"/reviews/{review.slug}/strategy").text
    limited = {"text": "child*[tiab] AND 2011:2022[dp]"}
    assert client.put(own, json=limited).json()["limit_warnings"] == []


def test_the_command_line_checks_a_strategy_and_leaves_reports_out(
    here: Run, tmp_path: Path
) -> None:
    def winnow(*arguments: str | Path) -> Any:
        done = here(*arguments, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    here("init", "--name", "Ada")
    winnow("review", "add", "r", "--year-from", "2011", "--year-to", "2022")
    strategy = tmp_path / "s.txt"
    strategy.write_text("child*[tiab]")
    checked = winnow("strategy", "check", strategy, "--review", "r")
    assert checked["warnings"][-1].endswith("has no limit on years.")
    saved = winnow("strategy", "save", strategy, "--review", "r")
    assert saved["limit_warnings"] == checked["warnings"]
    assert "Look at: The protocol is limited" in here("strategy", "show").stdout
    records = tmp_path / "r.jsonl"
    lines = [{"title": "Early", "year": 2009}, {"title": "Within", "year": 2012}]
    records.write_text("\n".join(map(json.dumps, lines)))
    said = " ".join(here("import", records, "--review", "r").stdout.split())
    assert "1 report is outside the protocol's years and left out before screening" in said
    assert winnow("import", records, "--review", "r")["out_of_range"] == 1
    assert winnow("review", "limits")["out_of_range"] == 1
    kept = winnow("review", "limits", "--keep")
    assert (kept["out_of_range"], kept["still_in"]) == (0, 1)
    assert winnow("review", "limits", "--leave-out")["out_of_range"] == 1
    log = winnow("search-log", "3", "none")
    assert log["stated"] == {"3": "none"}
    assert "item 4, online resources and browsing" in log["not_stated"]
    assert "left out before screening" in here("review", "limits").stdout


def test_an_older_review_moves_nothing_on_its_own(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    with store.write() as session:
        reviews.update_settings(session, review.id, {IN_FORCE: False}, person_id=None)
    limit(app, store, review, person)
    store_content(store, review.id, content(BROUGHT))
    page = browser(app, store, person)
    assert "2 records in the queue are outside" in page.get(f"/reviews/{review.slug}").text
    with store.read() as session:
        assert reviews.get_review(session, review.id).settings[IN_FORCE] is False


def test_a_search_of_too_many_words_is_refused_in_words(
    client: TestClient, review: ReviewInfo
) -> None:
    at = f"/api/v1/reviews/{review.slug}"
    words = " ".join(f"{number:02}" for number in range(51))
    bulk = {"token": "x" * 24, "action": "tag", "value": "x", "expected": 0}
    answers = [
        client.get(f"{at}/records", params={"q": words}),
        client.get(f"{at}/conflicts", params={"q": words}),
        client.post(f"{at}/bulk", json={**bulk, "q": words}),
    ]
    for answer in answers:
        assert answer.status_code == 422, answer.text
        assert "50 different words at most" in answer.text
    assert client.get(f"{at}/records", params={"q": "ﷺ" * 330}).status_code == 200


def test_what_cannot_be_seen_is_no_search_for_everything(
    client: TestClient, review: ReviewInfo, store: Store
) -> None:
    store_content(store, review.id, content(BROUGHT[:3]))
    at = f"/api/v1/reviews/{review.slug}"
    assert client.get(f"{at}/records", params={"q": "\u200b"}).json()["total"] == 0
    assert client.get(f"{at}/records", params={"q": " "}).json()["total"] == 3
    bulk = {"token": "x" * 24, "action": "tag", "value": "x", "q": "\u200b"}
    refused = client.post(f"{at}/bulk", json={**bulk, "expected": 3})
    assert refused.status_code == 409, refused.text
