"""ASReview's server with one project that a team shares, and how its page labels a record.

Its own commands start it and its own API sets it up: accounts, a project from a file, a link by
which the others join, two first labels and the first model. Settings are its defaults, but people
may make accounts.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import requests

from benchmarks.load_clients import Connection
from benchmarks.measuring import ROOT

COMMAND: Final = ROOT / ".venv-peers" / "bin" / "asreview"
_PATIENCE: Final = 300.0
# A session belongs to one kind of browser.
_AGENT: Final = "benchmark"
_FORM: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class PeerServer:
    """A running server.

    Attributes:
        base: its address.
        pid: of its process, which has started the one that manages tasks.
        folder: with its projects.
    """

    base: str
    pid: int
    folder: Path


@dataclass(frozen=True, slots=True)
class PeerTeam:
    """People who share a project.

    Attributes:
        project: its id.
        cookies: what each person's browser sends.
    """

    project: str
    cookies: Sequence[str]


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextlib.contextmanager
def serve_peer(folder: Path) -> Iterator[PeerServer]:
    """Run ``asreview lab`` with accounts, its projects in the folder.

    Raises:
        RuntimeError: it does not answer.
    """
    port = _free_port()
    own = {
        "ASREVIEW_PATH": str(folder),
        "ASREVIEW_LAB_ALLOW_ACCOUNT_CREATION": "true",
        "ASREVIEW_LAB_TASK_MANAGER_PORT": str(_free_port()),
    }
    line = [str(COMMAND), "lab", "--enable-auth", "--secret-key", secrets.token_hex(16)]
    line += ["--salt", secrets.token_hex(8), "--no-browser", "--skip-update-check"]
    line += ["--host", "127.0.0.1", "--port", str(port)]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(line, env={**os.environ, **own}, stdout=log, stderr=log)
        try:
            base = f"http://127.0.0.1:{port}"
            _wait_for(lambda: _answers(base) or server.poll() is not None)
            if server.poll() is not None:
                raise RuntimeError((folder / "log").read_text(errors="replace")[-2_000:])
            yield PeerServer(base, server.pid, folder)
        finally:
            server.terminate()
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _answers(base: str) -> bool:
    try:
        return requests.get(f"{base}/signin", timeout=5).ok
    except requests.RequestException:
        return False


def _wait_for(is_ready: Callable[[], object]) -> None:
    end = time.monotonic() + _PATIENCE
    while not is_ready():
        if time.monotonic() > end:
            raise RuntimeError("ASReview's server did not become ready")
        time.sleep(0.1)


def share_project(server: PeerServer, data: bytes, first: tuple[int, int], people: int) -> PeerTeam:
    """Make a project from a table, with a first model, and let people join it.

    Args:
        server: without a project.
        data: CSV with columns ``title`` and ``abstract``.
        first: the rows of a relevant and an irrelevant record, from 0.
        people: how many.

    Raises:
        RuntimeError: the server did not do as asked.
    """
    browsers = [_sign_up(server.base, number) for number in range(people)]
    lead = browsers[0]
    made = lead.post(
        f"{server.base}/api/projects/create",
        data={"mode": "oracle"},
        files={"file": ("records.csv", data)},
        timeout=_PATIENCE,
    )
    project = str(_expect(made)["id"])
    root = f"{server.base}/api/projects/{project}"
    for row, label in zip(first, (1, 0), strict=True):
        form = {"record_id": row, "label": label}
        _expect(lead.post(f"{root}/record/{row}", data=form, timeout=_PATIENCE))
    form = {"status": "review", "trigger_model": "1"}
    _expect(lead.put(f"{root}/review", data=form, timeout=_PATIENCE))
    link = _expect(lead.post(f"{root}/invitation-link/generate", timeout=_PATIENCE))
    for browser in browsers[1:]:
        body = {"encoded_token": link["encoded_token"]}
        _expect(browser.post(f"{server.base}/api/team/join", json=body, timeout=_PATIENCE))
    _wait_for(lambda: _expect(lead.get(f"{root}/get_record", timeout=_PATIENCE))["result"])
    cookies = ["; ".join(f"{each.name}={each.value}" for each in one.cookies) for one in browsers]
    return PeerTeam(project, cookies)


def _sign_up(base: str, number: int) -> requests.Session:
    browser = requests.Session()
    browser.headers["user-agent"] = _AGENT
    form = {
        "email": f"person{number}@example.org",
        "name": f"Person {number}",
        "affiliation": "none",
        "password": "Correct-Horse-1",
    }
    _expect(browser.post(f"{base}/auth/signup", data=form, timeout=_PATIENCE))
    return browser


def _expect(answer: requests.Response) -> dict[str, Any]:
    if not answer.ok:
        raise RuntimeError(f"{answer.url}: {answer.status_code} {answer.text[:500]}")
    body: dict[str, Any] = answer.json()
    return body


class PeerReviewer:
    """One person who labels as ASReview's page does: the label, then the next record.

    Args:
        relevant: for each row, whether its record is labelled relevant.
    """

    def __init__(
        self, server: PeerServer, team: PeerTeam, number: int, relevant: Sequence[bool]
    ) -> None:
        headers = {"cookie": team.cookies[number], "user-agent": _AGENT, "content-type": _FORM}
        self._connection = Connection(server.base, headers)
        self._root = f"/api/projects/{team.project}"
        self._relevant = relevant
        self._row: int | None = None

    async def take(self) -> str | None:
        """Ask for the next record; returns what went wrong, if anything did."""
        status, answer = await self._connection.ask("GET", f"{self._root}/get_record")
        got = json.loads(answer)["result"] if status == 200 else None
        self._row = None if got is None else int(got["record_id"])
        return None if got is not None else f"next {status}"

    async def decide(self) -> str | None:
        """Label the record that was taken; returns what went wrong, if anything did."""
        row = self._row
        if row is None:
            return "nothing to label"
        form = {"record_id": row, "label": int(self._relevant[row]), "tags": "[]"}
        data = urlencode({**form, "retrain_model": 1}).encode()
        status, _ = await self._connection.ask("POST", f"{self._root}/record/{row}", data)
        return None if status == 200 else f"label {status}"

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def count_peer_work(server: PeerServer, team: PeerTeam) -> tuple[int, int]:
    """How many records are labelled, and from how many models the labelled ones came."""
    path = server.folder / team.project / "results.db"
    reading = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        row = reading.execute(
            "SELECT count(*), count(DISTINCT training_set) FROM results WHERE label IS NOT NULL"
        ).fetchone()
        return int(row[0]), int(row[1])
    finally:
        reading.close()
