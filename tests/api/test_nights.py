"""Nights: claimed once, incremental, one source's fault its own, caught up, summed up."""

from __future__ import annotations

import datetime as dt
import io
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from api import schedule as schedules
from api.schedule import Schedule, ScheduleError
from api.services import harvesting, mornings, nights, pool_scores, pooling, versions
from api.services.importing import ImportRequest, import_file
from api.services.ranking import Ranker
from api.settings import Settings
from api.worker import Worker
from store import admissions, events, flow, pool, records, reviews, runs
from store import nights as stored
from store.errors import Conflict
from store.people import PersonInfo
from store.reviews import ReviewInfo
from store.runs import RunInfo
from store.session import Store
from tests.api.harvests import Bench, bench

START = dt.datetime(2023, 3, 1, 12, tzinfo=dt.UTC)


class Calendar:
    """A review with a schedule, and a day that goes on."""

    def __init__(self, made: Bench) -> None:
        self.bench = made
        self.moment = START
        made.server.world.today = START.date()

    def schedule(self, **values: object) -> Schedule:
        wanted = Schedule(**{"on": True, "cron": "0 2 * * *", **values})  # type: ignore[arg-type] # fields of a schedule
        with self.bench.store.write() as session:
            return nights.set_schedule(
                session,
                self.bench.settings,
                self.bench.review.id,
                wanted,
                person_id=self.bench.person.id,
                moment=self.moment,
            )

    def pass_days(self, days: float = 1) -> None:
        self.moment += dt.timedelta(days=days)
        self.bench.server.world.today = self.moment.date()
        self.bench.server.forget()

    def tick(self) -> list[int]:
        return nights.tick(self.bench.store, self.bench.settings, moment=self.moment)

    def walk(self) -> list[RunInfo]:
        with self.bench.store.read() as session:
            due = runs.due(session)
        ended = [harvesting.walk(self.bench.store, self.bench.settings, each) for each in due]
        nights.end_over(self.bench.store, moment=self.moment)
        return ended

    def night(self, days: float = 1) -> list[RunInfo]:
        """A day passes, and the night that is due is made."""
        self.pass_days(days)
        self.tick()
        return self.walk()

    def history(self) -> list[stored.NightInfo]:
        with self.bench.store.read() as session:
            return stored.everything(session, self.bench.review.id)

    def arrive(self, number: int = 50_001) -> None:
        """Something new comes out today that the strategy finds."""
        bench_ = self.bench
        with bench_.store.read() as session:
            held = next(
                int(r.source_id) - 90_000_000
                for r in records.everything_of(session, bench_.review.id)
                if r.source == "pubmed" and r.active
            )
        world = bench_.server.world
        like = next(a for a in world.articles if a.number == held)
        title = f"{like.title} and what came of it years later"
        new = replace(like, number=number, title=title, entered=self.moment.date())
        world.articles = [*world.articles, new]
        bench_.server.forget()

    def change(self, number: int, **values: object) -> None:
        """Something happens to an article today."""
        world = self.bench.server.world
        world.articles = [
            replace(a, **{"changed": self.moment.date(), **values}) if a.number == number else a
            for a in world.articles
        ]
        self.bench.server.forget()


@pytest.fixture
def calendar(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> Iterator[Calendar]:
    with bench(store, settings, review, person, size=600) as made:
        made.save()
        yield Calendar(made)


def numbers(calendar: Calendar) -> set[str]:
    with calendar.bench.store.read() as session:
        found = records.everything_of(session, calendar.bench.review.id)
    return {f"{record.source}:{record.source_id}" for record in found}


def test_the_first_night_asks_for_everything_and_the_next_for_changes(calendar: Calendar) -> None:
    calendar.schedule(whole_days=300)
    first = calendar.night()
    assert {run.source for run in first} == {"pubmed", "europepmc", "openalex"}
    assert {run.mode for run in first} == {"whole"}
    assert all(run.state == "complete" for run in first)
    second = calendar.night()
    assert {run.mode for run in second} == {"changes"}
    assert all(run.state == "complete" and run.until == "2023-03-03" for run in second)
    since = {run.source: run.since for run in second}
    assert since["pubmed"] == "2023-02-25"
    assert since["openalex"] == "2022-11-02"
    later = calendar.night(200)
    assert sum(run.new for run in later) > 0
    whole = {run.source: run.received for run in first}
    assert all(run.received < whole[run.source] for run in later)
    assert [night.missed for night in calendar.history()] == [199, 0, 0]


def test_nothing_is_due_twice(calendar: Calendar) -> None:
    calendar.schedule()
    calendar.pass_days()
    assert len(calendar.tick()) == 1
    assert calendar.tick() == []
    with calendar.bench.store.read() as session:
        assert len(runs.due(session)) == 3
    calendar.walk()
    assert calendar.tick() == []
    (night,) = calendar.history()
    assert night.ended_at is not None


def test_a_night_that_was_killed_before_its_runs_were_begun_is_begun_once(
    calendar: Calendar,
) -> None:
    wanted = calendar.schedule()
    calendar.pass_days()
    store, review = calendar.bench.store, calendar.bench.review
    assert nights._claim_due(store, review.id, calendar.moment) is not None
    with store.write() as session:
        night = stored.newest(session, review.id)
        assert night is not None
        nights._begin_source(
            *(session, calendar.bench.settings, night, wanted, "pubmed"),
            calendar.moment.date(),
        )
    calendar.tick()
    assert sorted(run.source for run in calendar.walk()) == ["europepmc", "openalex", "pubmed"]


def test_a_source_that_is_down_stops_no_other_and_is_asked_again(calendar: Calendar) -> None:
    calendar.schedule()
    calendar.night()
    calendar.bench.fault("europepmc", "broken")
    down = calendar.night(10)
    assert {run.source: run.state for run in down} == {
        "pubmed": "complete",
        "europepmc": "failed",
        "openalex": "complete",
    }
    calendar.night(1)
    with calendar.bench.store.read() as session:
        checked = {each.source: each for each in nights.checked(session, calendar.bench.review.id)}
        newest = stored.newest(session, calendar.bench.review.id)
        assert newest is not None
        morning = mornings.morning(session, calendar.bench.review.id, newest.id, lead=True)
    assert checked["europepmc"].failing == 2
    assert checked["europepmc"].age(calendar.moment.date()) == 11
    assert checked["pubmed"].failing == 0
    text = mornings.as_text(morning, base_url="http://x")
    assert "europepmc is stale: last gone through 2023-03-02, failing for 2 nights." in text
    calendar.bench.mend()
    up = {run.source: run for run in calendar.night(1)}
    assert up["europepmc"].state == "complete"
    # What came out while it was down is asked for.
    assert up["europepmc"].since == "2023-02-25"
    before = numbers(calendar)
    calendar.bench.run("europepmc")
    assert numbers(calendar) == before


def test_a_whole_run_finds_what_has_disappeared_and_what_is_there_again(
    calendar: Calendar,
) -> None:
    calendar.schedule(sources=("pubmed",), whole_days=7)
    calendar.night()
    world, review = calendar.bench.server.world, calendar.bench.review
    with calendar.bench.store.read() as session:
        (gone,) = records.everything_of(session, review.id)[:1]
    articles = list(world.articles)
    world.articles = [a for a in articles if a.pmid != gone.source_id]
    assert calendar.night(2)[0].mode == "changes"
    with calendar.bench.store.read() as session:
        assert events.everything(session, review.id, kinds=("vanished",)) == []
    assert calendar.night(6)[0].mode == "whole"
    with calendar.bench.store.read() as session:
        (event,) = events.everything(session, review.id, kinds=("vanished",))
        assert event.record_id == gone.id
    calendar.night(8)
    world.articles = articles
    calendar.night(8)
    with calendar.bench.store.read() as session:
        found = events.everything(session, review.id, kinds=("vanished", "returned"))
    assert [event.kind for event in found] == ["returned", "vanished"]


def test_each_kind_of_event_is_raised_once_with_its_notice(calendar: Calendar) -> None:
    calendar.schedule(sources=("pubmed", "europepmc"))
    calendar.night()
    review = calendar.bench.review
    with calendar.bench.store.read() as session:
        held = [
            int(r.source_id) - 90_000_000
            for r in records.everything_of(session, review.id)
            if r.source == "pubmed"
        ][:5]
    kinds = ("retracted", "republished", "corrected", "concern")
    calendar.pass_days()
    for number, kind in zip(held, kinds, strict=False):
        calendar.change(number, remarks=((kind, f"8000{number}"),))
    calendar.change(held[4], title="Another title altogether for children and social work")
    calendar.tick()
    calendar.walk()
    calendar.night()
    with calendar.bench.store.read() as session:
        found = events.everything(session, review.id)
    told = sorted((event.kind, event.source, event.detail.get("pmid")) for event in found)
    sources = ("europepmc", "pubmed")
    assert told == sorted(
        [(k, s, f"8000{n}") for n, k in zip(held, kinds, strict=False) for s in sources]
        + [("changed", source, None) for source in sources],
        key=lambda each: (each[0], each[1], each[2] or ""),
    )
    change = next(event for event in found if event.kind == "changed")
    assert change.detail["fields"]["title"]["after"].startswith("Another title")
    # What was stored is what was shown; the source's new words stand beside it.
    assert not (change.title or "").startswith("Another title")


def test_what_comes_after_the_freeze_waits_and_changes_no_count(calendar: Calendar) -> None:
    calendar.schedule()
    calendar.night()
    store, review = calendar.bench.store, calendar.bench.review
    with store.write() as session:
        pool.set_freeze(session, review.id, calendar.moment.date(), person_id=None)
    with store.read() as session:
        before = (records.counts(session, review.id), flow.flow(session, review.id))
    calendar.pass_days(40)
    calendar.arrive()
    calendar.tick()
    later = calendar.walk()
    assert all(run.pooled for run in later)
    with store.read() as session:
        assert (records.counts(session, review.id), flow.flow(session, review.id)) == before
        assert pool.waiting(session, review.id) > 0
        newest = stored.newest(session, review.id)
        assert newest is not None
        morning = mornings.morning(session, review.id, newest.id, lead=True)
    assert morning.pooled
    # One report, of three sources.
    assert (morning.new, len(morning.reports)) == (1, 1)
    assert sorted(morning.reports[0].sources) == ["europepmc", "openalex", "pubmed"]
    assert morning.waiting == 3


def test_what_a_night_brings_again_does_not_wait_and_makes_no_top_up(calendar: Calendar) -> None:
    calendar.schedule(whole_days=300)
    calendar.night()
    store, review = calendar.bench.store, calendar.bench.review
    with store.write() as session:
        pool.set_freeze(session, review.id, calendar.moment.date(), person_id=None)
        nights.set_rule(session, review.id, "each day", person_id=None, moment=calendar.moment)
    # OpenAlex gives the days of its overlap again, all of them held already.
    again = {run.source: run for run in calendar.night(1)}
    assert again["openalex"].received > 0
    assert sum(run.new for run in again.values()) == 0
    calendar.pass_days(0.9)
    calendar.tick()
    with store.read() as session:
        assert pool.waiting(session, review.id) == 0
        assert pool.by_search(session, review.id) == []
        assert admissions.everything(session, review.id) == []
    with pytest.raises(Conflict, match="nothing waits"):
        pooling.admit(store, review.id, calendar.moment.date(), in_full=200, person_id=None)


def test_a_rule_admits_what_had_come_by_then(calendar: Calendar) -> None:
    calendar.schedule(zone="Europe/London")
    calendar.night()
    store, review = calendar.bench.store, calendar.bench.review
    with store.write() as session:
        pool.set_freeze(session, review.id, calendar.moment.date(), person_id=None)
        nights.set_rule(session, review.id, "each Monday", person_id=None, moment=calendar.moment)
    # 2023-03-02 is a Thursday.
    calendar.arrive()
    calendar.night(1)
    calendar.night(1)
    with store.read() as session:
        assert admissions.everything(session, review.id) == []
    calendar.night(2)
    calendar.tick()
    with store.read() as session:
        (admission,) = admissions.everything(session, review.id)
    assert (admission.records, admission.reports) == (3, 1)
    assert (admission.name, admission.up_to, admission.rule) == (
        "top-up 1",
        "2023-03-06",
        "each Monday",
    )


def test_a_run_that_a_person_stopped_is_left_to_them(calendar: Calendar) -> None:
    calendar.schedule()
    run = calendar.bench.begin("pubmed")
    with calendar.bench.store.write() as session:
        runs.stop(session, run, calendar.bench.review.id, person_id=None)
    assert {run.source for run in calendar.night()} == {"europepmc", "openalex"}
    (night,) = calendar.history()
    assert "was stopped by a person" in night.problems["pubmed"]


def test_a_narrowing_loss_keeps_one_source_from_being_asked(calendar: Calendar) -> None:
    calendar.bench.save("#1 child*[tiab] OR ab*[tiab]\n", accepted=False)
    calendar.schedule()
    calendar.night()
    (night,) = calendar.history()
    assert "find less than the strategy asks for" in night.problems["openalex"]
    assert night.ended_at is not None


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"cron": "0 2 30 2 *"}, "no cron line: bad day-of-month"),
        ({"cron": "* * * * *"}, "comes due again after 1 minutes"),
        ({"cron": "0 2 * *"}, "no cron line of five fields"),
        ({"cron": "0 25 * * *"}, "no cron line: bad hour"),
        ({"zone": "Europe/Glasgow"}, "There is no time zone 'Europe/Glasgow'"),
    ],
)
def test_a_schedule_that_cannot_be_kept_is_refused(values: dict[str, str], words: str) -> None:
    wanted = Schedule(**{"on": True, **values})  # type: ignore[arg-type] # fields of a schedule
    with pytest.raises(ScheduleError, match=words):
        schedules.check(wanted, shortest=dt.timedelta(hours=1), moment=START)


def test_a_schedule_of_an_unknown_source_is_refused(calendar: Calendar) -> None:
    with pytest.raises(ScheduleError, match="There is no source 'scopus'"):
        calendar.schedule(sources=("scopus",))


def test_one_review_whose_schedule_broke_keeps_no_other_from_its_night(
    calendar: Calendar,
) -> None:
    calendar.schedule(sources=("pubmed",))
    store = calendar.bench.store
    with store.write() as session:
        other = reviews.create(
            session, slug="other", title="Other", protocol={}, person_id=calendar.bench.person.id
        )
        broken = {"on": True, "cron": "nonsense", "zone": "UTC", "since": START.isoformat()}
        reviews.set_settings(session, other.id, {"schedule": broken}, person_id=None)
    assert [run.source for run in calendar.night()] == ["pubmed"]


def test_a_night_is_not_begun_by_hand_while_another_is_under_way(calendar: Calendar) -> None:
    made = calendar.bench
    nights.begin_now(made.store, made.settings, made.review.id, moment=calendar.moment)
    with pytest.raises(Conflict, match="under way"):
        nights.begin_now(made.store, made.settings, made.review.id, moment=calendar.moment)


def test_workers_make_each_night_once(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    with bench(store, settings, review, person, size=120) as made:
        made.save()
        limits = made.settings.harvest.model_copy(update={"shortest_minutes": 1})
        chosen = made.settings.model_copy(
            update={"harvest": limits, "pipeline": "elas-u4", "worker_idle_seconds": 0.5}
        )
        with store.write() as session:
            wanted = Schedule(on=True, cron="* * * * *")
            nights.set_schedule(
                session,
                chosen,
                review.id,
                wanted,
                person_id=person.id,
                # Two minutes ago, so that one is due as the workers start.
                moment=dt.datetime.now(dt.UTC) - dt.timedelta(minutes=2),
            )
        # Each looks for itself, as on two machines; SQLite is for one worker.
        workers = [Worker(store, chosen) for _ in range(2 if store.dialect != "sqlite" else 1)]
        threads = [threading.Thread(target=worker.run) for worker in workers]
        for thread in threads:
            thread.start()
        try:
            until = time.monotonic() + 60
            history: list[stored.NightInfo] = []
            while time.monotonic() < until:
                with store.read() as session:
                    history = stored.everything(session, review.id)
                if any(night.told_at for night in history):
                    break
                time.sleep(0.2)
        finally:
            for worker in workers:
                worker.stop()
            for thread in threads:
                thread.join()
        with store.read() as session:
            made_runs = runs.everything(session, review.id)
    assert any(night.told_at for night in history)
    assert len({night.due_at for night in history}) == len(history)
    for night in history:
        mine = sorted(run.source for run in made_runs if run.night_id == night.id)
        assert mine == sorted(set(mine))
    # A run that failed may have gone on in the next night; then its own night keeps why.
    with store.read() as session:
        first = stored.by_id(session, history[-1].id)
    asked = {run.source for run in made_runs if run.night_id == first.id}
    assert asked | first.problems.keys() == {"europepmc", "openalex", "pubmed"}


@pytest.mark.parametrize(
    ("cron", "zone", "after", "due"),
    [
        # 01:30 does not exist in London on 26 March 2023: it comes right after the jump.
        ("30 1 * * *", "Europe/London", "2023-03-25T12:00", "2023-03-26T01:00"),
        ("30 1 * * *", "Europe/London", "2023-03-26T12:00", "2023-03-27T00:30"),
        # 01:30 comes twice on 29 October 2023, and is due once.
        ("30 1 * * *", "Europe/London", "2023-10-28T12:00", "2023-10-29T00:30"),
        ("30 1 * * *", "Europe/London", "2023-10-29T00:30", "2023-10-30T01:30"),
    ],
)
def test_a_night_comes_once_on_days_when_the_clocks_change(
    cron: str, zone: str, after: str, due: str
) -> None:
    start = dt.datetime.fromisoformat(after).replace(tzinfo=dt.UTC)
    wanted = dt.datetime.fromisoformat(due).replace(tzinfo=dt.UTC)
    just_before = wanted - dt.timedelta(seconds=1)
    assert schedules.due(cron, zone, after=start, moment=just_before) is None
    assert schedules.due(cron, zone, after=start, moment=wanted) == schedules.Due(wanted, 0)


def test_a_source_that_gives_the_same_cursor_again_is_left_and_asked_anew(
    calendar: Calendar,
) -> None:
    calendar.schedule(sources=("openalex",))
    calendar.night()
    calendar.bench.fault("openalex", "stuck")
    (run,) = calendar.night(200)
    assert run.state == "failed"
    assert "the place that it gave before" in (run.stop_reason or "")
    calendar.bench.mend()
    (run,) = calendar.night(4)
    assert run.state == "complete"


def test_a_finished_review_goes_on_as_a_living_one(
    calendar: Calendar, tmp_path: Path, quick_encoder: None
) -> None:
    made = calendar.bench
    rows = ["title,abstract,included"]
    for number in range(12):
        word = "children and social work together" if number % 2 else "dental surgery of adults"
        rows.append(f"Study {number} of {word},All about {word} number {number},{number % 2}")
    request = ImportRequest(
        search_fields={"source": "ASSIA", "run_on": "2022-11-01"}, labels="decisions"
    )
    outcome = import_file(
        made.store,
        made.review.id,
        io.BytesIO("\n".join(rows).encode()),
        "finished.csv",
        request,
        person_id=made.person.id,
    )
    assert outcome.decisions_added == 12
    done = versions.complete(made.store, made.review.id, person_id=made.person.id)
    assert (done.number, done.included) == (1, 6)
    calendar.schedule(sources=("pubmed",))
    (run,) = calendar.night()
    assert run.pooled
    assert run.new > 0
    scores = pool_scores.make(Ranker(made.store, made.settings), made.store, made.review.id)
    assert scores is not None
    assert len(scores) == run.new
    with made.store.read() as session:
        newest = stored.newest(session, made.review.id)
        assert newest is not None
        morning = mornings.morning(session, made.review.id, newest.id, lead=True)
        team = mornings.morning(session, made.review.id, newest.id, lead=False)
    found = [report.score for report in morning.reports]
    assert None not in found
    assert found == sorted(found, key=lambda score: -(score or 0.0))
    assert [report.score for report in team.reports] == [None] * len(team.reports)
    came = [report.report_id for report in team.reports]
    assert came == sorted(came), "the order would tell what the scores are"
