"""`winnow serve`, its worker, and `winnow doctor`."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.commands.server import listen
from api.services.reviews import work_faults
from api.settings import Settings
from benchmarks.load_clients import run_apart
from store.core.session import Store
from tests.api.command_line import Run, result, words
from tests.api.corpus import until
from tests.processes import is_alive
from tests.shared import ROOT


def test_doctor_says_what_is_wrong(here: Run) -> None:
    before = result(here("doctor", "--json"), code=1)
    assert [c["name"] for c in before["checks"] if not c["ok"]] == ["database"]
    here("init")
    after = result(here("doctor", "--json"))
    assert after["ok"] is True
    found = {check["name"]: check["found"] for check in after["checks"]}
    assert "audit intact" in found["database"]
    assert found["encoder"].startswith("embedded@53aa51172d142c89")


@pytest.mark.case("service", 3)
def test_doctor_names_what_keeps_failing_in_the_worker(here: Run, tmp_path: Path) -> None:
    here("init")
    here("review", "add", "beside")
    (checked,) = (c for c in result(here("doctor", "--json"))["checks"] if "worker" in c["name"])
    assert checked["ok"]
    store = Store(f"sqlite:///{tmp_path / 'data' / 'winnow.db'}")
    error = RuntimeError("it cannot be put in order")
    work_faults.record_failure(store, 1, work_faults.RANKING, error)
    store.close()
    found = result(here("doctor", "--json"), code=1)
    (broken,) = (check for check in found["checks"] if not check["ok"])
    assert "beside: ranking failed, last at" in broken["found"]
    assert "RuntimeError: it cannot be put in order" in broken["found"]
    assert "tries again" in broken["remedy"]


def test_what_is_sent_over_a_connection_is_not_held_back() -> None:
    async def look() -> int:
        found: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def connected(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            accepted = writer.get_extra_info("socket")
            found.set_result(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listening = listen(Settings(host="127.0.0.1", port=0))
        async with await asyncio.start_server(connected, sock=listening):
            _, writer = await asyncio.open_connection(*listening.getsockname())
            async with asyncio.timeout(10):
                no_delay = await found
            writer.close()
        return no_delay

    # Another test's browser may run an event loop in this thread.
    assert run_apart(look()) != 0


class Served:
    """A running `winnow serve`."""

    def __init__(self, process: subprocess.Popen[str], ready: dict[str, Any]) -> None:
        self.process = process
        self.url: str = ready["url"]
        self.login: str | None = ready["login"]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    environment = {**os.environ, "WINNOW_DATA_DIR": str(tmp_path / "data")}
    with subprocess.Popen(
        words("serve", "--port", "0", "--json"),
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield Served(process, json.loads(process.stdout.readline()))
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_creates_the_store_prints_a_link_and_stops_its_worker(
    served: Served, here: Run, tmp_path: Path, number: signal.Signals
) -> None:
    with urllib.request.urlopen(f"{served.url}/healthz") as answer:
        assert json.load(answer)["status"] == "ok"
    assert served.login is not None
    assert served.login.startswith(f"{served.url}/login?link=")
    pid = _pid_in(tmp_path / "data" / "worker.json")
    assert is_alive(pid)
    # A link made while it runs points to the port it listens on, not the default one.
    link = here("user", "link", "--json")
    assert result(link)["login"].startswith(f"{served.url}/login?link=")
    served.process.send_signal(number)
    _, messages = served.process.communicate(timeout=60)
    assert "Traceback" not in messages
    assert "Fatal" not in messages
    assert "Interrupted" not in messages
    assert served.process.returncode == 0
    assert not is_alive(pid)


def test_a_worker_ends_with_its_server_even_if_that_is_killed(
    served: Served, tmp_path: Path
) -> None:
    pid = _pid_in(tmp_path / "data" / "worker.json")
    served.process.kill()
    until(lambda: not is_alive(pid))


def test_a_worker_that_dies_is_started_again(served: Served, tmp_path: Path) -> None:
    worker = tmp_path / "data" / "worker.json"
    first = _pid_in(worker)
    os.kill(first, signal.SIGKILL)
    until(lambda: _pid_in(worker) != first and is_alive(_pid_in(worker)))


def _pid_in(worker: Path) -> int:
    until(worker.exists)
    return int(json.loads(worker.read_text())["pid"])


def test_a_busy_port_is_reported_with_another_to_try(here: Run) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        error = result(here("serve", "--port", str(port), "--json"), code=1)["error"]
    assert str(port) in error["message"]
    assert f"WINNOW_PORT={port + 1}" in error["remedy"]


def test_sqlite_has_one_process(here: Run) -> None:
    refused = result(here("serve", "--processes", "2", "--port", "0", "--json"), code=1)["error"]
    assert "SQLite" in refused["message"]
    assert "PostgreSQL" in refused["remedy"]
