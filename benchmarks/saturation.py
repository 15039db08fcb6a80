"""Decisions a second when people wait for nothing but the server, beside ASReview's server.

Run: python -m benchmarks.saturation (ten minutes; the two cores must be idle; ``make
bench-peers`` first). Both servers hold the same 10,000 records and learn with the same kind of
model. Each client sends a decision, then asks for the next record, and so on without a pause, as
each tool's own page does. The servers take turns; both learn while people screen.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import func, select

from api.services.reviews.opening import open_store
from api.services.searching.importing import ImportRequest, import_file
from api.settings import Settings
from benchmarks.load_clients import Client, nearest, run_apart
from benchmarks.load_store import PIPELINE, SLUG, create_team, get_settings
from benchmarks.measuring import DATA, write
from benchmarks.peer_server import (
    COMMAND,
    PeerReviewer,
    count_peer_work,
    serve_peer,
    share_project,
)
from benchmarks.served import count_cpu, serve
from benchmarks.speed import as_csv, texts
from store.core.tables import Decision

_BAR, _AIM = 3.0, 10.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured.

    Attributes:
        records: of the review.
        clients: how many people at once, one turn each.
        seconds: of each turn.
        turns: of each server with each number of people.
    """

    records: int = 10_000
    clients: tuple[int, ...] = (1, 6, 20)
    seconds: float = 20.0
    turns: int = 3


class Reviewer(Protocol):
    """Somebody who screens; both methods return what went wrong, if anything did."""

    async def take(self) -> str | None: ...

    async def decide(self) -> str | None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Tool:
    """A server that runs, with a review in it.

    Attributes:
        pid: of its first process.
        reviewers: of the review.
        count: decisions stored, and orders that their cards came from.
    """

    name: str
    pid: int
    reviewers: Sequence[Reviewer]
    count: Callable[[], tuple[int, int]]


class _WinnowReviewer:
    def __init__(self, base: str, token: str, relevant: Sequence[bool]) -> None:
        self._client = Client(base, token)
        self._relevant = relevant
        self._card: dict[str, Any] | None = None
        self._ranking: int | None = None
        self._made = 0
        self._name = f"{id(self)}-{time.monotonic_ns()}"

    async def take(self) -> str | None:
        path = f"/api/v1/reviews/{SLUG}/queue/next"
        status, answer = await self._client.post(path, {"n": 1})
        hand = json.loads(answer) if status == 200 else {"cards": []}
        self._card = hand["cards"][0] if hand["cards"] else None
        self._ranking = hand["ranking"]["id"] if hand.get("ranking") else None
        return None if self._card else f"next {status}"

    async def decide(self) -> str | None:
        if self._card is None:
            return "nothing to decide"
        self._made += 1
        report = self._card["report"]
        body = {
            "token": f"{self._name}-{self._made}",
            "report": report,
            "decision": "include" if self._relevant[report - 1] else "exclude",
            "ranking": self._ranking,
            "place": self._card["place"],
        }
        status, _ = await self._client.post(f"/api/v1/reviews/{SLUG}/decisions", body)
        return None if status == 200 else f"decide {status}"

    def close(self) -> None:
        self._client.close()


@contextmanager
def _winnow(folder: Path, data: bytes, relevant: Sequence[bool], people: int) -> Iterator[Tool]:
    """Winnow's server with its worker, on SQLite, one decision for each record."""
    settings = get_settings(folder, "")
    store = open_store(settings, create=True, first_person="lead").store
    team = create_team(store, people, dual_share=0.0)
    import_file(
        store, team.review_id, BytesIO(data), "f.csv", ImportRequest(), person_id=team.people[0]
    )
    store.close()
    with serve(settings.data_dir, pipeline=PIPELINE) as (base, pid):
        yield Tool(
            "winnow",
            pid,
            [_WinnowReviewer(base, token, relevant) for token in team.tokens],
            lambda: _count(settings),
        )


def _count(settings: Settings) -> tuple[int, int]:
    store = open_store(settings, create=False).store
    with store.read() as session:
        row = session.execute(
            select(func.count(), func.count(Decision.ranking_id.distinct()))
        ).one()
    store.close()
    return int(row[0]), int(row[1])


@contextmanager
def _asreview(folder: Path, data: bytes, relevant: Sequence[bool], people: int) -> Iterator[Tool]:
    first = (list(relevant).index(True), list(relevant).index(False))
    with serve_peer(folder) as server:
        team = share_project(server, data, first, people)
        yield Tool(
            "asreview",
            server.pid,
            [PeerReviewer(server, team, number, relevant) for number in range(people)],
            lambda: count_peer_work(server, team),
        )


async def _screen(who: Reviewer, end: float, seconds: list[float], errors: Counter[str]) -> None:
    wrong = await who.take()
    while time.perf_counter() < end:
        if wrong:
            # Somebody else may hold the record for a moment; the client asks again.
            errors[wrong] += 1
            await asyncio.sleep(0.05)
            wrong = await who.take()
            continue
        began = time.perf_counter()
        wrong = await who.decide() or await who.take()
        if not wrong:
            seconds.append(time.perf_counter() - began)
    who.close()


async def _screen_together(
    team: Sequence[Reviewer], duration: float, seconds: list[float], errors: Counter[str]
) -> None:
    end = time.perf_counter() + duration
    await asyncio.gather(*(_screen(each, end, seconds, errors) for each in team))


def take_turn(tool: Tool, duration: float) -> dict[str, Any]:
    """Let its people screen for so many seconds, and count what they got done."""
    seconds: list[float] = []
    errors: Counter[str] = Counter()
    decided, orders = tool.count()
    cpu, began = count_cpu(tool.pid), time.perf_counter()
    run_apart(_screen_together(tool.reviewers, duration, seconds, errors))
    lasted = time.perf_counter() - began
    cpu = count_cpu(tool.pid) - cpu
    decided_after, orders_after = tool.count()
    return {
        "tool": tool.name,
        "clients": len(tool.reviewers),
        "per_second": round(len(seconds) / lasted, 2),
        "cycle_p50_ms": round(1000 * nearest(seconds, 0.5), 1),
        "cycle_p99_ms": round(1000 * nearest(seconds, 0.99), 1),
        "decisions": decided_after - decided,
        "orders_used": orders_after - orders,
        "errors": dict(errors),
        "cpu_seconds": round(cpu, 1),
    }


def measure(plan: Plan) -> dict[str, Any]:
    """Measure both servers in turn, with each number of people on reviews of their own."""
    documents, labels = texts(plan.records)
    data, relevant = as_csv(documents), [bool(each) for each in labels]
    os.environ["WINNOW_PIPELINE"] = PIPELINE
    runs: list[dict[str, Any]] = []
    for clients in plan.clients:
        runs += _measure_turns(plan, clients, data, relevant)
    return {
        "records": plan.records,
        "seconds": plan.seconds,
        "bar": _BAR,
        "aim": _AIM,
        "compared": [compare(runs, clients) for clients in plan.clients],
        "best": compare_best(runs),
        "runs": runs,
    }


def _measure_turns(
    plan: Plan, clients: int, data: bytes, relevant: Sequence[bool]
) -> list[dict[str, Any]]:
    runs: list[dict[str, Any]] = []
    with (
        tempfile.TemporaryDirectory() as ours,
        tempfile.TemporaryDirectory() as theirs,
        _winnow(Path(ours), data, relevant, clients) as winnow,
        _asreview(Path(theirs), data, relevant, clients) as peer,
    ):
        for _ in range(plan.turns):
            for tool in (winnow, peer):
                # What is still being learned must not take the other's time.
                _wait_until_idle(winnow.pid)
                _wait_until_idle(peer.pid)
                runs.append(take_turn(tool, plan.seconds))
                print(json.dumps(runs[-1]), flush=True)
    return runs


def _wait_until_idle(pid: int) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        before = count_cpu(pid)
        time.sleep(1)
        if count_cpu(pid) - before < 0.1:
            return


def _median(runs: Sequence[dict[str, Any]], tool: str, clients: int) -> float:
    return statistics.median(
        run["per_second"] for run in runs if run["tool"] == tool and run["clients"] == clients
    )


def compare(runs: Sequence[dict[str, Any]], clients: int) -> dict[str, Any]:
    """The medians of both tools with that many people, and their ratio."""
    ours, theirs = (_median(runs, tool, clients) for tool in ("winnow", "asreview"))
    return {
        "clients": clients,
        "winnow": ours,
        "asreview": theirs,
        "ratio": round(ours / theirs, 2) if theirs else None,
    }


def compare_best(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Compare the tools, each at the number of people that it serves fastest."""
    numbers = sorted({run["clients"] for run in runs})
    best = {
        tool: max(_median(runs, tool, clients) for clients in numbers)
        for tool in ("winnow", "asreview")
    }
    return {**best, "ratio": round(best["winnow"] / best["asreview"], 2)}


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=Plan().records)
    parser.add_argument("--seconds", type=float, default=Plan().seconds)
    parser.add_argument("--turns", type=int, default=Plan().turns)
    parser.add_argument("--print", action="store_true", help="print the figures, write nothing")
    given = parser.parse_args()
    if not DATA.is_dir():
        sys.exit(f"skipped: the labelled sets are not at {DATA}")
    if not COMMAND.is_file():
        sys.exit("skipped: ASReview is not installed; `make bench-peers` installs it")
    figures = measure(Plan(records=given.records, seconds=given.seconds, turns=given.turns))
    print(json.dumps(figures["compared"] + [figures["best"]], indent=1))
    if not given.print:
        write("saturation", figures)


if __name__ == "__main__":
    main()
