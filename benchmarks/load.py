"""Many reviewers at once on a real server: how long a card and a decision take, and what is right.

Run: python -m benchmarks.load (half an hour). Both databases unless one is named; smaller sizes for
a quick look. A process ranks the review every 30 seconds meanwhile, as the worker does. Clients,
server and ranker share the processor. A run that has been measured at the same commit and sizes is
not measured again.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from api.services.reviews.opening import open_store
from api.settings import Settings
from benchmarks.children import Child
from benchmarks.load_clients import Pace, Seen, ask_quietly, nearest, screen
from benchmarks.load_store import (
    PIPELINE,
    Prepared,
    Sizes,
    get_settings,
    prepare,
    rank_now_and_then,
)
from benchmarks.measuring import RESULTS, circumstances, write
from benchmarks.served import count_cpu, count_memory, list_family, serve
from store.core.tables import Decision
from tests import postgres

_NEEDED = 2


@dataclass(frozen=True, slots=True)
class Load:
    """What is measured.

    Attributes:
        database: "sqlite" or "postgresql".
        order_every: seconds from the start of one ranking to the start of the next.
        processes: of the server that answer requests.
        quiet: cards that one client asks for afterwards.
    """

    database: str
    sizes: Sizes
    pace: Pace
    order_every: float = 30.0
    processes: int = 1
    quiet: int = 300


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


@contextlib.contextmanager
def _database(name: str) -> Iterator[str]:
    """A database's URL; empty for SQLite, whose file lies in the data folder."""
    if name == "sqlite":
        yield ""
        return
    with postgres.server(durable=True) as prefix:
        yield f"{prefix}postgres"


def measure(load: Load) -> dict[str, Any]:
    """Measure one run, and check in the database what became of it."""
    with tempfile.TemporaryDirectory() as folder, _database(load.database) as url:
        os.environ["WINNOW_PIPELINE"] = PIPELINE
        settings = get_settings(Path(folder) / "data", url)
        found = prepare(settings, load.sizes, say=_say)
        several = ["--processes", str(load.processes)] if load.processes > 1 else []
        own = {"database_url": url, "pipeline": PIPELINE}
        with serve(settings.data_dir, "--no-worker", *several, **own) as (base, pid):
            ranker = Child(
                rank_now_and_then,
                settings.data_dir,
                url,
                found.review_id,
                load.order_every,
                environment=dict(os.environ),
            )
            try:
                # The first ranking loads the texts.
                if not ranker.stdout.readline():
                    raise RuntimeError("the review could not be ranked")
                server, own = count_cpu(pid), resource.getrusage(resource.RUSAGE_SELF).ru_utime
                seen = screen(base, found, load.pace, say=_say)
                server = count_cpu(pid) - server
                own = resource.getrusage(resource.RUSAGE_SELF).ru_utime - own
            finally:
                ranker.kill()
            ask_quietly(base, found, 20)
            before = count_cpu(pid)
            got = ask_quietly(base, found, load.quiet)
            cpu_of_next = (count_cpu(pid) - before) / load.quiet
            memory = count_memory(*list_family(pid))
        checked = _check(settings, found, seen)
    made = len(seen.acknowledged)
    return {
        "database": load.database,
        "records": load.sizes.records,
        "decisions": load.sizes.decisions,
        "clients": load.sizes.people,
        "seconds": load.pace.seconds,
        "next_p50_ms": _ms(seen.next_seconds, 0.5),
        "next_p99_ms": _ms(seen.next_seconds, 0.99),
        "decide_p99_ms": _ms(seen.decide_seconds, 0.99),
        "errors": sum(seen.errors.values()),
        "dealt_twice": checked["dealt_twice"],
        "next_cpu_ms": round(1000 * cpu_of_next, 2),
        "decide_p50_ms": _ms(seen.decide_seconds, 0.5),
        "error_kinds": dict(seen.errors),
        **checked,
        "decisions_made": made,
        "decisions_per_second": round(made / load.pace.seconds, 2),
        "empty": seen.empty,
        "late": seen.late,
        "quiet_cards": got,
        "processes": load.processes,
        "order_every": load.order_every,
        "server_cpu_s": round(server, 1),
        "clients_cpu_s": round(own, 1),
        "server_mb": round(memory / 2**20),
    }


def _ms(values: list[float], share: float) -> float:
    return round(1000 * nearest(values, share), 1)


def _check(settings: Settings, found: Prepared, seen: Seen) -> dict[str, Any]:
    """Compare what the clients saw with what is stored.

    Returns:
        ``dealt_twice``: cards given to more people than their records still needed, or to somebody
        who had decided them; ``decided_too_often``: records that more people decided than needed;
        ``lost``: acknowledged decisions that are not stored as they were sent; ``stored_twice``:
        tokens with more than one decision.
    """
    store = open_store(settings, create=False).store
    with store.read() as session:
        rows = session.execute(
            select(Decision.token, Decision.report_id, Decision.decision, Decision.person_id).where(
                Decision.review_id == found.review_id, Decision.decision != "undo"
            )
        ).all()
    store.close()
    tokens = Counter(row.token for row in rows)
    stored = {row.token: (row.report_id, row.decision) for row in rows}
    people: dict[int, set[int]] = {}
    for row in rows:
        people.setdefault(row.report_id, set()).add(row.person_id)
    too_many = sum(
        len(found.decided.get(report, set()) | got) > _NEEDED for report, got in seen.dealt.items()
    )
    return {
        "dealt_twice": too_many + seen.again,
        "decided_too_often": sum(len(each) > _NEEDED for each in people.values()),
        "lost": sum(stored.get(token) != sent for token, sent in seen.acknowledged.items()),
        "stored_twice": sum(number > 1 for number in tokens.values()),
    }


def _is_measured(run: dict[str, Any], load: Load) -> bool:
    wanted = {
        "database": load.database,
        "records": load.sizes.records,
        "decisions": load.sizes.decisions,
        "clients": load.sizes.people,
        "seconds": load.pace.seconds,
        "processes": load.processes,
    }
    return all(run.get(key) == value for key, value in wanted.items())


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--decisions", type=int, default=40_000)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--order-every", type=float, default=30)
    parser.add_argument("--processes", type=int, default=1, help="of the server, on PostgreSQL")
    parser.add_argument("--again", action="store_true", help="measure what is measured already")
    parser.add_argument("--print", action="store_true", help="print the figures, write nothing")
    given = parser.parse_args()
    path = RESULTS / "load.json"
    former = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    commit = circumstances()["commit"]
    same_commit = former.get("circumstances", {}).get("commit") == commit
    runs: list[dict[str, Any]] = former.get("runs", []) if same_commit else []
    names = ["sqlite", "postgresql"] if given.database == "both" else [given.database]
    bad = False
    for name in names:
        load = Load(
            name,
            Sizes(given.records, given.decisions, given.clients),
            Pace(given.seconds),
            given.order_every,
            given.processes if name == "postgresql" else 1,
        )
        if not given.again and any(_is_measured(run, load) for run in runs):
            _say(f"{name}: measured already at this commit")
            continue
        _say(f"{name}: {asdict(load)}")
        run = measure(load)
        print(json.dumps(run, indent=1), flush=True)
        bad = bad or not is_right(run)
        runs = [each for each in runs if not _is_measured(each, load)] + [run]
        if not given.print:
            write("load", {"runs": runs})
    if bad:
        sys.exit("a card was dealt twice, or a decision was lost")


def is_right(run: dict[str, Any]) -> bool:
    """Whether nothing was dealt or stored twice, and nothing lost."""
    return not any(
        run[name] for name in ("errors", "dealt_twice", "decided_too_often", "lost", "stored_twice")
    )


if __name__ == "__main__":
    main()
