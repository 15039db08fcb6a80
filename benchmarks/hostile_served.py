"""Hostile files sent to a server and imported from the command line, and what that takes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from benchmarks import soak
from benchmarks.children import Child
from benchmarks.measuring import ROOT
from benchmarks.running import Running
from tests.harvest.files import attacks

_PATIENCE = 120.0


@dataclass(slots=True)
class _Served:
    """What the files took.

    Attributes:
        command_mb: the most memory of a command, or of the process that reads its file.
        errors: answers that were errors of the server, and commands that crashed.
    """

    server_mb: int = 0
    worker_mb: int = 0
    command_mb: int = 0
    longest_s: float = 0.0
    longest_name: str = ""
    errors: list[str] = field(default_factory=list)


def _peak_mb(process: Child) -> int:
    """The most memory that a running process has used."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return round(int(line.split()[1]) / 1024)


def measure(names: Sequence[str]) -> dict[str, Any]:
    """Send each file to a server, and import each from the command line."""
    found = _Served()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        running = Running(folder / "data")
        token = soak.prepare(running, 20)
        running.start()
        try:
            for one in names:
                _send(running, token, one, found)
                _run_command(running, folder, one, found)
            found.server_mb = _peak_mb(running.server)
            found.worker_mb = _peak_mb(running.worker)
        finally:
            running.stop()
    return {
        "server_mb": found.server_mb,
        "worker_mb": found.worker_mb,
        "command_mb": found.command_mb,
        "longest_s": round(found.longest_s, 1),
        "longest_name": found.longest_name,
        "errors": found.errors,
    }


def _send(running: Running, token: str, name: str, found: _Served) -> None:
    began = time.monotonic()
    answer = requests.post(
        f"{running.url}/files",
        files={"file": (name, attacks.named(name))},
        headers={"authorization": f"Bearer {token}"},
        timeout=_PATIENCE,
    )
    seconds = time.monotonic() - began
    if seconds > found.longest_s:
        found.longest_s, found.longest_name = seconds, name
    if answer.status_code >= 500:
        found.errors.append(f"{name}: {answer.status_code} {answer.text[:200]}")


def _run_command(running: Running, folder: Path, name: str, found: _Served) -> None:
    path = folder / Path(name).name
    # Other bytes than those that were sent, or it would only be recognised.
    path.write_bytes(attacks.named(name) + b"\n")
    words = ("import", str(path), "--review", "soak", "--json")
    process = subprocess.Popen(
        [sys.executable, "-m", "api.cli", *words],
        cwd=ROOT,
        env=running.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    with process.stderr:
        said = process.stderr.read().decode(errors="replace")
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    found.command_mb = max(found.command_mb, round(used.ru_maxrss / 1024))
    if process.returncode < 0 or "Traceback" in said:
        found.errors.append(f"{name}: the command ended with {process.returncode}: {said[-200:]}")
