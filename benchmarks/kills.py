"""Kill processes (SIGKILL) at random moments, and check that nothing is lost or stored twice.

Run: python -m benchmarks.kills [--rounds N] [--encoder N] (half an hour), also by `make soak`;
`make test` runs a slice. A round does one kind of work, kills one process during it, lets the work
go on, and looks in the store for what is lost, stored twice or incomplete.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import func, select

from benchmarks import soak
from benchmarks.children import Child, command, find_descendant
from benchmarks.killed_database import KilledDatabase
from benchmarks.killed_migrations import Upgrade
from benchmarks.measuring import write
from benchmarks.running import Running
from store.core import intakes
from store.core.session import Store
from store.core.tables import Batch, BatchEntry, Decision, RecordRow
from store.reviews import reviews
from store.screening import rankings
from tests import postgres

RECORDS = 300
_PATIENCE = 120.0
_READER, _ENCODER = "harvest.parsing.reader", "model.encoder_child"
# What is killed during each kind of work; the database only if it is a server.
VICTIMS = (
    *(("import", "importer"), ("import", "parser"), ("import", "database")),
    *(("decisions", "server"), ("decisions", "database")),
    *(("ranking", "worker"), ("ranking", "database")),
    *(("export", "exporter"), ("export", "server"), ("export", "database")),
    *(("migration", "migrator"), ("migration", "database")),
)


@dataclass(slots=True)
class World:
    """A server, a worker and a database that are killed.

    Attributes:
        took: seconds that each kind of work takes undisturbed.
        acknowledged: decisions by token.
    """

    folder: Path
    running: Running
    token: str
    database: KilledDatabase | None
    upgrade: Upgrade
    chance: random.Random
    took: dict[str, float] = field(default_factory=dict)
    acknowledged: dict[str, str] = field(default_factory=dict)
    round: int = 0

    def open_store(self) -> Store:
        """The store, as this process sees it."""
        url = self.running.environment["WINNOW_DATABASE_URL"]
        return Store(url or f"sqlite:///{self.running.data / 'winnow.db'}")

    def start(self, *words: str) -> Child:
        """Start a command of the command line."""
        return Child(command, *words, environment=self.running.environment)

    def wait(self, work: str) -> None:
        """Wait for a random part of the time that such work takes."""
        time.sleep(self.chance.uniform(0, self.took.get(work, 1.0)))


def _kill_descendant(of: Child, program: str) -> bool:
    """Wait for such a process and kill it; False if the work ended without one being seen."""
    end = time.monotonic() + _PATIENCE
    while of.wait(0) is None and time.monotonic() < end:
        pid = find_descendant(of.pid, program)
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                return True
        time.sleep(0.005)
    return False


def _kill(
    world: World, victim: str, work: str, child: Child | None, goes_on: Callable[[], bool]
) -> bool:
    """Kill a process after a random time; False if the work had ended by then."""
    if victim == "parser" and child is not None:
        return _kill_descendant(child, _READER)
    world.wait(work)
    under_way = goes_on()
    if victim == "database":
        assert world.database is not None
        world.database.kill()
        world.database.start()
    elif victim in ("server", "worker"):
        world.running.kill()
        world.running.start()
    elif child is not None and under_way:
        os.kill(child.pid, signal.SIGKILL)
    return under_way


def _timed(world: World, work: str, child: Child) -> int | None:
    """Wait for undisturbed work, and note how long it takes."""
    began = time.monotonic()
    status = child.wait(_PATIENCE)
    world.took[work] = time.monotonic() - began
    child.close()
    return status


def _import(world: World, victim: str | None) -> tuple[bool, list[str]]:
    """Import a file, killed once and then again to its end."""
    name = f"round-{world.round}"
    path = world.folder / f"{name}.csv"
    lines = (f"{name} title {n},{name} abstract {n}\n" for n in range(RECORDS))
    path.write_text("title,abstract\n" + "".join(lines), encoding="utf-8")
    words = ("import", str(path), "--review", "soak", "--json")
    hit = False
    if victim is not None:
        child = world.start(*words)
        hit = _kill(world, victim, "import", child, lambda: child.wait(0) is None)
        child.wait(_PATIENCE)
        child.close()
    status = _timed(world, "import", world.start(*words))
    return hit, [*_unless(status == 0, f"importing again ended with {status}"), *_imported(world)]


def _unless(right: bool, wrong: str) -> list[str]:
    return [] if right else [wrong]


def _imported(world: World) -> list[str]:
    """What is wrong with the file of this round in the store."""
    name = f"round-{world.round}"
    store = world.open_store()
    with store.read() as session:
        review_id = reviews.get_review_by_slug(session, "soak").id
        files = session.scalars(select(Batch.id).where(Batch.name == f"{name}.csv")).all()
        entries = session.scalar(
            select(func.count()).select_from(BatchEntry).where(BatchEntry.batch_id.in_(files))
        )
        titles = Counter(
            session.scalars(
                select(RecordRow.title).where(
                    RecordRow.title.like(f"{name} title %"), RecordRow.active.is_(True)
                )
            )
        )
        unfinished = [i.name for i in intakes.list_unfinished(session, review_id)]
    store.close()
    return [
        *_unless(len(files) == 1, f"{name} is there {len(files)} times"),
        *_unless(entries == RECORDS, f"{name} has {entries} entries"),
        *_unless(len(titles) == RECORDS, f"{name} has {len(titles)} records"),
        *_unless(titles.total() == len(titles), f"{name} has records twice"),
        *_unless(f"{name}.csv" not in unfinished, f"{name} has not ended"),
    ]


def _decide(world: World, victim: str | None) -> tuple[bool, list[str]]:
    """Decide as a browser does, while a process is killed and started again."""
    world.took["decisions"] = 1.0
    made: dict[str, str] = {}

    def client() -> None:
        made.update(soak.screen(world.running, world.token, 1.2, 1000 + world.round))

    thread = threading.Thread(target=client)
    thread.start()
    hit = victim is not None and _kill(world, victim, "decisions", None, thread.is_alive)
    thread.join(_PATIENCE)
    world.acknowledged.update(made)
    return hit and bool(made), [*_unless(bool(made), "no decision was made"), *_decided(world)]


def _decided(world: World) -> list[str]:
    """Acknowledged decisions that are lost, changed or stored twice."""
    store = world.open_store()
    with store.read() as session:
        stored: dict[str, list[str]] = {}
        for token, decision in session.execute(select(Decision.token, Decision.decision)):
            stored.setdefault(token, []).append(decision)
    store.close()
    return [
        f"decision {token} is stored as {stored.get(token)}, not {decision}"
        for token, decision in world.acknowledged.items()
        if stored.get(token) != [decision]
    ]


def _rank(world: World, victim: str | None) -> tuple[bool, list[str]]:
    """Ask for a new order, kill the process that makes it, and wait for the order."""
    world.took.setdefault("ranking", 1.0)
    store = world.open_store()
    with store.write() as session:
        review_id = reviews.get_review_by_slug(session, "soak").id
        reviews.request_ranking(session, review_id)

    def waits() -> bool:
        with store.read() as session:
            return review_id in rankings.list_reviews_to_rank(session)

    hit = victim is not None and _kill(world, victim, "ranking", None, waits)
    end = time.monotonic() + _PATIENCE
    wrong = ["no order was made"]
    while wrong and time.monotonic() < end:
        time.sleep(0.05)
        with store.read() as session:
            newest = rankings.get_newest_ranking(session, review_id)
            revision = reviews.get_review(session, review_id).revision
            if newest is not None and newest.revision >= revision:
                order = rankings.get_order(session, review_id, newest.id)
                whole = len(set(order.report_ids.tolist())) == len(order.report_ids) == newest.size
                wrong = _unless(whole, "an order is not whole")
                break
    store.close()
    return hit, wrong


def _export(world: World, victim: str | None) -> tuple[bool, list[str]]:
    """Write an export, from the command line or the server, killed once."""
    whole, path = world.folder / "whole.csv", world.folder / f"round-{world.round}-export.csv"
    words = ("export", "--review", "soak", "--output")
    status = _timed(world, "export", world.start(*words, str(whole)))
    if status != 0:
        return False, [f"an export ended with {status}"]
    if victim is None:
        return False, []
    if victim == "exporter":
        child = world.start(*words, str(path))
        hit = _kill(world, victim, "export", child, lambda: child.wait(0) is None)
        child.wait(_PATIENCE)
        child.close()
        written = path.read_bytes() if path.exists() else None
    else:
        answers: list[bytes] = []
        asking = threading.Thread(target=lambda: answers.extend(_download(world)))
        asking.start()
        hit = _kill(world, victim, "export", None, asking.is_alive)
        asking.join(_PATIENCE)
        written = answers[0] if answers else None
    right = written is None or written == whole.read_bytes()
    return hit, _unless(right, "an export is there in part")


def _download(world: World) -> Iterator[bytes]:
    """An export from the server; nothing if it broke off."""
    with contextlib.suppress(requests.RequestException):
        headers = {"authorization": f"Bearer {world.token}"}
        answer = requests.get(f"{world.running.url}/exports/csv", headers=headers, timeout=60)
        if answer.status_code == 200:
            yield answer.content


def _migrate(world: World, victim: str | None) -> tuple[bool, list[str]]:
    """Bring an old store up to date, killed once and then again to its end."""
    environment = world.upgrade.prepare(world.round)
    hit = False
    if victim is not None:
        child = Child(command, "init", environment=environment)
        hit = _kill(world, victim, "migration", child, lambda: child.wait(0) is None)
        child.wait(_PATIENCE)
        child.close()
    status = _timed(world, "migration", Child(command, "init", environment=environment))
    wrong = [*_unless(status == 0, f"upgrading ended with {status}"), *world.upgrade.find_wrong()]
    world.upgrade.discard()
    return hit, wrong


_WORK: dict[str, Callable[[World, str | None], tuple[bool, list[str]]]] = {
    "import": _import,
    "decisions": _decide,
    "ranking": _rank,
    "export": _export,
    "migration": _migrate,
}


def run(
    rounds: int,
    *,
    database_url: str = "",
    victims: Sequence[tuple[str, str]] = VICTIMS,
    records: int = 2_000,
) -> dict[str, Any]:
    """Do so many rounds, each of another kind of work and another victim in turn.

    Args:
        rounds: how many.
        database_url: PostgreSQL's, whose server is killed too if it keeps what it commits; "" for
            SQLite.
        victims: the work and the victim of each round.
        records: of the review before the first one.
    """
    with _world(database_url, records) as world:
        chosen = [pair for pair in victims if pair[1] != "database" or world.database is not None]
        # Undisturbed, to learn how long each takes. A slice has no time for that.
        for work in dict(chosen) if rounds >= len(chosen) else ():
            world.round += 1
            _, wrong = _WORK[work](world, None)
            if wrong:
                raise SystemExit(f"undisturbed {work}: {wrong}")
        kills: Counter[str] = Counter()
        hits: Counter[str] = Counter()
        faults: list[str] = []
        for number in range(rounds):
            work, victim = chosen[number % len(chosen)]
            world.round += 1
            hit, wrong = _WORK[work](world, victim)
            kills[f"{victim} during {work}"] += 1
            hits[f"{victim} during {work}"] += hit
            faults.extend(f"{victim} killed during {work}: {one}" for one in wrong)
        faults.extend(_decided(world))
    return {
        "database": "postgresql" if database_url else "sqlite",
        "kills": dict(kills),
        "hits": dict(hits),
        "acknowledged": len(world.acknowledged),
        "wrong": faults,
    }


@contextmanager
def _world(database_url: str, records: int) -> Iterator[World]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        running = Running(folder / "data", database_url)
        token = soak.prepare(running, records)
        database = KilledDatabase(database_url) if database_url else None
        upgrade = Upgrade(folder, database_url)
        running.start()
        try:
            yield World(folder, running, token, database, upgrade, random.Random(1))
        finally:
            running.stop()


def kill_encoder(rounds: int) -> dict[str, Any]:
    """Kill the process that encodes; the order must come all the same, and no vector be wrong."""
    wrong: list[str] = []
    hits = 0
    with tempfile.TemporaryDirectory() as name:
        running = Running(Path(name) / "data")
        del running.environment["WINNOW_PIPELINE"]
        token = soak.prepare(running, 50)
        running.start()
        world = World(Path(name), running, token, None, Upgrade(Path(name), ""), random.Random(2))
        for _ in range(rounds):
            world.round += 1
            _, faults = _import(world, None)
            hits += _kill_descendant(running.worker, _ENCODER)
            wrong += [*faults, *_rank(world, None)[1]]
        running.stop()
    return {
        "database": "sqlite",
        "kills": {"encoder during ranking": rounds},
        "hits": {"encoder during ranking": hits},
        "acknowledged": 0,
        "wrong": wrong,
    }


def main() -> None:
    """Run everything in full and write benchmarks/results/kills.json."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=95, help="on each database")
    parser.add_argument("--encoder", type=int, default=10)
    chosen = parser.parse_args()
    found = [run(chosen.rounds)]
    if postgres.BINARIES is not None:
        with postgres.server(durable=True) as prefix:
            found.append(run(chosen.rounds, database_url=f"{prefix}postgres"))
    found.append(kill_encoder(chosen.encoder))
    print(found)
    write("kills", {"runs": found})
    if any(one["wrong"] for one in found):
        sys.exit("FAILED")


if __name__ == "__main__":
    main()
