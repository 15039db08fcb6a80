"""Likely misses: the worker chooses them, and a person who did not exclude them checks them."""

from __future__ import annotations

import datetime as dt

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.services.ranking.ranker import Ranker
from api.services.screening.likely_misses import KIND
from api.settings import Settings
from api.worker.jobs import Jobs
from store.core import jobs
from store.core.errors import Conflict, NotAllowed
from store.core.session import Store
from store.reports import record_counts, report_states
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from store.screening import decisions, independent_decisions, likely_misses
from store.screening.independent_decisions import count_work
from store.screening.likely_misses import MissListRequest
from tests.api.corpus import corpus, decide
from tests.api.people import api_client, browser, set_dual_plan
from tests.store.builders import join

pytestmark = pytest.mark.usefixtures("quick_encoder")


def _screened(
    store: Store, review: ReviewInfo, person: PersonInfo, missed: int
) -> tuple[dict[int, bool], set[int]]:
    """Let one person decide everything and miss the first few relevant records."""
    truth = corpus(store, review, person)
    relevant = [report for report in truth if truth[report]]
    wrong = set(relevant[:missed])
    for report, is_relevant in truth.items():
        decide(store, review, person, report, relevant=is_relevant and report not in wrong)
    return truth, wrong


def _made(
    store: Store,
    settings: Settings,
    review: ReviewInfo,
    person: PersonInfo,
    likely: int,
    random: int,
) -> int:
    with store.write() as session:
        new = MissListRequest(likely=likely, random=random)
        number = likely_misses.create_list(session, review.id, new, person_id=person.id)
        job = jobs.start_job(session, review.id, KIND)
    queue = Jobs(store, settings, done=lambda: None, ranker=Ranker(store, settings))
    queue._find_misses(review.id, number, job)
    queue.close()
    return number


def test_somebody_else_checks_likely_misses_and_their_changes_are_counted(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    truth, wrong = _screened(store, review, person, missed=4)
    with store.write() as session:
        bo = join(session, review.id, "bo")
    _made(store, settings, review, person, likely=6, random=3)
    with store.read() as session:
        (info,) = likely_misses.list_lists(session, review.id)
        assert info.made
        assert (info.likely.listed, info.random.listed) == (6, 3)
        # The person who excluded them all checks none of them.
        assert likely_misses.find_next_for(session, review.id, person.id) == (None, 0)
        assert likely_misses.find_next_for(session, review.id, bo.id)[1] == 9
    app = create_app(settings, store)
    client, page = api_client(app, store, bo), browser(app, store, bo)
    own = f"/api/v1/reviews/{review.slug}/likely-misses"
    refused = api_client(app, store, person).post(
        f"{own}/looks",
        json={"token": "x", "report": sorted(wrong)[0], "decision": "include"},
    )
    assert refused.status_code == 403
    seen = set()
    for at in range(9):
        found = client.get(f"{own}/next").json()
        assert found["left"] == 9 - at
        report = found["record"]["report"]
        seen.add(report)
        word = "include" if truth[report] else "exclude"
        if at == 0:
            shown = page.get(f"/reviews/{review.slug}/likely-misses")
            assert found["record"]["title"] in shown.text
            form = {"report": str(report), "token": "one", "decision": word}
            answer = page.post(f"/reviews/{review.slug}/likely-misses/looks", data=form)
            assert answer.status_code == 303
            late = page.post(
                f"/reviews/{review.slug}/likely-misses/looks", data={**form, "token": "two"}
            )
            assert (late.status_code, "already checked" in late.text) == (409, True)
        else:
            body = {"token": f"look {report}", "report": report, "decision": word}
            assert client.post(f"{own}/looks", json=body).json()["stored"] is True
            assert client.post(f"{own}/looks", json=body).json()["stored"] is False
    assert len(wrong & seen) >= 3, "six of sixty, and most of the four that were missed"
    (told,) = client.get(own).json()
    changed = told["likely"]["changed"] + told["random"]["changed"]
    assert (told["likely"]["looked"], told["random"]["looked"]) == (6, 3)
    assert changed == len(wrong & seen)
    assert client.get(f"{own}/next").json() == {"record": None, "left": 0}
    with store.read() as session:
        assert record_counts.count_reports(session, review.id).include == sum(truth.values()) - len(
            wrong - seen
        )
        # A check is not an independent decision, so it does not count for agreement.
        reports = independent_decisions.list_screened(session, review.id)
        assert independent_decisions.list_first_decisions(reports) == []
        # Nothing is checked twice.
        assert not seen & set(likely_misses.list_candidates(session, review.id))
    assert (
        "not an estimate of what remains" in page.get(f"/reviews/{review.slug}/likely-misses").text
    )


def test_in_a_dual_plan_a_check_that_differs_is_a_conflict(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    truth, wrong = _screened(store, review, person, missed=2)
    with store.write() as session:
        bo, cy = (join(session, review.id, name) for name in ("bo", "cy"))
    set_dual_plan(api_client(create_app(settings, store), store, person), review.slug)
    with store.write() as session:
        for report, is_relevant in truth.items():
            word = "include" if is_relevant and report not in wrong else "exclude"
            new = decisions.NewDecision(f"bo {report}", report, word)
            decisions.record_decision(session, review.id, bo.id, new)
    _made(store, settings, review, person, likely=4, random=0)
    with store.write() as session:
        assert likely_misses.find_next_for(session, review.id, bo.id) == (None, 0)
        report, _ = likely_misses.find_next_for(session, review.id, cy.id)
        assert report is not None
        new = decisions.NewDecision("look", report, "include")
        likely_misses.record_check(session, review.id, cy.id, new)
    with store.read() as session:
        row = report_states.get_state(session, report)
        assert row is not None
        assert row.state == "conflict"
        (info,) = likely_misses.list_lists(session, review.id)
        assert (info.likely.looked, info.likely.changed) == (1, 1)
        # One person's decision settled each record before the plan asked for two, so the second
        # person could have seen it; and the person who checked knew of the exclude.
        work = count_work(independent_decisions.list_screened(session, review.id))
        assert (work.single, work.together, work.corrected) == (len(truth), {}, len(truth))


def test_a_person_who_screens_alone_checks_a_day_later(
    store: Store,
    settings: Settings,
    review: ReviewInfo,
    person: PersonInfo,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _screened(store, review, person, missed=1)
    _made(store, settings, review, person, likely=3, random=2)
    with store.read() as session:
        assert likely_misses.find_next_for(session, review.id, person.id) == (None, 0)
    monkeypatch.setattr(likely_misses, "ALONE_AFTER", dt.timedelta(0))
    with store.write() as session:
        report, left = likely_misses.find_next_for(session, review.id, person.id)
        assert left == 5
        assert report is not None
        with pytest.raises(Conflict, match="not on a list"):
            likely_misses.record_check(
                session, review.id, person.id, decisions.NewDecision("n", 10**6, "include")
            )
        likely_misses.record_check(
            session, review.id, person.id, decisions.NewDecision("y", report, "include")
        )
        work = count_work(independent_decisions.list_screened(session, review.id))
        assert (work.together, work.verified.records) == ({}, 0)
        with pytest.raises(Conflict, match="still has records to check"):
            likely_misses.create_list(
                session, review.id, MissListRequest(likely=3, random=0), person_id=person.id
            )


def test_a_list_that_cannot_be_made_says_why_and_can_be_asked_for_again(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo, client: TestClient
) -> None:
    truth = corpus(store, review, person)
    own = f"/api/v1/reviews/{review.slug}/likely-misses"
    assert client.post(own, json={"likely": 0}).status_code == 422
    _made(store, settings, review, person, likely=5, random=5)
    with store.read() as session:
        assert likely_misses.list_lists(session, review.id) == []
        job = next(job for job in jobs.list_recent_jobs(session, review.id) if job.kind == KIND)
    assert (job.state, "no included and excluded" in str(job.message)) == ("failed", True)
    # A killed worker leaves a list that nobody finishes; the next list replaces it.
    assert client.post(own, json={}).status_code == 202
    assert client.post(own, json={"likely": 7, "random": 1}).status_code == 202
    assert [each["made"] for each in client.get(own).json()] == [False]
    relevant = next(report for report in truth if truth[report])
    decide(store, review, person, relevant, relevant=True)
    for report in [each for each in truth if not truth[each]][:3]:
        decide(store, review, person, report, relevant=False)
    number = client.get(own).json()[0]["id"]
    Jobs(store, settings, done=lambda: None, ranker=Ranker(store, settings))._find_misses(
        review.id, number, jobs_of(store, review)
    )
    (found,) = client.get(own).json()
    assert (found["likely"]["listed"], found["random"]["listed"]) == (3, 0)
    with store.write() as session, pytest.raises(NotAllowed):
        someone = join(session, review.id, "vi", "viewer")
        likely_misses.record_check(
            session, review.id, someone.id, decisions.NewDecision("z", relevant, "include")
        )


def jobs_of(store: Store, review: ReviewInfo) -> int:
    with store.write() as session:
        return jobs.start_job(session, review.id, KIND)
