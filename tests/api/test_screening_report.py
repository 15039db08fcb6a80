"""The screening report: what it says, and what it says to nobody yet."""

from __future__ import annotations

import pytest
from fastapi import FastAPI

from api.app import create_app
from api.protocol import ProtocolBody, StagePlan
from api.services.presets import PRESETS, deviates
from api.settings import Settings
from store.people import PersonInfo
from store.reviews import ReviewInfo
from store.session import Store
from tests.api.test_conflicts import api, dual
from tests.api.test_team import browser
from tests.store.made import add_records, join


@pytest.fixture
def app(settings: Settings, store: Store) -> FastAPI:
    return create_app(settings, store)


def test_an_unfinished_review_says_what_is_not_screened_and_claims_no_recall(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    reports = add_records(store, review.id, 5)
    with store.write() as session:
        bo = join(session, review.id, "bo")
    lead, first = api(app, store, person), api(app, store, bo)
    own = f"/api/v1/reviews/{review.slug}"

    def said(title: str) -> str:
        found = lead.get(f"{own}/screening-report").json()["sections"]
        return " ".join(line for each in found if each["title"] == title for line in each["lines"])

    assert "one person decides each record" in said("Plan")
    assert "0.79" in said("Deviations from the protocol")
    dual(lead, review.slug)
    assert "two people independently decide 100%" in said("Plan")
    for who, words in ((lead, ("include", "include")), (first, ("include", "exclude"))):
        for report, word in zip(reports, words, strict=False):
            body = {"token": f"{word}{id(who)}{report}", "report": report, "decision": word}
            who.post(f"{own}/decisions", json=body)
    bulk = {
        "token": "b",
        "action": "decide",
        "value": "exclude",
        "note": "editorials",
        "decision": "undecided",
    }
    assert lead.post(f"{own}/bulk", json=bulk).status_code == 201
    assert "1 were included" in said("Records")
    assert "3 await another person's decision; 1 conflict not settled" in said("Records")
    assert "recall" not in said("Records")
    assert "2 reports decided by 2 people independently" in said("Who decided")
    assert "2 records: alike 0.50" in said("Agreement")
    assert "exclude on 3 records at once (undecided): editorials" in said("Bulk actions")
    # Whoever is still to decide these is not told that they were excluded.
    other = first.get(f"{own}/screening-report").text
    assert "editorials" not in other
    more = add_records(store, review.id, 1, name="more.csv")
    assert more
    assert "1 record not screened; none of them is counted as excluded" in said("Records")

    shown = browser(app, store, person).get(f"/reviews/{review.slug}/screening-report").text
    assert "1 record not screened" in shown
    text = browser(app, store, person).get(f"/reviews/{review.slug}/screening-report.md")
    assert text.headers["content-type"].startswith("text/markdown")
    assert "## Agreement" in text.text


def test_only_a_second_person_on_all_excludes_is_no_deviation() -> None:
    def body(**values: float) -> ProtocolBody:
        return ProtocolBody(plans=(StagePlan.model_validate(values),))

    assert deviates(body(dual_share=1.0)) is None
    assert deviates(body(second_look=1.0)) is None
    assert "second person" in (deviates(body(second_look=0.5)) or "")
    assert "0.79" in (deviates(ProtocolBody()) or "")
    assert "5% of the records" in (deviates(body(likely_misses=0.05)) or "")
    assert PRESETS["misses"].plan.likely_misses == 0.05
    assert "0.79" in PRESETS["misses"].why
    assert "deviation" in PRESETS["misses"].why
