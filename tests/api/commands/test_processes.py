"""`winnow serve --processes`: several processes answer on one port, and share what matters."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import os
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from sqlalchemy import create_engine, select, text

from api.protocol import ProtocolBody
from api.services.reviews import accounts
from store.core.session import Store
from store.core.tables import LoginAttempt, now
from store.reviews import members, reviews
from store.reviews.people import PersonInfo, create_person
from store.reviews.reviews import NewReview, ReviewInfo
from tests.api.command_line import words
from tests.api.corpus import corpus, until
from tests.conftest import token_of
from tests.processes import is_alive, list_children
from tests.shared import ROOT

# In one group, since starting the server takes long.
pytestmark = [pytest.mark.case("service", 9), pytest.mark.xdist_group("processes")]
_numbers = itertools.count()
PASSWORD = "correct horse battery"


@dataclass(frozen=True, slots=True)
class Served:
    """A running server of two processes."""

    process: subprocess.Popen[str]
    url: str

    @property
    def web_processes(self) -> dict[int, int]:
        """Ids of the processes that answer, by their numbers."""
        listed = {}
        for pid in list_children(self.process.pid):
            line = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
            if "api.web_process" in line:
                listed[int(line[line.index("api.web_process") + 2])] = pid
        return listed


@contextmanager
def _serving(folder: Path, database_url: str) -> Iterator[Served]:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("WINNOW_")},
        "WINNOW_DATA_DIR": str(folder / "data"),
        "WINNOW_DATABASE_URL": database_url,
    }
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(
            words("serve", "--port", "0", "--json", "--processes", "2", "--no-worker"),
            env=environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line, (folder / "log").read_text()
            yield Served(process, json.loads(line)["url"])
        finally:
            process.kill()


def _create_database(prefix: str, name: str) -> str:
    engine = create_engine(f"{prefix}postgres", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template_winnow"))
    engine.dispose()
    return f"{prefix}{name}"


@pytest.fixture(scope="module")
def database(postgres_url: str) -> str:
    """One database for the tests of this module, since starting a server takes long."""
    return _create_database(postgres_url, "processes")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, database: str) -> Iterator[Served]:
    """A server, which must end well after the tests."""
    folder = tmp_path_factory.mktemp("processes")
    with _serving(folder, database) as server:
        yield server
        processes = list(server.web_processes.values())
        server.process.send_signal(signal.SIGTERM)
        _check_end(server, processes, folder)


def _check_end(server: Served, processes: list[int], folder: Path) -> None:
    assert len(processes) == 2
    assert server.process.wait(120) == 0
    assert not any(is_alive(pid) for pid in processes)
    assert "Traceback" not in (folder / "log").read_text()


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    opened = Store(database)
    yield opened
    opened.close()


@pytest.fixture
def person(store: Store) -> PersonInfo:
    with store.write() as session:
        return create_person(session, f"ada {next(_numbers)}")


@pytest.fixture
def review(store: Store, person: PersonInfo) -> ReviewInfo:
    with store.write() as session:
        new = NewReview(f"review-{next(_numbers)}", "A review", ProtocolBody().stored())
        return reviews.create_review(session, new, person_id=person.id)


@contextmanager
def _alone(served: Served, number: int) -> Iterator[None]:
    """Let only one process answer new connections."""
    others = [pid for each, pid in served.web_processes.items() if each != number]
    for pid in others:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in others:
            os.kill(pid, signal.SIGCONT)


def _client(address: str, token: str) -> httpx.Client:
    """A client with a connection of its own for each request."""
    return httpx.Client(
        base_url=address,
        headers={"authorization": f"Bearer {token}"},
        limits=httpx.Limits(max_keepalive_connections=0),
        timeout=60,
    )


def _cards(client: httpx.Client, number: int) -> list[int]:
    answer = client.post("/queue/next", json={"n": number})
    assert answer.status_code == 200, answer.text
    return [card["report"] for card in answer.json()["cards"]]


def _decide(client: httpx.Client, report: int, token: str) -> None:
    body = {"report": report, "decision": "exclude", "token": token}
    answer = client.post("/decisions", json=body)
    assert answer.status_code == 200, answer.text


@pytest.fixture
def bo(store: Store, review: ReviewInfo, person: PersonInfo) -> PersonInfo:
    with store.write() as session:
        other = create_person(session, f"bo {next(_numbers)}")
        members.add_member(session, review.id, other.id, "reviewer", by=person.id)
    return other


def test_processes_see_each_others_cards_and_decisions(
    store: Store, review: ReviewInfo, person: PersonInfo, bo: PersonInfo, served: Served
) -> None:
    reports = set(corpus(store, review, person))
    address = f"{served.url}/api/v1/reviews/{review.slug}"
    tokens = [token_of(store, who.id) for who in (person, bo)]
    with _client(address, tokens[0]) as ada, _client(address, tokens[1]) as other:
        with _alone(served, 1):
            mine = _cards(ada, 20)
            _decide(ada, mine[0], "a")
        with _alone(served, 2):
            # All that the other process has not dealt.
            theirs = _cards(other, 80)
            assert not set(mine) & set(theirs)
            assert set(mine) | set(theirs) == reports
            _decide(other, theirs[0], "b")
        with _alone(served, 1):
            assert ada.get("/progress").json()["counts"]["decided"] == 2


def test_two_people_at_once_get_no_card_twice(
    store: Store, review: ReviewInfo, person: PersonInfo, bo: PersonInfo, served: Served
) -> None:
    reports = set(corpus(store, review, person))
    started = threading.Barrier(2)

    def screen(who: PersonInfo) -> list[int]:
        seen = []
        address = f"{served.url}/api/v1/reviews/{review.slug}"
        with _client(address, token_of(store, who.id)) as client:
            started.wait()
            while cards := _cards(client, 1):
                seen += cards
                _decide(client, cards[0], f"{who.id}-{cards[0]}")
        return seen

    with ThreadPoolExecutor(2) as pool:
        dealt = Counter(report for seen in pool.map(screen, [person, bo]) for report in seen)
    assert dealt == Counter(reports)


def test_guesses_at_one_process_count_at_the_other(
    store: Store, person: PersonInfo, served: Served
) -> None:
    accounts.set_password(store, person.id, PASSWORD)

    def sign_in(password: str) -> int:
        form = {"name": person.name, "password": password}
        return httpx.post(f"{served.url}/login", data=form, timeout=60).status_code

    with _alone(served, 1):
        assert [sign_in("a wrong password") for _ in range(5)] == [401] * 5
    with store.write() as session:
        # However slow this machine is, the wait is not over when the next attempt comes.
        rows = session.scalars(select(LoginAttempt)).all()
        assert {row.attempts for row in rows} == {5}
        for row in rows:
            row.blocked_until = now() + dt.timedelta(hours=1)
    with _alone(served, 2):
        assert sign_in(PASSWORD) == 429


def test_a_killed_process_is_started_again_and_others_answer_meanwhile(served: Served) -> None:
    killed = served.web_processes[1]
    os.kill(killed, signal.SIGKILL)
    until(lambda: served.web_processes.get(1) != killed)
    for _ in range(20):
        assert httpx.get(f"{served.url}/healthz", timeout=60).status_code == 200
    until(lambda: 1 in served.web_processes)
    with _alone(served, 1):
        assert httpx.get(f"{served.url}/healthz", timeout=120).json()["status"] == "ok"


def test_ctrl_c_and_the_death_of_the_first_process_end_all(
    postgres_url: str, tmp_path: Path
) -> None:
    url = _create_database(postgres_url, "processes_end")
    with _serving(tmp_path, url) as server:
        processes = list(server.web_processes.values())
        # A terminal's Ctrl-C reaches all of them at once.
        for pid in (*processes, server.process.pid):
            os.kill(pid, signal.SIGINT)
        _check_end(server, processes, tmp_path)
        assert "restarting" not in (tmp_path / "log").read_text()
    with _serving(tmp_path, url) as server:
        processes = list(server.web_processes.values())
        server.process.kill()
        until(lambda: not any(is_alive(pid) for pid in processes))
