"""The same change sent by several clients at once is made once, as if they had taken turns."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.app import create_app
from api.services.searching import gold_lists, strategies
from store.core import audit, intakes
from store.core.session import Store, WriteSession
from store.reports import studies
from store.reports.records import list_records_of_report
from store.reviews import invitations, people, reviews
from store.reviews.invitations import InvitationInfo
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from store.searching import batches, gold, searches
from store.searching import strategies as stored
from store.searching.runs import runs
from tests.api.harvests import STRATEGY, Bench
from tests.api.people import api_client
from tests.shared import on_postgresql
from tests.store.builders import add_records, join

# SQLite lets one at a time write.
pytestmark = on_postgresql

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
        clients, start = [self.client() for _ in range(N)], threading.Barrier(N)

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


Meet = Callable[[object, str], None]


@pytest.fixture
def let_readers_meet(monkeypatch: pytest.MonkeyPatch) -> Iterator[Meet]:
    """Lets two who have read go on together, and nobody who has the review to themselves.

    A test that never reads in this way fails, since it shows nothing.
    """
    unread: set[str] = set()

    def let_meet(module: object, name: str) -> None:
        read, gate = getattr(module, name), threading.Barrier(2)
        unread.add(name)

        def read_and_meet(*args: Any, **values: Any) -> Any:
            found = read(*args, **values)
            unread.discard(name)
            # Where people take turns, the first waits in vain, and then nobody waits any more.
            with suppress(threading.BrokenBarrierError):
                gate.wait(timeout=0.3)
            return found

        monkeypatch.setattr(module, name, read_and_meet)

    yield let_meet
    assert unread == set()


def test_one_run_of_a_search_is_started(at: Bench, burst: Burst, let_readers_meet: Meet) -> None:
    burst.app = create_app(at.settings, at.store)
    let_readers_meet(strategies, "get_current")
    body = {"source": "pubmed"}
    sent = burst.send(lambda client, _: client.post(f"{burst.base}/runs", json=body))
    assert sent == [201, 409, 409, 409]
    with burst.store.read() as session:
        assert len(runs.list_runs(session, burst.review.id)) == 1
        assert len(searches.list_searches(session, burst.review.id)) == 1


def test_a_known_study_is_listed_once(burst: Burst, let_readers_meet: Meet) -> None:
    let_readers_meet(gold, "list_gold")
    body = {"name": "known", "records": [{"title": "A study", "doi": "10.1/a"}]}
    sent = burst.send(lambda client, _: client.post(f"{burst.base}/gold", json=body))
    assert sent == [201] * N
    with burst.store.read() as session:
        assert len(gold.list_gold(session, burst.review.id)) == 1
        (listed,) = reviews.get_protocol(session, burst.review.id).body["known_relevant"]
    assert listed["records"] == 1


def test_own_includes_are_listed_once(burst: Burst, let_readers_meet: Meet) -> None:
    (report,) = add_records(burst.store, burst.review.id, 1)
    body = {"token": "t", "report": report, "decision": "include"}
    assert burst.client().post(f"{burst.base}/decisions", json=body).is_success
    let_readers_meet(gold_lists, "list_own_includes")

    def add(_: int) -> int:
        return gold_lists.add_own_includes(burst.store, burst.review.id, person_id=burst.lead.id)

    with ThreadPoolExecutor(N) as pool:
        assert sorted(pool.map(add, range(N))) == [0, 0, 0, 1]


def test_strategies_saved_at_once_are_versions_one_after_the_other(
    burst: Burst, let_readers_meet: Meet
) -> None:
    let_readers_meet(stored, "list_versions")
    address = f"{burst.base}/strategy"
    sent = burst.send(
        lambda client, place: client.put(address, json={"text": f"{STRATEGY}#4 word{place}\n"})
    )
    assert sent == [200] * N
    with burst.store.read() as session:
        versions = stored.list_versions(session, burst.review.id)
    assert [version.version for version in versions] == [4, 3, 2, 1]


@pytest.mark.parametrize("different", [1, N])
def test_records_join_a_new_study_once(
    burst: Burst, let_readers_meet: Meet, different: int
) -> None:
    reports = add_records(burst.store, burst.review.id, different)
    with burst.store.read() as session:
        records = [
            list_records_of_report(session, burst.review.id, report)[0].id for report in reports
        ]
    let_readers_meet(intakes, "is_hidden")
    paths = [f"{burst.base}/records/{record}/studies" for record in records]
    sent = burst.send(
        lambda client, place: client.post(paths[place % different], json={"name": "A trial"})
    )
    assert sent == [201] * different + [409] * (N - different)
    with burst.store.read() as session:
        memberships = studies.list_memberships(session, burst.review.id)
    assert len({member.study_id for member in memberships}) == 1
    assert [member.record_id for member in memberships] == sorted(records)


def test_a_file_is_withdrawn_once(burst: Burst, let_readers_meet: Meet) -> None:
    add_records(burst.store, burst.review.id, 1)
    with burst.store.read() as session:
        (file,) = batches.list_batches_of_review(session, burst.review.id)
    # The time is read once it is certain that there is something to withdraw.
    let_readers_meet(batches, "now")
    address = f"{burst.base}/files/{file.id}/withdraw"
    sent = burst.send(lambda client, _: client.post(address, json={"reason": "the wrong file"}))
    assert sent == [200, 409, 409, 409]
    assert len(burst.list_events("file.withdrawn")) == 1


def test_the_audit_trail_has_each_correction_of_a_search_after_the_one_before(
    burst: Burst, let_readers_meet: Meet
) -> None:
    add_records(burst.store, burst.review.id, 1)
    with burst.store.read() as session:
        (search,) = searches.list_searches(session, burst.review.id)
    let_readers_meet(searches, "_row")
    address = f"{burst.base}/searches/{search.id}"
    sent = burst.send(
        lambda client, place: client.patch(address, json={"platform": f"Platform {place}"})
    )
    assert sent == [200] * N
    edits = burst.list_events("search.edited")
    before = [edit["before"]["platform"] for edit in edits]
    assert before == [None, *(edit["after"]["platform"] for edit in edits[:-1])]


def test_an_invitation_is_withdrawn_once(burst: Burst, let_readers_meet: Meet) -> None:
    made = burst.client().post(f"{burst.base}/invitations", json={"role": "viewer"}).json()
    let_readers_meet(invitations, "now")
    address = f"{burst.base}/invitations/{made['id']}"
    assert burst.send(lambda client, _: client.delete(address)) == [204] * N
    assert len(burst.list_events("invitation.withdrawn")) == 1


def test_two_changes_at_once_do_not_wait_for_each_other(
    burst: Burst, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_records(burst.store, burst.review.id, 1)
    with burst.store.read() as session:
        (search,) = searches.list_searches(session, burst.review.id)
    append, renaming, edited = audit.append_event, threading.Event(), threading.Event()

    def append_in_turn(session: WriteSession, action: str, **values: Any) -> None:
        # The one who renames has the review, and the other one then the end of the audit trail.
        if action == "review.renamed":
            renaming.set()
            edited.wait(timeout=0.3)
        append(session, action, **values)
        if action == "search.edited":
            edited.set()

    monkeypatch.setattr(audit, "append_event", append_in_turn)
    clients = [burst.client() for _ in range(2)]
    with ThreadPoolExecutor(1) as pool:
        renamed = pool.submit(clients[0].patch, burst.base, json={"title": "Another"})
        assert renaming.wait(timeout=30)
        address = f"{burst.base}/searches/{search.id}"
        assert clients[1].patch(address, json={"platform": "Ovid"}).status_code == 200
        assert renamed.result().status_code == 200


def test_an_invitation_is_used_before_its_author_leaves_or_not_at_all(
    burst: Burst, monkeypatch: pytest.MonkeyPatch
) -> None:
    with burst.store.write() as session:
        author = join(session, burst.review.id, "bo", "manager")
        guest = people.create_person(session, "cy")
    inviting = api_client(burst.app, burst.store, author)
    made = inviting.post(f"{burst.base}/invitations", json={"role": "viewer"}).json()
    lead, joining = burst.client(), api_client(burst.app, burst.store, guest)
    read = invitations.get_invitation
    with ThreadPoolExecutor(1) as pool:
        leaving: list[Future[httpx.Response]] = []

        def read_while_the_author_leaves(*args: Any) -> InvitationInfo:
            found = read(*args)
            leaving.append(pool.submit(lead.delete, f"{burst.base}/team/{author.id}"))
            wait(leaving, timeout=0.3)
            return found

        monkeypatch.setattr(invitations, "get_invitation", read_while_the_author_leaves)
        joined = joining.post("/api/v1/invitations/redeem", json={"secret": made["secret"]})
        assert joined.status_code == 200
        assert leaving[0].result().status_code == 204
    actions = [event["action"] for event in lead.get(f"{burst.base}/audit").json()]
    assert actions[:2] == ["person.removed", "invitation.used"]
