"""The screening report: what it says, and what it does not say yet."""

from __future__ import annotations

import datetime as dt
from array import array

import pytest
from fastapi import FastAPI

from api import resources
from api.services.reporting.screening_report import build_report
from store.core.session import Store
from store.core.tables import PilotReport, PilotRow, now
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from store.screening import decisions, rankings
from store.screening.decisions import NewDecision
from store.screening.rankings import NewRanking
from tests.api.people import api_client, browser, set_dual_plan
from tests.store.builders import add_records, join
from tests.store.deciding import decide, plan, settle


@pytest.mark.case("figures", 12)
def test_the_report_of_an_unfinished_review_counts_unscreened_records_and_claims_no_recall(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    reports = add_records(store, review.id, 5)
    with store.write() as session:
        bo = join(session, review.id, "bo")
    lead, first = api_client(app, store, person), api_client(app, store, bo)
    own = f"/api/v1/reviews/{review.slug}"

    def said(title: str) -> str:
        found = lead.get(f"{own}/screening-report").json()["sections"]
        return " ".join(line for each in found if each["title"] == title for line in each["lines"])

    assert "one person decides each record" in said("Plan")
    assert said("Deviations from the protocol") == ""
    set_dual_plan(lead, review.slug)
    assert "two people independently decide every record" in said("Plan")
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
    assert "1 was included" in said("Records")
    assert "3 need another person's decision; 1 conflict" in said("Records")
    assert "recall" not in said("Records")
    assert "2 records were decided by 2 people independently" in said("Who decided")
    assert "the same decision on 1 of 2 records (50 %; 95 % interval 9 to 91 %)" in said(
        "Agreement"
    )
    assert "exclude on 3 records at once (undecided): editorials" in said("Bulk actions")
    # People who still have to decide these do not see that they were excluded.
    other = first.get(f"{own}/screening-report").text
    assert "editorials" not in other
    more = add_records(store, review.id, 1, name="more.csv")
    assert more
    assert "1 record has not been screened; it does not count as excluded" in said("Records")

    shown = browser(app, store, person).get(f"/reviews/{review.slug}/screening-report").text
    assert "1 record has not been screened" in shown
    text = browser(app, store, person).get(f"/reviews/{review.slug}/screening-report.md")
    assert text.headers["content-type"].startswith("text/markdown")
    assert "## Agreement" in text.text


def report(store: Store, review: ReviewInfo, person: PersonInfo) -> dict[str, str]:
    """The sentences of the report, by section."""
    with store.read() as session:
        made = build_report(session, review.id, seen_by=person.id, at=dt.datetime.now(dt.UTC))
    return {section.title: " ".join(section.lines) for section in made.sections}


def test_the_report_of_an_empty_review_says_that_it_is_empty(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    assert report(store, review, person) == {"Records": "No record has been identified yet."}
    add_records(store, review.id, 2)
    said = report(store, review, person)
    assert said.keys() == {"Plan", "Records"}
    assert said["Records"].startswith(
        "2 records identified. Records removed before screening: none. 2 records were left to "
        "screen. 2 records have not been screened; none of them counts as excluded."
    )


def test_a_persons_new_decision_is_not_called_a_second_ones(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    (only,) = add_records(store, review.id, 1)
    decide(store, review, person, only, "exclude")
    decide(store, review, person, only, "include")
    said = report(store, review, person)
    assert "1 person screened." in said["Who decided"]
    assert (
        "On 1 record a person made a further decision after all the decisions needed had been "
        "made: a correction, for example" in said["Who decided"]
    )
    assert "No record was left unscreened." in said["Records"]


def test_the_report_gives_algorithm_encoder_settings_dates_and_overturned_excludes(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    with store.write() as session:
        bo, cy = (join(session, review.id, name) for name in ("bo", "cy"))
    plan(store, review, person, second_look=1.0, reason_required=True)
    reports = add_records(store, review.id, 5)
    pipeline = resources.pipeline("elas-u4")
    ids, scores = array("q", reports), array("f", [0.0] * 5)
    with store.write() as session:
        new = NewRanking(
            revision=1,
            pipeline=pipeline.name,
            pipeline_hash=pipeline.hash,
            encoder="embedded@0123456789abcdef",
            seed=7,
            n_decisions=0,
            n_include=0,
            last_decision_id=None,
            cold_start=True,
            warm=False,
            seconds=0.1,
            detail={"versions": {"Winnow": "0.1.0", "encoder": "9.9", "NumPy": "2.0"}},
            report_ids=ids,
            scores=scores,
        )
        ranking = rankings.save_ranking(session, review.id, new)
        shown = NewDecision("shown", reports[0], "exclude", ranking_id=ranking, place=1)
        decisions.record_decision(session, review.id, bo.id, shown)
    decide(store, review, bo, reports[1], "exclude")
    decide(store, review, bo, reports[2], "include")
    decide(store, review, cy, reports[0], "exclude")
    assert decide(store, review, cy, reports[1], "include")[1] == "conflict"
    settle(store, review, person, reports[1], "include")
    said = report(store, review, person)
    assert "a second person verifies all excludes" in said["Plan"]
    # No reason is reported at title and abstract, and none is asked for if there are none.
    assert "reason" not in said["Plan"]
    assert "2 excludes were verified by a second person; 1 overturned." in said["Who decided"]
    assert "1 record was decided by one person." in said["Who decided"]
    assert "2 people screened." in said["Who decided"]
    assert "independently" not in said["Who decided"]
    assert "Agreement" not in said
    assert "Deviations from the protocol" not in said
    order = said["Order of the records"]
    assert "1 of 5 decisions was made on records that a ranking had put in order" in order
    assert "drawn at random" not in order
    assert f"pipeline *elas-u4* (SHA-256 of its settings {pipeline.hash}), seed 7" in order
    assert "A linear support vector machine on words of title and abstract" in order
    assert "all-MiniLM-L6-v2, package version 9.9" in order
    assert "begins 0123456789abcdef" in order
    with store.write() as session:
        pilot = PilotRow(
            review_id=review.id,
            stage="title-abstract",
            number=1,
            seed=1,
            opened_by=person.id,
            closed_at=now(),
        )
        session.add(pilot)
        session.flush()
        session.add(PilotReport(pilot_id=pilot.id, report_id=reports[1]))
    order = report(store, review, person)["Order of the records"]
    assert "1 of 5 decisions was made on records that a ranking" in order
    assert "2 were made on records that were drawn at random for pilot rounds." in order
    with store.write() as session:
        session.add(PilotReport(pilot_id=pilot.id, report_id=reports[0]))
    # What was drawn was not chosen by a ranking, though it had a place in one.
    assert "Order of the records" not in report(store, review, person)
    assert "Software: Winnow 0.1.0, NumPy 2.0." in order
    assert "It was made before there was both an include and an exclude to learn from." in order
    today = f"{dt.datetime.now(dt.UTC):%Y-%m-%d}"
    assert today in said["Dates"]
    # Somebody else read every exclude, so nothing is confessed.
    assert "Excludes read by one person" not in said
    plan(store, review, person, second_look=0.0)
    decide(store, review, bo, reports[3], "exclude")
    said = report(store, review, person)
    assert (
        "1 of 2 excluded records was read by one person alone"
        in said["Excludes read by one person"]
    )
    # What was found in other reviews says nothing about this one.
    assert "0.79" not in said["Excludes read by one person"]
