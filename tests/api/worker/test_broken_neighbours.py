"""What is stored for one review may be broken in any way: the other reviews never notice."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import text, update

from api.protocol import ProtocolBody
from api.services.living import night_runs, schedules, setting_faults
from api.services.ranking.ranker import Ranker
from api.services.reviews import work_faults
from api.settings import Settings
from api.worker.comparing import Comparing
from api.worker.failures import Failures
from api.worker.jobs import Jobs
from api.worker.worker import Worker
from store.core import jobs
from store.core.session import Store
from store.core.tables import Job, ModelAnswer, Protocol, Ranking, Review, now
from store.core.work_faults import list_faults
from store.reviews import members, people, reviews
from store.reviews.people import PersonInfo
from store.reviews.reviews import NewReview, ReviewInfo
from store.screening import rankings
from store.searching.nights import get_newest_night
from tests.api.corpus import until, working
from tests.api.harvests import Bench
from tests.api.people import browser
from tests.api.worker.confirmed import confirm_upload
from tests.store.builders import add_records

Spoil = Callable[[Store, int], None]
_DUE = dt.datetime(2023, 3, 2, 3, tzinfo=dt.UTC)
_SCHEDULE = {"on": True, "cron": "0 2 * * *", "zone": "UTC"}

# It can be read; the night says that there is no such source.
_UNKNOWN_SOURCE = {"schedule": {**_SCHEDULE, "sources": ["nowhere"]}}
# Values that no form or address of Winnow lets in, by what they break.
BROKEN_SETTINGS: dict[str, Any] = {
    "schedule is text": {"schedule": "x"},
    "schedule is a number": {"schedule": 7},
    "schedule is a list": {"schedule": ["on"]},
    "schedule has an unknown field": {"schedule": {**_SCHEDULE, "hour": 2}},
    "no such cron line": {"schedule": {**_SCHEDULE, "cron": "every night"}},
    "no such time zone": {"schedule": {**_SCHEDULE, "zone": "Mars/Olympus"}},
    "no such source": _UNKNOWN_SOURCE,
    "summaries go to a number": {"tell": 5},
    "summaries go to no address": {"tell": {"team": ["nobody"]}},
    "freeze date is no day": {"freeze_on": "soon"},
    "freeze date is a list": {"freeze_on": [1]},
    "rule is text": {"freeze_on": "2023-01-01", "admit": "each day"},
    "rule is unknown": {
        "freeze_on": "2023-01-01",
        "admit": {"rule": "never", "zone": "UTC", "since": "2023-01-01T00:00:00+00:00"},
    },
    "rule has no time zone": {
        "freeze_on": "2023-01-01",
        "admit": {"rule": "each day", "zone": "", "since": "2023-01-01"},
    },
    "limits are text": {"limits_in_force": "no"},
    "search methods are a list": {"search_methods": ["none"]},
    "settings are text": "x",
    "settings are a list": [1, 2],
}


def _found(store: Store, slug: str, person: PersonInfo) -> ReviewInfo:
    with store.write() as session:
        made = reviews.create_review(
            session, NewReview(slug, slug, ProtocolBody().stored()), person_id=person.id
        )
    add_records(store, made.id, 3, name=f"{slug}.csv")
    return made


def _store_settings(store: Store, review_id: int, settings: Any) -> None:
    with store.write() as session:
        session.execute(update(Review).where(Review.id == review_id).values(settings=settings))


@pytest.mark.case("service", 3)
def test_a_broken_setting_stops_no_other_review(at: Bench, app: FastAPI) -> None:
    """Each broken setting has a review of its own; the searches of another are due."""
    broken = {
        f"broken-{number}": _found(at.store, f"broken-{number}", at.person)
        for number in range(len(BROKEN_SETTINGS))
    }
    for review, settings in zip(broken.values(), BROKEN_SETTINGS.values(), strict=True):
        _store_settings(at.store, review.id, settings)
    schedules.set_schedule(
        at.store,
        at.settings,
        at.review.id,
        _SCHEDULE,
        person_id=at.person.id,
        moment=_DUE - dt.timedelta(days=1),
    )
    for _ in range(2):
        night_runs.run_due(at.store, at.settings, moment=_DUE)
    with at.store.read() as session:
        night = get_newest_night(session, at.review.id)
    assert night is not None
    assert night.begun_at is not None
    assert night.problems == {}
    # The broken reviews can be opened, and say what cannot be read.
    page = browser(app, at.store, at.person)
    for slug, settings in zip(broken, BROKEN_SETTINGS.values(), strict=True):
        answers = {
            address: page.get(f"/reviews/{slug}{address}")
            for address in ("", "/nights", "/pool", "/search-log")
        }
        assert {answer.status_code for answer in answers.values()} == {200}, (slug, settings)
        if isinstance(settings, dict) and settings != _UNKNOWN_SOURCE:
            for address in ("", "/nights"):
                assert "cannot be read" in answers[address].text, (slug, settings)
    with at.store.read() as session:
        listed = setting_faults.list_faults_of_all(session)
    assert len(listed) == sum(
        isinstance(settings, dict) and settings != _UNKNOWN_SOURCE
        for settings in BROKEN_SETTINGS.values()
    )


def _break_protocol(store: Store, review_id: int, body: Any) -> None:
    with store.write() as session:
        session.execute(update(Protocol).where(Protocol.review_id == review_id).values(body=body))


def _break_ranking(store: Store, review_id: int, **values: Any) -> None:
    with store.write() as session:
        row = Ranking(
            review_id=review_id,
            revision=-5,
            pipeline="gone",
            pipeline_hash="gone",
            encoder=None,
            seed=1,
            n_decisions=0,
            n_include=0,
            last_decision_id=None,
            cold_start=True,
            warm=False,
            size=3,
            seconds=0.0,
            detail={},
            order_hash="x",
            report_ids=b"12345",
            scores=b"1",
            created_at=now(),
        )
        for name, value in values.items():
            setattr(row, name, value)
        session.add(row)


def _break_answer(store: Store, review_id: int, body: Any) -> None:
    _store_settings(store, review_id, {"freeze_on": "2023-01-01"})
    with store.write() as session:
        session.add(ModelAnswer(review_id=review_id, kind="pool", body=body))


def _lose_job(store: Store, review_id: int, kind: str) -> None:
    """A job whose worker is gone, and that no worker of today knows."""
    with store.write() as session:
        job = jobs.start_job(session, review_id, kind, owner="nobody")
        silent_since = now() - dt.timedelta(hours=1)
        session.execute(update(Job).where(Job.id == job).values(heartbeat_at=silent_since))


def _garble_settings(store: Store, review_id: int) -> None:
    """Text that is no JSON; PostgreSQL refuses to store it."""
    garbled = "'{bad'" if store.dialect == "sqlite" else "'7'"
    with store.write() as session:
        session.execute(
            text(f"UPDATE review SET settings = {garbled} WHERE id = :id"), {"id": review_id}
        )


BROKEN_STATES: dict[str, Callable[[Store, int], None]] = {
    "protocol is text": lambda store, id_: _break_protocol(store, id_, "x"),
    "protocol is a list": lambda store, id_: _break_protocol(store, id_, [1]),
    "years are text": lambda store, id_: _break_protocol(store, id_, {"limits": "x"}),
    "first year is text": lambda store, id_: _break_protocol(
        store, id_, {"limits": {"year_from": "x"}}
    ),
    "plans are text": lambda store, id_: _break_protocol(store, id_, {"plans": "x"}),
    "questions are text": lambda store, id_: _break_protocol(store, id_, {"questions": "x"}),
    "ranking settings are text": lambda store, id_: _break_protocol(store, id_, {"ranking": "x"}),
    "order is cut off": lambda store, id_: _break_ranking(store, id_),
    "order is gone": lambda store, id_: _break_ranking(store, id_, report_ids=None, scores=None),
    "scores of the pool are text": lambda store, id_: _break_answer(store, id_, "x"),
    "scores of the pool are elsewhere": lambda store, id_: _break_answer(store, id_, {"y": 1}),
    "settings are no JSON": _garble_settings,
    "job is of an unknown kind": lambda store, id_: _lose_job(store, id_, "gone"),
    "import has no file": lambda store, id_: _lose_job(store, id_, "import"),
}


@pytest.mark.case("service", 3)
@pytest.mark.usefixtures("quick_encoder")
def test_broken_reviews_leave_the_worker_to_the_others(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    for number, spoil in enumerate(BROKEN_STATES.values()):
        spoil(store, _found(store, f"broken-{number}", person).id)
    with working(store, settings):
        queue = Jobs(store, settings, done=lambda: None)
        upload, job = confirm_upload(store, review, person, b"title,abstract\nOne,x\nTwo,y\n")
        queue.import_upload(upload, job)
        queue.close()
        until(lambda: _is_ranked(store, review))
        until(lambda: _list_faults(store) >= _SHOWN)
    with store.read() as session:
        listed = work_faults.list_failures_of_all(session)
        assert work_faults.list_failures(session, review.id) == []
    sentence = re.compile(r"broken-\d+: \w+ failed, last at .+ UTC \(.+\)")
    assert [one for one in listed if not sentence.fullmatch(one)] == []


# Broken states in which the records cannot be put in order; the others do no harm.
_SHOWN = {
    (name, "ranking")
    for name in BROKEN_STATES
    if name.startswith(("protocol", "years", "first year", "plans", "questions", "ranking"))
}


def _list_faults(store: Store) -> set[tuple[str, str]]:
    with store.read() as session:
        slugs = {review.id: review.slug for review in reviews.list_reviews(session)}
        faults = list_faults(session)
    states = list(BROKEN_STATES)
    return {
        (states[int(slugs[fault.review_id].removeprefix("broken-"))], fault.kind)
        for fault in faults
    }


class _Tries:
    """Counts the tries to rank, of which those of one review fail until it is mended."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, broken: int) -> None:
        self.broken: int | None = broken
        self.times: list[int] = []
        real = Ranker.rank

        def rank(ranker: Ranker, review_id: int, **options: Any) -> rankings.RankingInfo | None:
            self.times.append(review_id)
            if review_id == self.broken:
                raise RuntimeError("it cannot be put in order")
            return real(ranker, review_id, **options)

        monkeypatch.setattr(Ranker, "rank", rank)


@pytest.mark.case("service", 3)
@pytest.mark.usefixtures("quick_encoder")
def test_leads_see_what_keeps_failing_until_it_works_again(
    store: Store,
    settings: Settings,
    review: ReviewInfo,
    person: PersonInfo,
    app: FastAPI,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    add_records(store, review.id, 3)
    with store.write() as session:
        bo = people.create_person(session, "bo")
        members.add_member(session, review.id, bo.id, "reviewer", by=person.id)
    tries = _Tries(monkeypatch, review.id)
    seconds = [0.0]
    worker = Worker(store, settings, lambda: seconds[0])
    for _ in range(2):
        worker._ranker.features.prepare(review.id)
    for _ in range(50):
        worker._rank_due()
    # Its pause is not over, however often the worker looks.
    assert tries.times == [review.id]
    pages = {who: browser(app, store, who) for who in (person, bo)}
    address = f"/reviews/{review.slug}"
    assert "cannot put the records in order" in pages[person].get(address).text
    assert "cannot put the records in order" not in pages[bo].get(address).text
    with store.read() as session:
        (listed,) = work_faults.list_failures_of_all(session)
    assert "RuntimeError: it cannot be put in order" in listed
    for second in range(1000):
        seconds[0] = float(second)
        worker._rank_due()
    assert len(tries.times) == 11
    # The log has the error in full once.
    assert sum(record.exc_info is not None for record in caplog.records) == 1
    tries.broken = None
    seconds[0] += 300
    worker._rank_due()
    assert _is_ranked(store, review)
    with store.read() as session:
        assert work_faults.list_failures(session, review.id) == []
    assert "cannot put the records in order" not in pages[person].get(address).text


@pytest.mark.case("service", 3)
def test_leads_see_that_new_records_cannot_be_compared(
    store: Store,
    settings: Settings,
    review: ReviewInfo,
    person: PersonInfo,
    app: FastAPI,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add_records(store, review.id, 3)
    healthy = _found(store, "healthy", person)
    compared: list[int] = []

    def compare(_store: Store, review_id: int, **_options: Any) -> None:
        compared.append(review_id)
        if review_id == review.id:
            raise RuntimeError("two records cannot be compared")

    monkeypatch.setattr("api.worker.comparing.compare_new_records", compare)
    comparing = Comparing(store, Failures(store, lambda: 0.0), lambda: None)
    for _ in range(5):
        comparing.take_turns()
    comparing.close()
    assert compared.count(review.id) == 1
    assert compared.count(healthy.id) == 5
    words = "cannot compare new records for duplicates"
    page = browser(app, store, person)
    assert words in page.get(f"/reviews/{review.slug}").text
    assert words not in page.get(f"/reviews/{healthy.slug}").text


@pytest.mark.case("service", 3)
def test_what_another_worker_could_not_do_is_forgotten_once_it_is_done(
    store: Store, review: ReviewInfo
) -> None:
    for kind in ("ranking", "comparing"):
        work_faults.record_failure(store, review.id, kind, ValueError("a \0 b"))
    failures = Failures(store)
    failures.refresh()
    failures.forget_others("ranking", [review.id])
    failures.forget_others("comparing", [])
    with store.read() as session:
        assert [fault.kind for fault in list_faults(session)] == ["ranking"]
        # It is no job that a page shows as recent.
        assert jobs.list_recent_jobs(session, review.id) == []


def _is_ranked(store: Store, review: ReviewInfo) -> bool:
    with store.read() as session:
        return rankings.get_newest_ranking(session, review.id) is not None
