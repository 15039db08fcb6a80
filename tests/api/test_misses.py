"""Likely misses: chosen by the worker, looked at by somebody who did not exclude them."""

from __future__ import annotations

import datetime as dt

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.jobs import Jobs
from api.services import misses
from api.services.ranking import Ranker
from api.settings import Settings
from store import decisions, jobs, outcomes, rechecks, records, settlements
from store.errors import Conflict, NotAllowed
from store.people import PersonInfo
from store.reviews import ReviewInfo
from store.session import Store
from tests.api.corpus import corpus, decide
from tests.api.test_conflicts import api, dual
from tests.api.test_team import browser
from tests.store.made import join

pytestmark = pytest.mark.usefixtures("quick_encoder")


def _screened(
    store: Store, review: ReviewInfo, person: PersonInfo, missed: int
) -> tuple[dict[int, bool], set[int]]:
    """Everything decided by one person, who missed the first few relevant records."""
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
        number = rechecks.ask(session, review.id, likely=likely, random=random, person_id=person.id)
        job = jobs.begin(session, review.id, misses.KIND)
    queue = Jobs(store, settings, done=lambda: None, ranker=Ranker(store, settings))
    queue._find_misses(review.id, number, job)
    queue.close()
    return number


def test_somebody_else_looks_and_what_they_change_is_counted(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    truth, wrong = _screened(store, review, person, missed=4)
    with store.write() as session:
        bo = join(session, review.id, "bo")
    _made(store, settings, review, person, likely=6, random=3)
    with store.read() as session:
        (info,) = rechecks.everything(session, review.id)
        assert info.made
        assert (info.likely.listed, info.random.listed) == (6, 3)
        # Who excluded them all looks at none of them.
        assert rechecks.next_for(session, review.id, person.id) == (None, 0)
        assert rechecks.next_for(session, review.id, bo.id)[1] == 9
    app = create_app(settings, store)
    client, page = api(app, store, bo), browser(app, store, bo)
    own = f"/api/v1/reviews/{review.slug}/likely-misses"
    refused = api(app, store, person).post(
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
            assert (late.status_code, "has looked at" in late.text) == (409, True)
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
        assert records.counts(session, review.id).include == sum(truth.values()) - len(wrong - seen)
        # A look is no independent decision: agreement does not know it.
        assert settlements.independent(session, review.id) == []
        # Nothing is looked at twice.
        assert not seen & set(rechecks.candidates(session, review.id))
    assert "no estimate of what remains" in page.get(f"/reviews/{review.slug}/likely-misses").text


def test_in_a_dual_plan_a_look_that_differs_is_a_conflict(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    truth, wrong = _screened(store, review, person, missed=2)
    with store.write() as session:
        bo, cy = (join(session, review.id, name) for name in ("bo", "cy"))
    dual(api(create_app(settings, store), store, person), review.slug)
    with store.write() as session:
        for report, is_relevant in truth.items():
            word = "include" if is_relevant and report not in wrong else "exclude"
            new = decisions.NewDecision(f"bo {report}", report, word)
            decisions.record(session, review.id, bo.id, new)
    _made(store, settings, review, person, likely=4, random=0)
    with store.write() as session:
        assert rechecks.next_for(session, review.id, bo.id) == (None, 0)
        report, _ = rechecks.next_for(session, review.id, cy.id)
        assert report is not None
        new = decisions.NewDecision("look", report, "include")
        rechecks.look(session, review.id, cy.id, new)
    with store.read() as session:
        row = session.get(outcomes.Report, report)
        assert row is not None
        assert row.state == "conflict"
        (info,) = rechecks.everything(session, review.id)
        assert (info.likely.looked, info.likely.changed) == (1, 1)
        # Whoever looked again knew that it had been excluded: no third independent decision.
        assert settlements.work(session, review.id).decided_by == {2: len(truth)}


def test_whoever_screens_alone_looks_a_day_later(
    store: Store,
    settings: Settings,
    review: ReviewInfo,
    person: PersonInfo,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _screened(store, review, person, missed=1)
    _made(store, settings, review, person, likely=3, random=2)
    with store.read() as session:
        assert rechecks.next_for(session, review.id, person.id) == (None, 0)
    monkeypatch.setattr(rechecks, "ALONE_AFTER", dt.timedelta(0))
    with store.write() as session:
        report, left = rechecks.next_for(session, review.id, person.id)
        assert left == 5
        assert report is not None
        with pytest.raises(Conflict, match="on no list"):
            rechecks.look(
                session, review.id, person.id, decisions.NewDecision("n", 10**6, "include")
            )
        rechecks.look(session, review.id, person.id, decisions.NewDecision("y", report, "include"))
        assert set(settlements.work(session, review.id).decided_by) == {1}
        with pytest.raises(Conflict, match="looked through yet"):
            rechecks.ask(session, review.id, likely=3, random=0, person_id=person.id)


def test_what_cannot_be_listed_is_said_and_asked_for_again(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo, client: TestClient
) -> None:
    truth = corpus(store, review, person)
    own = f"/api/v1/reviews/{review.slug}/likely-misses"
    assert client.post(own, json={"likely": 0}).status_code == 422
    _made(store, settings, review, person, likely=5, random=5)
    with store.read() as session:
        assert rechecks.everything(session, review.id) == []
        job = next(job for job in jobs.newest(session, review.id) if job.kind == misses.KIND)
    assert (job.state, "no included and excluded" in str(job.message)) == ("failed", True)
    # A worker that was killed leaves a list that nobody makes; the next one takes its place.
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
        rechecks.look(
            session, review.id, someone.id, decisions.NewDecision("z", relevant, "include")
        )


def jobs_of(store: Store, review: ReviewInfo) -> int:
    with store.write() as session:
        return jobs.begin(session, review.id, misses.KIND)
