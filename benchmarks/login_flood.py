"""Strangers who post passwords while somebody screens: how much the others notice.

Run: python -m benchmarks.login_flood (two minutes). A real server; each connection posts one
attempt after the other, each from another address and for another name, so that nothing but the
queue of passwords slows them down. One person screens, and one tries to sign in, meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from api.services.reviews import accounts
from api.services.reviews.opening import open_store
from api.settings import Settings
from benchmarks.children import Child
from benchmarks.load_clients import Pace, Seen, screen
from benchmarks.load_store import PIPELINE, Prepared, Sizes, get_settings, prepare
from benchmarks.measuring import percentile, write
from benchmarks.served import MemoryWatch, serve
from store.reviews import people

_PASSWORD = "correct horse battery"
_BAR_MS = 500
# Seconds between two decisions of the person who screens.
_PACE = 0.6


@dataclass(frozen=True, slots=True)
class Flood:
    """What is measured.

    Attributes:
        records: of the review that is screened.
        connections: of the strangers.
        seconds: that they go on.
        quiet: seconds of screening before they begin.
    """

    records: int = 2_000
    connections: int = 60
    seconds: float = 60.0
    quiet: float = 20.0


def post_passwords(base: str, connections: int, seconds: float) -> None:
    """Post attempts to sign in, and print how many got which answer."""
    answers: Counter[str] = Counter()
    asyncio.run(_post_together(base, connections, time.monotonic() + seconds, answers))
    print(json.dumps(answers), flush=True)


async def _post_together(base: str, connections: int, end: float, answers: Counter[str]) -> None:
    await asyncio.gather(*(_stranger(base, each, end, answers) for each in range(connections)))


async def _stranger(base: str, number: int, end: float, answers: Counter[str]) -> None:
    made = 0
    while time.monotonic() < end:
        made += 1
        # Its own network each time: strangers with many computers.
        address = f"10.{number}.{made // 250 % 250}.{made % 250 + 1}"
        try:
            status = await _post(base, f"nobody {number} {made}", "not the password", address)
            answers[str(status)] += 1
        except (OSError, EOFError, TimeoutError) as error:
            answers[type(error).__name__] += 1


async def _post(base: str, name: str, password: str, address: str) -> int:
    """Post one attempt over a connection of its own, and return the answer's status."""
    parts = urlsplit(base)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    body = f"name={quote(name)}&password={quote(password)}".encode()
    head = (
        f"POST /login HTTP/1.1\r\nhost: {host}:{port}\r\nx-forwarded-for: {address}\r\n"
        f"content-type: application/x-www-form-urlencoded\r\ncontent-length: {len(body)}\r\n"
        "connection: close\r\n\r\n"
    )
    async with asyncio.timeout(120):
        reader, writer = await asyncio.open_connection(host, port)
        try:
            writer.write(head.encode() + body)
            answer = await reader.read()
        finally:
            writer.close()
    if not answer:
        raise EOFError
    return int(answer.split(b" ", 2)[1])


def sign_in_patiently(base: str, name: str, seconds: float) -> None:
    """Sign in with the right password, again after each refusal; print how long it took."""

    async def sign_in() -> dict[str, float | None]:
        began, tries = time.monotonic(), 0
        while time.monotonic() - began < seconds:
            tries += 1
            if await _post(base, name, _PASSWORD, "192.0.2.1") == 303:
                return {"tries": tries, "seconds": round(time.monotonic() - began, 1)}
            await asyncio.sleep(1)
        return {"tries": tries, "seconds": None}

    print(json.dumps(asyncio.run(sign_in())), flush=True)


def measure(flood: Flood) -> dict[str, Any]:
    """Measure a flood on a server of its own, with SQLite."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["WINNOW_PIPELINE"] = PIPELINE
        settings = get_settings(Path(folder) / "data", "")
        found = prepare(settings, Sizes(flood.records, 0, 1), say=_say)
        name = _set_password(settings, found)
        with serve(settings.data_dir, "--no-worker", pipeline=PIPELINE) as (base, pid):
            with MemoryWatch(pid) as before:
                quiet = screen(base, found, Pace(flood.quiet, _PACE), say=_say)
            with MemoryWatch(pid) as during:
                given = {"environment": dict(os.environ)}
                strangers = Child(post_passwords, base, flood.connections, flood.seconds, **given)
                patient = Child(sign_in_patiently, base, name, flood.seconds, **given)
                try:
                    seen = screen(base, found, Pace(flood.seconds, _PACE), say=_say)
                    answers = json.loads(strangers.stdout.readline())
                    sign_in = json.loads(patient.stdout.readline())
                finally:
                    strangers.kill()
                    patient.kill()
    return {
        "connections": flood.connections,
        "seconds": flood.seconds,
        "records": flood.records,
        "answers": answers,
        "requests": len(seen.next_seconds) + len(seen.decide_seconds),
        "errors": dict(seen.errors + quiet.errors),
        "p95_before_ms": _p95(quiet),
        "p95_ms": _p95(seen),
        "bar_ms": _BAR_MS,
        "memory_before_mb": round(before.most / 2**20),
        "memory_mb": round(during.most / 2**20),
        "sign_in": sign_in,
    }


def _set_password(settings: Settings, found: Prepared) -> str:
    store = open_store(settings, create=False).store
    accounts.set_password(store, found.people[0], _PASSWORD)
    with store.read() as session:
        name = people.get_person(session, found.people[0]).name
    store.close()
    return name


def _p95(seen: Seen) -> float:
    return round(1000 * percentile([*seen.next_seconds, *seen.decide_seconds], 0.95), 1)


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--records", type=int, default=2_000)
    parser.add_argument("--print", action="store_true", help="print the figures, write nothing")
    given = parser.parse_args()
    run = measure(Flood(given.records, given.connections, given.seconds))
    print(json.dumps(run, indent=1))
    if not given.print:
        write("login_flood", run)


if __name__ == "__main__":
    main()
