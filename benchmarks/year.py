"""A year of nights, broken in every way, beside one that is not.

Run: python -m benchmarks.year (about ten minutes), also by `make soak`.

Two stores live through the same year against the played sources: each week articles come, change,
are retracted or corrected, and vanish. One of the two has sources that are down for weeks and
workers that are killed (SIGKILL) in the middle of a night; nights are missed and caught up. At the
end both must hold the same records, texts, events, reports and counts, and the sum must hold for
the review and for every admission from its pool.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import datetime as dt
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from api.schedule import Schedule
from api.services import harvesting, nights, pooling
from api.services.setup import open_store
from api.settings import Settings
from benchmarks.harvest_kills import SOURCES, environment, searched, settings_of
from benchmarks.measuring import ROOT, write
from store import admissions, events, flow, pool, records, runs
from store import nights as stored
from store.errors import Conflict
from store.session import Store
from tests.loopback.corpus import Article, corpus
from tests.loopback.server import Fault, Loopback, World

_ZONE = "Europe/London"
# Both changes of the clocks lie in the year that begins here.
_START = dt.datetime(2022, 10, 23, 6, tzinfo=dt.UTC)
_KINDS = ("retracted", "republished", "corrected", "concern")


def prepare(settings: Settings) -> tuple[Store, int]:
    """A store with a living review that is harvested each night."""
    store, review_id, person = searched(settings)
    with store.write() as session:
        nights.set_schedule(
            session,
            settings,
            review_id,
            Schedule(on=True, cron="30 1 * * *", zone=_ZONE),
            person_id=person.id,
            moment=_START - dt.timedelta(days=2),
        )
    return store, review_id


def night(store: Store, settings: Settings, moment: dt.datetime) -> None:
    """What a worker does at a moment: the tick, the walks, the end."""
    nights.tick(store, settings, moment=moment)
    while True:
        with store.read() as session:
            open_ones = [
                run.id
                for night in stored.open_ones(session)
                for run in runs.of_night(session, night.id)
                if run.state in ("waiting", "running")
            ]
        if not open_ones:
            break
        for number in open_ones:
            harvesting.walk(store, settings, number)
    nights.tick(store, settings, moment=moment)


class Year:
    """What happens in the world: the same for every store that lives through it.

    Args:
        size: articles of the made-up corpus.
        seed: of what happens.
    """

    def __init__(self, size: int, seed: int) -> None:
        self.world = World(corpus(size), today=_START.date())
        self.server = Loopback(self.world)
        self._chance = random.Random(seed)
        self._touched: set[int] = set()

    def begin_week(self, moment: dt.datetime) -> None:
        """A week goes by: what was to come has come, and something happened to what was there."""
        self.world.today = moment.date()
        there = [a for a in self.world.there() if a.number not in self._touched]
        chosen = self._chance.sample(there, min(6, len(there)))
        self._touched.update(a.number for a in chosen)
        changed = {a.number: self._after(a, n, moment.date()) for n, a in enumerate(chosen)}
        self.world.articles = [
            new for a in self.world.articles if (new := changed.get(a.number, a)) is not None
        ]
        self.server.forget()

    def _after(self, article: Article, number: int, day: dt.date) -> Article | None:
        if number == 0:
            return None
        if number < 3:
            return dataclasses.replace(article, changed=day, title=f"{article.title}, revised")
        kind = self._chance.choice(_KINDS)
        notice = str(80_000_000 + article.number)
        types = (
            ("Journal Article", "Retracted Publication") if kind == "retracted" else article.types
        )
        return dataclasses.replace(article, changed=day, remarks=((kind, notice),), types=types)


def state(store: Store, review_id: int) -> dict[str, Any]:
    """What the store holds, without numbers that depend on the order in which things came."""
    with store.read() as session:
        found = records.everything_of(session, review_id)
        told = events.everything(session, review_id)
        apart = flow.by_admission(session, review_id)
        waiting = pool.waiting(session, review_id)
    names = {record.id: f"{record.source}:{record.source_id}" for record in found}
    groups: dict[int, list[str]] = {}
    for record in found:
        groups.setdefault(record.report_id, []).append(names[record.id])
    return {
        "records": sorted((names[r.id], r.record.title, r.active) for r in found),
        "reports": sorted(sorted(group) for group in groups.values()),
        "events": sorted((e.kind, names[e.record_id], e.detail.get("pmid") or "") for e in told),
        "waiting": waiting,
        "flow": dataclasses.asdict(sum(apart.values(), flow.Flow())),
        "sums_hold": all(
            each.identified
            == each.rejected + each.filtered + each.duplicates + each.screened + each.not_screened
            for each in apart.values()
        ),
    }


def _killed(values: dict[str, str], moment: dt.datetime, after: float) -> bool:
    """A worker's night in a process of its own; whether it was killed before its end."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.year", "--night", moment.isoformat()],
        env=values,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            process.wait(timeout=after)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return True
    if process.returncode:
        raise RuntimeError(f"the night of {moment} failed")
    return False


def live(
    weeks: int,
    *,
    broken: bool,
    database_url: str = "",
    size: int = 1500,
    seed: int = 3,
) -> dict[str, Any]:
    """One store's year.

    Args:
        weeks: nights, a week apart.
        broken: with sources that are down and workers that are killed.
        database_url: empty for SQLite.
        size: articles of the corpus.
        seed: of what happens in the world.
    """
    chance = random.Random(seed + 1)
    year = Year(size, seed)
    kills = missed = 0
    with tempfile.TemporaryDirectory() as folder:
        values = environment(year.server, Path(folder), database_url)
        values["WINNOW_SOURCES__EUROPEPMC__ATTEMPTS"] = "1"
        for name in SOURCES:
            values[f"WINNOW_SOURCES__{name.upper()}__ATTEMPTS"] = "1"
        settings = settings_of(values)
        store, review_id = prepare(settings)
        down = _outages(weeks, chance) if broken else {}
        moment = _START
        for week in range(weeks):
            moment = _START + dt.timedelta(days=7 * week)
            year.begin_week(moment)
            year.world.faults = {name: [Fault("broken")] for name in down.get(week, ())}
            if week == weeks // 4:
                with store.write() as session:
                    pool.set_freeze(session, review_id, moment.date(), person_id=None)
                    nights.set_rule(
                        session,
                        review_id,
                        "each first of the month",
                        person_id=None,
                        moment=moment,
                    )
            if broken and week % 9 == 5:
                # Nobody was there that night: the next makes up for it.
                missed += 1
                continue
            while broken and chance.random() < 0.5:
                kills += _killed(values, moment, chance.uniform(0.05, 1.2))
            night(store, settings, moment)
        year.world.faults = {}
        moment += dt.timedelta(days=40)
        night(store, settings, moment)
        # Or the rule was sooner.
        with contextlib.suppress(Conflict):
            pooling.admit(
                store, review_id, moment.date(), in_full=200, person_id=None, moment=moment
            )
        with store.read() as session:
            admitted = len(admissions.everything(session, review_id))
            made = len(stored.everything(session, review_id, limit=10_000))
            found = state(store, review_id)
        store.close()
    year.server.close()
    return {
        "state": found,
        "nights": made,
        "admissions": admitted,
        "kills": kills,
        "missed": missed,
        "down": sum(len(names) for names in down.values()),
        "requests": sum(map(len, year.world.asked.values())),
    }


def _outages(weeks: int, chance: random.Random) -> dict[int, Sequence[str]]:
    """Each source is down for some weeks in a row; none at the end."""
    found: dict[int, list[str]] = {}
    for name in SOURCES:
        length = max(1, weeks // 8)
        first = chance.randint(1, max(1, weeks - length - 2))
        for week in range(first, first + length):
            found.setdefault(week, []).append(name)
    return dict(found)


def compare(weeks: int, *, database_url: str = "", size: int = 1500) -> dict[str, Any]:
    """Both years, and where they differ."""
    whole = live(weeks, broken=False, size=size)
    broken = live(weeks, broken=True, database_url=database_url, size=size)
    one, other = whole["state"], broken["state"]
    kinds: dict[str, int] = {}
    for kind, _, _ in other["events"]:
        kinds[kind] = kinds.get(kind, 0) + 1
    return {
        "weeks": weeks,
        "nights": broken["nights"],
        "missed": broken["missed"],
        "kills": broken["kills"],
        "source_weeks_down": broken["down"],
        "admissions": broken["admissions"],
        "records": len(other["records"]),
        "reports": len(other["reports"]),
        "events": kinds,
        "requests": broken["requests"],
        "sums_hold": one["sums_hold"] and other["sums_hold"],
        "differ": sorted(name for name in one if one[name] != other[name]),
        "lost": _difference(one, other),
        "twice": _difference(other, one),
    }


def _difference(one: dict[str, Any], other: dict[str, Any]) -> int:
    """Records, reports and events that one has and the other does not."""
    return sum(
        len([each for each in one[name] if each not in other[name]])
        for name in ("records", "reports", "events")
    )


def main() -> None:
    """A night of a child process, or both years."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--night", help="make one night in the store of the environment")
    parser.add_argument("--weeks", type=int, default=52)
    chosen = parser.parse_args()
    if chosen.night:
        from api.settings import load

        settings = load()
        store = open_store(settings, create=False).store
        print("ready", flush=True)
        night(store, settings, dt.datetime.fromisoformat(chosen.night))
        return
    started = time.perf_counter()
    found = compare(chosen.weeks)
    found["seconds"] = round(time.perf_counter() - started, 1)
    print(json.dumps(found, indent=1))
    write("year", found)
    if found["differ"] or not found["sums_hold"]:
        sys.exit(f"FAILED: {found['differ']}")


if __name__ == "__main__":
    main()
