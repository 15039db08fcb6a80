"""Run a year of scheduled searches with every kind of failure, and compare it with one without.

Run: python -m benchmarks.year (about ten minutes), also by `make soak`.

Two stores run the same year against simulated sources: each week articles appear, change, are
retracted or corrected, and disappear. For one of them, sources are down for weeks, workers are
killed (SIGKILL) in the middle of a night, and nights are missed and caught up. At the end both must
hold the same records, texts, events, reports and counts, and the sum must be right for the review
and for every admission from its pool.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import datetime as dt
import json
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from api.services.living import night_runs, pooling, schedules
from api.services.reviews.opening import open_store
from api.services.searching import harvesting
from api.settings import Settings, load
from benchmarks.children import Child
from benchmarks.harvest_kills import SOURCES, environment, searched, settings_of
from benchmarks.measuring import write
from store.core.errors import Conflict
from store.core.session import Store
from store.reports import record_events
from store.searching import admissions, flow, pool, pool_membership
from store.searching.admissions import NewAdmission
from store.searching.nights import list_nights, list_unfinished_nights
from store.searching.runs import runs
from tests.loopback.corpus import Article, corpus
from tests.loopback.server import Fault, Loopback, World
from tests.store.builders import list_all_records

_ZONE = "Europe/London"
# The clocks change twice in the year that begins here.
_START = dt.datetime(2022, 10, 23, 6, tzinfo=dt.UTC)
_KINDS = ("retracted", "republished", "corrected", "concern")


def prepare(settings: Settings) -> tuple[Store, int]:
    """Create a store with a living review that is searched each night."""
    store, review_id, person = searched(settings)
    since = _START - dt.timedelta(days=2)
    changes = {"on": True, "cron": "30 1 * * *", "zone": _ZONE}
    schedules.set_schedule(store, settings, review_id, changes, person_id=person.id, moment=since)
    return store, review_id


def night(store: Store, settings: Settings, moment: dt.datetime) -> None:
    """Do what a worker does at one moment: start what is due, fetch pages, end what is done."""
    night_runs.run_due(store, settings, moment=moment)
    while True:
        with store.read() as session:
            open_ones = [
                run.id
                for night in list_unfinished_nights(session)
                for run in runs.list_runs_of_night(session, night.id)
                if run.state in ("waiting", "running")
            ]
        if not open_ones:
            break
        for number in open_ones:
            harvesting.walk_run(store, settings, number)
    night_runs.run_due(store, settings, moment=moment)


class Year:
    """What happens at the sources, the same for each store that runs the year.

    Args:
        size: number of articles in the made-up corpus.
        seed: for what happens.
    """

    def __init__(self, size: int, seed: int) -> None:
        self.world = World(corpus(size), today=_START.date())
        self.server = Loopback(self.world)
        self._chance = random.Random(seed)
        self._touched: set[int] = set()

    def begin_week(self, moment: dt.datetime) -> None:
        """Let a week go by: new articles appear, and something happens to the old ones."""
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
        return dataclasses.replace(
            article, changed=day, status_notices=((kind, notice),), types=types
        )


def state(store: Store, review_id: int) -> dict[str, Any]:
    """What the store holds, without numbers that depend on the order of arrival."""
    with store.read() as session:
        found = list_all_records(session, review_id)
        told = record_events.list_events(session, review_id)
        apart = flow.count_flow_by_admission(session, review_id)
        waiting = pool.count_records(session, review_id)
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
            == each.rejected
            + each.filtered
            + each.duplicates
            + each.out_of_range
            + each.screened
            + each.not_screened
            for each in apart.values()
        ),
    }


def _killed(values: dict[str, str], moment: dt.datetime, after: float) -> bool:
    """Run a worker's night in its own process; returns whether it was killed before the end."""
    child = Child(child_night, moment, environment=values)
    child.stdout.readline()
    code = child.wait(after)
    child.kill()
    if code:
        raise RuntimeError(f"the night of {moment} failed")
    return code is None


def child_night(moment: dt.datetime) -> None:
    """Run one night in the store that the environment names, and say when the store is open."""
    settings = load()
    store = open_store(settings, create=False).store
    print("ready", flush=True)
    night(store, settings, moment)


def live(
    weeks: int,
    *,
    broken: bool,
    database_url: str = "",
    size: int = 1500,
    seed: int = 3,
) -> dict[str, Any]:
    """Run one store's year.

    Args:
        weeks: nights, a week apart.
        broken: with sources that are down and workers that are killed.
        database_url: empty for SQLite.
        size: number of articles in the corpus.
        seed: for what happens at the sources.
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
                    pool_membership.set_freeze_date(
                        session, review_id, moment.date(), person_id=None
                    )
                pooling.set_admission_rule(
                    store, review_id, "each first of the month", person_id=None, moment=moment
                )
            if broken and week % 9 == 5:
                # No worker ran that night; the next one catches up.
                missed += 1
                continue
            while broken and chance.random() < 0.5:
                kills += _killed(values, moment, chance.uniform(0.05, 1.2))
            night(store, settings, moment)
        year.world.faults = {}
        moment += dt.timedelta(days=40)
        night(store, settings, moment)
        # Unless the rule came first.
        with contextlib.suppress(Conflict):
            new = NewAdmission(up_to=moment.date(), person_id=None, moment=moment)
            pooling.admit_pool(store, review_id, new, most_in_full=200)
        with store.read() as session:
            admitted = len(admissions.list_admissions(session, review_id))
            made = len(list_nights(session, review_id, limit=10_000))
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
    """The weeks in which each source is down: some in a row, and none at the end."""
    found: dict[int, list[str]] = {}
    for name in SOURCES:
        length = max(1, weeks // 8)
        first = chance.randint(1, max(1, weeks - length - 2))
        for week in range(first, first + length):
            found.setdefault(week, []).append(name)
    return dict(found)


def compare(weeks: int, *, database_url: str = "", size: int = 1500) -> dict[str, Any]:
    """Run both years, and return where they differ."""
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
    """Records, reports and events that one store has and the other lacks."""
    return sum(
        len([each for each in one[name] if each not in other[name]])
        for name in ("records", "reports", "events")
    )


def main() -> None:
    """Run both years and write benchmarks/results/year.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weeks", type=int, default=52)
    chosen = parser.parse_args()
    started = time.perf_counter()
    found = compare(chosen.weeks)
    found["seconds"] = round(time.perf_counter() - started, 1)
    print(json.dumps(found, indent=1))
    write("year", found)
    if found["differ"] or not found["sums_hold"]:
        sys.exit(f"FAILED: {found['differ']}")


if __name__ == "__main__":
    main()
