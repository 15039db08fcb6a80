"""The same change sent by several clients at once is made once, as if they had taken turns."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.app import create_app
from api.services.searching import gold_lists, strategies
from store.core import intakes
from store.core.session import Store
from store.reports import studies
from store.reports.records import list_records_of_report
from store.reviews import members, reviews
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from store.searching import batches, gold, searches
from store.searching import strategies as stored
from store.searching.runs import runs
from tests.api.harvests import STRATEGY, Bench
from tests.api.people import api_client
from tests.store.builders import add_records

N = 4
Send = Callable[[TestClient, int], httpx.Response]


@dataclass
class Burst:
    """Clients of one lead, who send at once."""

    app: FastAPI
    store: Store
    review: ReviewInfo
    lead: PersonInfo

    @property
    def base(self) -> str:
        return f"/api/v1/reviews/{self.review.slug}"

    def client(self) -> TestClient:
        return api_client(self.app, self.store, self.lead)

    def send(self, send: Send) -> list[int]:
        """The statuses of what the clients get, in order."""
        clients = [self.client() for _ in range(N)]
        start = threading.Barrier(N)

        def one(place: int) -> int:
            start.wait(timeout=30)
            return send(clients[place], place).status_code

        with ThreadPoolExecutor(N) as pool:
            return sorted(pool.map(one, range(N)))

    def list_events(self, action: str) -> list[dict[str, Any]]:
        """The details of events of the audit trail, oldest first."""
        events = self.client().get(f"{self.base}/audit").json()
        return [event["detail"] for event in reversed(events) if event["action"] == action]


@pytest.fixture
def burst(app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo) -> Burst:
    return Burst(app, store, review, person)


def _let_readers_meet(monkeypatch: pytest.MonkeyPatch, module: object, name: str) -> None:
    """Let two who have read go on together, and nobody who has the review to themselves."""
    read, gate = getattr(module, name), threading.Barrier(2)

    def read_and_meet(*args: Any, **values: Any) -> Any:
        found = read(*args, **values)
        # Where people take turns, the first waits in vain, and then nobody waits any more.
        with suppress(threading.BrokenBarrierError):
            gate.wait(timeout=0.3)
        return found

    monkeypatch.setattr(module, name, read_and_meet)


def test_one_run_of_a_search_is_started(
    at: Bench, burst: Burst, monkeypatch: pytest.MonkeyPatch
) -> None:
    burst.app = create_app(at.settings, at.store)
    _let_readers_meet(monkeypatch, strategies, "get_current")
    address = f"{burst.base}/runs"
    sent = burst.send(lambda client, _: client.post(address, json={"source": "pubmed"}))
    assert sent == [201, 409, 409, 409]
    with burst.store.read() as session:
        assert len(runs.list_runs(session, burst.review.id)) == 1
        assert len(searches.list_searches(session, burst.review.id)) == 1


def test_a_known_study_is_listed_once(burst: Burst, monkeypatch: pytest.MonkeyPatch) -> None:
    _let_readers_meet(monkeypatch, gold, "list_gold")
    body = {"name": "known", "records": [{"title": "A study", "doi": "10.1/a"}]}
    sent = burst.send(lambda client, _: client.post(f"{burst.base}/gold", json=body))
    assert sent == [201] * N
    with burst.store.read() as session:
        assert len(gold.list_gold(session, burst.review.id)) == 1
        (listed,) = reviews.get_protocol(session, burst.review.id).body["known_relevant"]
    assert listed["records"] == 1


def test_own_includes_are_listed_once(burst: Burst, monkeypatch: pytest.MonkeyPatch) -> None:
    (report,) = add_records(burst.store, burst.review.id, 1)
    decision = {"token": "t", "report": report, "decision": "include"}
    assert burst.client().post(f"{burst.base}/decisions", json=decision).is_success
    _let_readers_meet(monkeypatch, gold_lists, "list_own_includes")

    def add(_: int) -> int:
        return gold_lists.add_own_includes(burst.store, burst.review.id, person_id=burst.lead.id)

    with ThreadPoolExecutor(N) as pool:
        assert sorted(pool.map(add, range(N))) == [0, 0, 0, 1]


def test_strategies_saved_at_once_are_versions_one_after_the_other(
    burst: Burst, monkeypatch: pytest.MonkeyPatch
) -> None:
    _let_readers_meet(monkeypatch, stored, "list_versions")
    address = f"{burst.base}/strategy"
    sent = burst.send(
        lambda client, place: client.put(address, json={"text": f"{STRATEGY}#4 word{place}\n"})
    )
    assert sent == [200] * N
    with burst.store.read() as session:
        versions = stored.list_versions(session, burst.review.id)
    assert [version.version for version in versions] == [4, 3, 2, 1]


def test_a_record_joins_a_new_study_once(burst: Burst, monkeypatch: pytest.MonkeyPatch) -> None:
    (record,) = _list_records(burst, 1)
    _let_readers_meet(monkeypatch, intakes, "is_hidden")
    address = f"{burst.base}/records/{record}/studies"
    sent = burst.send(lambda client, _: client.post(address, json={"name": "A trial"}))
    assert sent == [201, 409, 409, 409]
    with burst.store.read() as session:
        assert len(studies.list_memberships(session, burst.review.id)) == 1


def test_records_that_join_a_new_study_at_once_join_the_same(
    burst: Burst, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = _list_records(burst, N)
    _let_readers_meet(monkeypatch, intakes, "is_hidden")
    sent = burst.send(
        lambda client, place: client.post(
            f"{burst.base}/records/{records[place]}/studies", json={"name": "A trial"}
        )
    )
    assert sent == [201] * N
    with burst.store.read() as session:
        memberships = studies.list_memberships(session, burst.review.id)
    assert len({member.study_id for member in memberships}) == 1
    assert {member.record_id for member in memberships} == set(records)


def test_a_file_is_withdrawn_once(burst: Burst, monkeypatch: pytest.MonkeyPatch) -> None:
    add_records(burst.store, burst.review.id, 1)
    with burst.store.read() as session:
        (file,) = batches.list_batches_of_review(session, burst.review.id)
    # The time is read once it is certain that the file has not been withdrawn.
    _let_readers_meet(monkeypatch, batches, "now")
    address = f"{burst.base}/files/{file.id}/withdraw"
    sent = burst.send(lambda client, _: client.post(address, json={"reason": "the wrong file"}))
    assert sent == [200, 409, 409, 409]
    assert len(burst.list_events("file.withdrawn")) == 1


def test_the_audit_trail_has_each_correction_of_a_search_after_the_one_before(
    burst: Burst, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_records(burst.store, burst.review.id, 1)
    with burst.store.read() as session:
        (search,) = searches.list_searches(session, burst.review.id)
    _let_readers_meet(monkeypatch, searches, "_row")
    address = f"{burst.base}/searches/{search.id}"
    sent = burst.send(
        lambda client, place: client.patch(address, json={"platform": f"Platform {place}"})
    )
    assert sent == [200] * N
    edits = burst.list_events("search.edited")
    before = [edit["before"]["platform"] for edit in edits]
    assert before == [None, *(edit["after"]["platform"] for edit in edits[:-1])]


def test_an_invitation_is_withdrawn_once(burst: Burst, monkeypatch: pytest.MonkeyPatch) -> None:
    made = burst.client().post(f"{burst.base}/invitations", json={"role": "viewer"}).json()
    # The time is read once it is certain that the invitation holds.
    _let_readers_meet(monkeypatch, members, "now")
    address = f"{burst.base}/invitations/{made['id']}"
    assert burst.send(lambda client, _: client.delete(address)) == [204] * N
    assert len(burst.list_events("invitation.withdrawn")) == 1


def test_a_title_given_at_once_is_one_change(burst: Burst, monkeypatch: pytest.MonkeyPatch) -> None:
    _let_readers_meet(monkeypatch, reviews, "get_review")
    sent = burst.send(lambda client, _: client.patch(burst.base, json={"title": "Another"}))
    assert sent == [200] * N
    assert len(burst.list_events("review.renamed")) == 1


def _list_records(burst: Burst, number: int) -> list[int]:
    reports = add_records(burst.store, burst.review.id, number)
    with burst.store.read() as session:
        return [
            list_records_of_report(session, burst.review.id, report)[0].id for report in reports
        ]
