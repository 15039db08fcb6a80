"""What people ask the model: why a record stands where it does, what other orders had reached."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from api.jobs import Jobs
from api.services import comparing, evaluation, explaining, screening
from api.services.ranking import Ranker
from api.settings import Settings
from store import gold, jobs, records
from store.decisions import NewDecision
from store.people import PersonInfo
from store.reviews import ReviewInfo
from store.session import Store
from tests.api.corpus import corpus, decide, until, working

pytestmark = pytest.mark.usefixtures("quick_encoder")


def _gold(
    store: Store, review: ReviewInfo, person: PersonInfo, titles: list[str], use: str = "held_out"
) -> None:
    chosen = [gold.NewGold(title, ranking_use=use) for title in titles]
    with store.write() as session:
        gold.add(session, review.id, chosen, list_name="list", person_id=person.id)


def _begun(store: Store, review: ReviewInfo, kind: str) -> int:
    with store.write() as session:
        return jobs.begin(session, review.id, kind)


def _job(store: Store, review: ReviewInfo, kind: str) -> jobs.JobInfo:
    with store.read() as session:
        return next(job for job in jobs.newest(session, review.id) if job.kind == kind)


def _titles(store: Store, review: ReviewInfo) -> dict[int, str]:
    with store.read() as session:
        return {text.report_id: str(text.title) for text in records.texts(session, review.id)}


def _known(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> tuple[dict[int, bool], list[int]]:
    """A corpus, eight of its relevant records known and a ninth a seed."""
    truth = corpus(store, review, person)
    relevant = [report for report in truth if truth[report]]
    titles = _titles(store, review)
    _gold(store, review, person, [titles[report] for report in relevant[:8]])
    _gold(store, review, person, [titles[relevant[8]]], "seed")
    return truth, relevant


def test_a_comparison_replays_the_review_by_both_orders(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    truth, relevant = _known(store, review, person)
    for report in [*relevant[12:15], *[report for report in truth if not truth[report]][:9]]:
        decide(store, review, person, report, relevant=truth[report])
    queue = Jobs(store, settings, done=lambda: None, ranker=Ranker(store, settings))
    queue._compare_orders(review.id, _begun(store, review, comparing.KIND))
    assert _job(store, review, comparing.KIND).state == "done"
    with store.read() as session:
        found = comparing.kept(session, review.id)
    assert found is not None
    assert list(found.orders) == ["default", "elas-u4"]
    # 80 records, of which the seed is known from the start.
    assert (found.reports, found.decisions) == (79, 12)
    for places in found.orders.values():
        assert len(places) == 8
        assert list(places) == sorted(set(places))
        assert places[0] >= 1
        assert places[-1] <= 79
    assert found.recall_at("default", "100%") == 1
    assert found.recall_at("default", "40") > 0.9
    assert found.recall_at("default", "0%") == 0


def test_without_a_known_relevant_record_the_job_says_so(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    corpus(store, review, person)
    _gold(store, review, person, ["Nothing of this name is among them"])
    queue = Jobs(store, settings, done=lambda: None, ranker=Ranker(store, settings))
    queue._compare_orders(review.id, _begun(store, review, comparing.KIND))
    job = _job(store, review, comparing.KIND)
    assert job.state == "failed"
    assert "no known relevant record is held out and among the review's records" in str(job.message)
    with store.read() as session:
        assert comparing.kept(session, review.id) is None


def test_a_worker_that_is_stopped_ends_a_replay_and_keeps_the_earlier_answer(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    truth, _ = _known(store, review, person)
    # One that is far from all others: a replay reads most of the corpus before it.
    odd = [report for report in truth if not truth[report]][-1]
    _gold(store, review, person, [_titles(store, review)[odd]])
    ranker = Ranker(store, settings)
    with store.read() as session:
        matches = evaluation.evaluate(session, review.id).matches
    asked: list[int] = []
    earlier = comparing.compare(
        ranker, store, review.id, matches, progress=lambda done, _: asked.append(done)
    )
    assert asked, "nothing would ask whether to go on"
    comparing.keep(store, review.id, earlier)
    queue = Jobs(store, settings, done=lambda: None, ranker=ranker, stopping=lambda: True)
    queue._compare_orders(review.id, _begun(store, review, comparing.KIND))
    job = _job(store, review, comparing.KIND)
    assert (job.state, "stopped" in str(job.message)) == ("failed", True)
    with store.read() as session:
        assert comparing.kept(session, review.id) == earlier


@pytest.mark.parametrize("kind", [comparing.KIND, explaining.KIND])
def test_what_a_killed_worker_was_asked_is_called_interrupted_and_can_be_asked_again(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo, kind: str
) -> None:
    truth, relevant = _known(store, review, person)
    decide(store, review, person, relevant[12], relevant=True)
    decide(store, review, person, next(r for r in truth if not truth[r]), relevant=False)
    # A job that runs and that no message stands for: what SIGKILL leaves.
    left = _begun(store, review, kind)
    queue = Jobs(store, settings, done=lambda: None, ranker=Ranker(store, settings))
    queue.resume()
    assert (_job(store, review, kind).id, _job(store, review, kind).state) == (left, "failed")
    assert "interrupted" in str(_job(store, review, kind).message)
    again = _begun(store, review, kind)
    if kind == comparing.KIND:
        queue._compare_orders(review.id, again)
    else:
        queue._explain(review.id, relevant[13], again)
    assert (_job(store, review, kind).id, _job(store, review, kind).state) == (again, "done")


def test_the_routes_ask_and_answer(
    client: TestClient, store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    _, relevant = _known(store, review, person)
    base = f"/api/v1/reviews/{review.slug}"
    with store.read() as session:
        record = records.of_report(session, review.id, relevant[0])[0].id
    why = f"{base}/records/{record}/explanation"
    for address in (why, f"{base}/evaluation/comparison"):
        assert client.get(address).status_code == 404
        assert client.post(address).status_code == 202
    with working(store, settings):
        until(lambda: client.get(f"{base}/evaluation/comparison").status_code == 200)
        until(lambda: client.get(why).status_code == 200)
    body = client.get(f"{base}/evaluation/comparison").json()
    assert set(body["orders"]) == {"default", "elas-u4"}
    assert "counts as irrelevant" in body["note"]
    # Nothing is decided: no model has been fitted, which is said rather than made up.
    told = client.get(why).json()
    assert (told["report"], told["fitted"], told["current"]) == (relevant[0], False, True)
    decide(store, review, person, relevant[3], relevant=True)
    assert client.get(why).json()["current"] is False
    assert client.get(f"{base}/records/999999/explanation").status_code == 404


def test_an_explanation_adds_up_and_names_decided_records(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    truth = corpus(store, review, person)
    relevant = [report for report in truth if truth[report]]
    other = [report for report in truth if not truth[report]]
    for report in [*relevant[:4], *other[:6]]:
        decide(store, review, person, report, relevant=truth[report])
    ranker = Ranker(store, settings)
    explaining.explain(ranker, store, review.id, relevant[5])
    with store.read() as session:
        found = explaining.kept(session, review.id, relevant[5])
    assert found is not None
    body = found.body
    assert body["fitted"]
    assert sum(part["adds"] for part in body["parts"]) == pytest.approx(body["score"])
    assert 1 <= body["place"] <= 16
    nearest = next(part["nearest"] for part in body["parts"] if part["name"] == "embedding")
    assert {near["report"] for near in nearest} <= {*relevant[:4], *other[:6]}
    assert {near["relevant"] for near in nearest} == {True, False}
    words = next(part["terms"] for part in body["parts"] if part["name"] == "words")
    assert words
    assert found.current
    # As many decisions as before, but one is another.
    screening.decide(store, review.id, person.id, NewDecision("turned", relevant[0], "exclude"))
    with store.read() as session:
        turned = explaining.kept(session, review.id, relevant[5])
    assert turned is not None
    assert not turned.current
