"""Figures that take long: stored and direct ones agree, and are worked out once."""

from __future__ import annotations

import datetime as dt
import threading
from array import array
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace

import pytest
from fastapi import FastAPI
from pydantic import TypeAdapter
from sqlalchemy import delete, update

from api.app import create_app
from api.services.duplicates.deduplicating import compare_new_records
from api.services.reporting import stored_results
from api.services.reporting.evaluation import evaluate
from api.services.reporting.screening_figures import work_out_figures
from api.services.reporting.screening_report import build_report
from api.services.reporting.search_check import match_all
from api.services.reporting.stored_results import (
    EVALUATION,
    KINDS,
    SCREENING,
    SEARCH_CHECK,
    Kind,
)
from api.services.screening.agreement import measure_agreement
from api.settings import Settings
from api.worker.jobs import Jobs
from store.core import jobs
from store.core.session import ReadSession, Store
from store.core.tables import ComputedResult, Identity
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from store.screening import computed_results, rankings
from store.searching import gold, searches
from tests.api.answers import corpus_with_gold, newest_job
from tests.api.people import api_client, browser
from tests.api.services.reporting.test_evaluation import RANKING
from tests.store.builders import add_records, join
from tests.store.deciding import decide, plan, start_round

# Over the API; the search check is a page only.
ANSWERS = ("evaluation", "agreement", "screening-report")
ADDRESSES = (*ANSWERS, "evaluation/search")


@pytest.fixture(autouse=True)
def _every_review_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_results, "SMALL", 0)


@pytest.fixture
def bo(store: Store, review: ReviewInfo) -> PersonInfo:
    with store.write() as session:
        return join(session, review.id, "bo")


@pytest.fixture
def screened(store: Store, review: ReviewInfo, person: PersonInfo, bo: PersonInfo) -> list[int]:
    """A ranked review with known studies, a pilot round and decisions of two people; its reports.

    The last report has been decided by nobody.
    """
    truth, _ = corpus_with_gold(store, review, person)
    plan(store, review, person, dual_share=1.0)
    pilot = start_round(store, review, person, 4)
    reports = [*pilot, *(report for report in truth if report not in pilot)]
    for place, report in enumerate(reports[:40]):
        word = "include" if truth[report] else "exclude"
        decide(store, review, person, report, word)
        decide(store, review, bo, report, "maybe" if place % 7 == 0 else word)
    left = array("q", reports[:39:-1])
    order = replace(RANKING, report_ids=left, scores=array("f", range(len(left), 0, -1)))
    with store.write() as session:
        rankings.save_ranking(session, review.id, order)
    return reports


@pytest.fixture
def worker(store: Store, settings: Settings) -> Iterator[Jobs]:
    """The jobs of a worker, which here are done when a test says so."""
    made = Jobs(store, settings, done=lambda: None)
    yield made
    made.close()


def do_jobs(worker: Jobs) -> int:
    """Do what is in the queue; how many jobs there were."""
    done = 0
    while (task := worker.figures.huey.dequeue()) is not None:
        worker.figures.huey.execute(task)
        done += 1
    return done


def list_stored(
    session: ReadSession, review: ReviewInfo, kind: str
) -> list[computed_results.StoredResult]:
    return computed_results.list_results(session, review.id, kind)


def test_stored_figures_are_those_worked_out_directly(
    store: Store, review: ReviewInfo, person: PersonInfo, screened: list[int]
) -> None:
    assert stored_results.work_out(store, review.id, "evaluation") is None
    assert stored_results.work_out(store, review.id, "screening") is None
    assert stored_results.work_out(store, review.id, "search-check") is None
    with store.read() as session:
        matches = stored_results.get_stored_figures(session, review.id, SEARCH_CHECK)
        assert matches.value == match_all(session, review.id)
        assert len(matches.value.brought) == len(matches.value.matches) > 5
        evaluation = stored_results.get_stored_figures(session, review.id, EVALUATION)
        figures = stored_results.get_stored_figures(session, review.id, SCREENING)
        assert evaluation.value == evaluate(session, review.id)
        assert figures.value == work_out_figures(session, review.id)
        assert evaluation.value.screening.relevant == 8
        assert figures.value.agreement.records > 30
        now = dt.datetime.now(dt.UTC)
        direct = build_report(session, review.id, seen_by=person.id, at=now)
        stored = build_report(session, review.id, seen_by=person.id, at=now, figures=figures)
        assert stored.sections == direct.sections
        assert (stored.worked_out, direct.worked_out) == (figures.worked_out, None)


def test_pages_ask_the_worker_once_and_then_show_the_figures_with_their_time(
    app: FastAPI,
    store: Store,
    review: ReviewInfo,
    person: PersonInfo,
    screened: list[int],
    worker: Jobs,
) -> None:
    page = browser(app, store, person)
    for address in (*ADDRESSES, *ADDRESSES):
        text = page.get(f"/reviews/{review.slug}/{address}").text
        assert "This page will show them when they are ready" in text
        assert text.count(">These figures are being worked out.<") == 1
    # The agreement and the report share theirs.
    assert do_jobs(worker) == 3
    for address in ADDRESSES:
        text = page.get(f"/reviews/{review.slug}/{address}").text
        assert "from 80 decisions." in text
        assert "Work out again" not in text
    decide(store, review, person, screened[40], "include")
    for address in ADDRESSES:
        text = page.get(f"/reviews/{review.slug}/{address}").text
        assert "from 80 decisions; 1 decision since." in text
        assert "Work out again" in text
    text = page.get(f"/reviews/{review.slug}/screening-report.md").text
    assert "from 80 decisions; 1 decision since." in text
    # A page that is left open must not have them worked out again and again.
    assert do_jobs(worker) == 0
    for address in ADDRESSES:
        assert page.post(f"/reviews/{review.slug}/figures", data={"back": address}).is_redirect
    assert do_jobs(worker) == 3
    text = page.get(f"/reviews/{review.slug}/agreement").text
    assert "from 81 decisions." in text


def test_old_figures_are_worked_out_again_when_somebody_opens_their_page(
    app: FastAPI,
    store: Store,
    review: ReviewInfo,
    person: PersonInfo,
    screened: list[int],
    worker: Jobs,
) -> None:
    page = browser(app, store, person)
    stored_results.work_out(store, review.id, "screening")
    hour_ago = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    with store.write() as session:
        session.execute(update(ComputedResult).values(computed_at=hour_ago))
    page.get(f"/reviews/{review.slug}/agreement")
    # Nothing has changed.
    assert do_jobs(worker) == 0
    decide(store, review, person, screened[40], "include")
    text = page.get(f"/reviews/{review.slug}/agreement").text
    assert "1 decision since" in text
    assert text.count(">These figures are being worked out.<") == 1
    assert do_jobs(worker) == 1


def test_the_api_says_that_figures_are_not_ready_and_then_gives_them(
    app: FastAPI,
    store: Store,
    review: ReviewInfo,
    person: PersonInfo,
    screened: list[int],
    worker: Jobs,
) -> None:
    client = api_client(app, store, person)
    at = f"/api/v1/reviews/{review.slug}"
    for address in ANSWERS:
        answer = client.get(f"{at}/{address}")
        assert (answer.status_code, answer.headers["retry-after"]) == (202, "5")
        assert answer.json()["job"] > 0
    assert do_jobs(worker) == 2
    assert client.get(f"{at}/evaluation").json()["screening"]["relevant"] == 8
    found = client.get(f"{at}/agreement").json()
    with store.read() as session:
        direct = measure_agreement(session, review.id)
    assert found["records"] == direct.records
    assert [tuple(pair["people"]) for pair in found["pairs"]] == [
        pair.people for pair in direct.pairs
    ]
    assert found["worked_out"]["decisions"] == 80
    assert not found["worked_out"]["changed"]
    report = client.get(f"{at}/screening-report").json()
    assert report["worked_out"]["since"] == 0
    asked = client.post(f"{at}/figures/evaluation")
    assert asked.status_code == 202


def test_two_requests_at_the_same_moment_ask_once(
    store: Store, review: ReviewInfo, screened: list[int]
) -> None:
    asked: list[int] = []
    answers: list[int] = []
    together = threading.Barrier(4)

    def ask() -> None:
        together.wait()
        answers.append(
            stored_results.ask_for_figures(
                store, review.id, EVALUATION, lambda _review, _kind, job: asked.append(job)
            )
        )

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(asked) == 1
    assert set(answers) == set(asked)


@pytest.mark.parametrize("small", [0, stored_results.SMALL])
def test_figures_and_their_basis_are_of_one_moment(
    store: Store,
    review: ReviewInfo,
    person: PersonInfo,
    monkeypatch: pytest.MonkeyPatch,
    small: int,
) -> None:
    monkeypatch.setattr(stored_results, "SMALL", small)
    reports = add_records(store, review.id, 2)

    def look_twice(session: ReadSession, review_id: int) -> list[str]:
        first = computed_results.find_basis(session, review_id)
        decide(store, review, person, reports[0], "include")
        return [first.key, computed_results.find_basis(session, review_id).key]

    kind = Kind("evaluation", TypeAdapter(list[str]), look_twice)
    monkeypatch.setitem(KINDS, "evaluation", kind)  # type: ignore[misc] # only read elsewhere
    if small:
        found = stored_results.get_figures(store, review.id, kind, lambda *_: None).value
    else:
        assert stored_results.work_out(store, review.id, "evaluation") is None
        with store.read() as session:
            found = stored_results.get_stored_figures(session, review.id, kind).value
    assert found is not None
    assert found[0] == found[1]
    with store.read() as session:
        (stored,) = list_stored(session, review, "evaluation")
        assert stored.basis.endswith(found[0])
        # What was decided meanwhile is not in them.
        assert computed_results.find_basis(session, review.id).key != found[0]


def test_a_failure_is_shown_and_not_repeated_until_somebody_asks(
    app: FastAPI,
    store: Store,
    review: ReviewInfo,
    person: PersonInfo,
    screened: list[int],
    worker: Jobs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stored_results.work_out(store, review.id, "evaluation")
    decide(store, review, person, screened[40], "include")

    def fail(_session: ReadSession, _review_id: int) -> None:
        raise ValueError("the moon is full")

    with monkeypatch.context() as broken:
        broken.setitem(KINDS, "evaluation", Kind("evaluation", EVALUATION.json, fail))  # type: ignore[arg-type, misc] # it returns nothing
        page = browser(app, store, person)
        for _ in range(2):
            page.post(f"/reviews/{review.slug}/figures", data={"back": "evaluation"})
            assert do_jobs(worker) == 1
            text = page.get(f"/reviews/{review.slug}/evaluation").text
            # The earlier figures are still there.
            assert "from 80 decisions; 1 decision since." in text
            assert "the moon is full" in text
            assert "Try again" in text
            assert do_jobs(worker) == 0
        with store.read() as session:
            assert len(list_stored(session, review, "evaluation")) == 2
        assert newest_job(store, review, "evaluation").state == "failed"
    page.post(f"/reviews/{review.slug}/figures", data={"back": "evaluation"})
    assert do_jobs(worker) == 1
    text = page.get(f"/reviews/{review.slug}/evaluation").text
    assert "from 81 decisions." in text
    assert "the moon is full" not in text
    with store.read() as session:
        assert len(list_stored(session, review, "evaluation")) == 1


def test_stored_figures_name_people_as_they_are_called_now(
    app: FastAPI,
    store: Store,
    review: ReviewInfo,
    person: PersonInfo,
    bo: PersonInfo,
    screened: list[int],
) -> None:
    page = browser(app, store, person)
    stored_results.work_out(store, review.id, "screening")
    for address in ("agreement", "screening-report"):
        assert " and bo" in page.get(f"/reviews/{review.slug}/{address}").text
    with store.write() as session:
        session.execute(
            update(Identity).where(Identity.person_id == bo.id).values(name="Bo Li", name_key="x")
        )
    for address in ("agreement", "screening-report"):
        assert "Bo Li" in page.get(f"/reviews/{review.slug}/{address}").text
    with store.write() as session:
        session.execute(delete(Identity).where(Identity.person_id == bo.id))
        (stored,) = list_stored(session, review, "screening")
        assert '"bo"' not in str(stored.body)
    for address in ("agreement", "screening-report"):
        text = page.get(f"/reviews/{review.slug}/{address}").text
        assert f"person {bo.id}" in text
        assert "Bo Li" not in text


def test_figures_of_another_version_are_not_read(
    store: Store, review: ReviewInfo, screened: list[int]
) -> None:
    stored_results.work_out(store, review.id, "evaluation")
    with store.write() as session:
        session.execute(update(ComputedResult).values(body='{"list_name": "x"}'))
        assert stored_results.get_stored_figures(session, review.id, EVALUATION).value is None


def test_a_small_review_has_the_figures_of_now(
    settings: Settings,
    store: Store,
    review: ReviewInfo,
    person: PersonInfo,
    screened: list[int],
    worker: Jobs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stored_results, "SMALL", 10_000)
    page = browser(create_app(settings, store), store, person)
    for word in ("include", "exclude"):
        for _ in range(2):
            text = page.get(f"/reviews/{review.slug}/agreement").text
            assert "Worked out" not in text
        with store.read() as session:
            found = stored_results.get_stored_figures(session, review.id, SCREENING)
            assert found.value == work_out_figures(session, review.id)
            assert found.worked_out is not None
            assert not found.worked_out.changed
        decide(store, review, person, screened[41 if word == "include" else 42], word)
    assert do_jobs(worker) == 0
    with store.read() as session:
        assert jobs.find_running(session, review.id, "screening") is None


def test_figures_are_worked_out_once_however_often_they_wait_in_the_queue(
    store: Store, review: ReviewInfo, screened: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    times: list[int] = []

    def count(session: ReadSession, review_id: int) -> object:
        times.append(review_id)
        return evaluate(session, review_id)

    monkeypatch.setitem(KINDS, "evaluation", replace(EVALUATION, work_out=count))  # type: ignore[arg-type, misc] # as above
    for _ in range(3):
        stored_results.work_out(store, review.id, "evaluation")
    assert times == [review.id]


def _add_known(store: Store, review: ReviewInfo, person: PersonInfo) -> None:
    with store.write() as session:
        new = [gold.NewGold("One more known study", year=2020)]
        gold.add_gold(session, review.id, new, list_name="more", person_id=person.id)


def _split_known(store: Store, review: ReviewInfo, person: PersonInfo) -> None:
    with store.write() as session:
        name = gold.list_gold(session, review.id)[0].list_name
        uses = gold.GoldUses(search="development", ranking="seed")
        gold.set_uses(session, review.id, name, uses, person_id=person.id)


def _remove_known(store: Store, review: ReviewInfo, person: PersonInfo) -> None:
    with store.write() as session:
        name = gold.list_gold(session, review.id)[0].list_name
        gold.remove_list(session, review.id, name, person_id=person.id)


def _give_role(store: Store, review: ReviewInfo, person: PersonInfo) -> None:
    with store.write() as session:
        join(session, review.id, "new")


def _state_search(store: Store, review: ReviewInfo, person: PersonInfo) -> None:
    with store.write() as session:
        searches.create_search(
            session, review.id, kind="file", person_id=person.id, fields={"source": "PsycINFO"}
        )


def _edit_search(store: Store, review: ReviewInfo, person: PersonInfo) -> None:
    with store.write() as session:
        (first, *_) = searches.list_searches(session, review.id)
        changed = {"source": "PsycINFO"}
        searches.update_search(session, review.id, first.id, changed, person_id=person.id)


def _change_plan(store: Store, review: ReviewInfo, person: PersonInfo) -> None:
    plan(store, review, person, dual_share=0.5)


def _match(store: Store, review: ReviewInfo, person: PersonInfo) -> None:
    # They come by a search of their own.
    add_records(store, review.id, 1)
    compare_new_records(store, review.id)


def _rank(store: Store, review: ReviewInfo, person: PersonInfo) -> None:
    with store.write() as session:
        rankings.save_ranking(session, review.id, RANKING)


ON_ORDER = {"evaluation", "screening"}


@pytest.mark.parametrize(
    ("change", "words", "kinds"),
    [
        (_add_known, "known studies", KINDS),
        (_split_known, "known studies", KINDS),
        (_remove_known, "known studies", KINDS),
        (_give_role, "people", KINDS),
        (_state_search, "searches", KINDS),
        (_edit_search, "searches", KINDS),
        (_change_plan, "the protocol", KINDS),
        (_match, "records, searches", KINDS),
        (_rank, "the order", ON_ORDER),
    ],
)
def test_each_change_marks_the_figures_that_depend_on_it_and_is_named(
    store: Store,
    review: ReviewInfo,
    person: PersonInfo,
    screened: list[int],
    change: Callable[[Store, ReviewInfo, PersonInfo], None],
    words: str,
    kinds: Collection[str],
) -> None:
    for name in KINDS:
        assert stored_results.work_out(store, review.id, name) is None
    change(store, review, person)
    for name, kind in KINDS.items():
        with store.read() as session:
            made = stored_results.get_stored_figures(session, review.id, kind).worked_out
        assert made is not None
        assert (name, made.changed, made.what) == (
            name,
            name in kinds,
            tuple(words.split(", ")) if name in kinds else (),
        )
        said = f"changed since: {words}." in stored_results.describe_worked_out(made)
        assert said == (name in kinds)


def test_pages_deny_no_known_studies_that_were_just_added(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo, worker: Jobs
) -> None:
    add_records(store, review.id, 3)
    page = browser(app, store, person)
    addresses = [f"/reviews/{review.slug}/{each}" for each in ("evaluation", "evaluation/search")]
    denied = "There are no known studies"
    for name in ("evaluation", "search-check"):
        stored_results.work_out(store, review.id, name)
    assert all(denied in page.get(each).text for each in addresses)
    _add_known(store, review, person)
    for each in addresses:
        text = page.get(each).text
        assert denied not in text
        assert "are being worked out" in text
    assert do_jobs(worker) == 2
    assert all(denied not in page.get(each).text for each in addresses)


def test_the_evaluation_says_what_each_count_of_known_studies_is_of(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo, screened: list[int]
) -> None:
    stored_results.work_out(store, review.id, "evaluation")
    text = browser(app, store, person).get(f"/reviews/{review.slug}/evaluation").text
    assert text.count("not among the records.") == 1
    assert "no place in the order, because they are not among the records, could" in text
    assert "of those that may check the search, " in text
    assert "of those not shown to the ranking, " in text
