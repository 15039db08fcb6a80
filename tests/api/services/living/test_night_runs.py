"""Nights: claimed once, incremental, unaffected by another source's fault, caught up, summed up."""

from __future__ import annotations

import datetime as dt
import io
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from api.schedule import Due, Schedule, ScheduleError, check_schedule, find_due
from api.services.living import (
    night_history,
    night_runs,
    night_summary,
    pooling,
    schedules,
    versions,
)
from api.services.ranking import pool_scores
from api.services.ranking.ranker import Ranker
from api.services.searching import harvesting
from api.services.searching.importing import ImportRequest, import_file
from api.settings import Settings
from api.wording import EVENT_KINDS
from api.worker.worker import Worker
from store.core import tables
from store.core.errors import Conflict
from store.core.session import Store
from store.reports import record_counts, record_events
from store.reviews import reviews
from store.reviews.people import PersonInfo
from store.reviews.reviews import NewReview, ReviewInfo
from store.searching import admissions, flow, pool, pool_membership
from store.searching.admissions import NewAdmission
from store.searching.nights import NightInfo, get_newest_night, get_night, list_nights
from store.searching.runs import run_progress, runs
from store.searching.runs.runs import RunInfo
from tests.api.corpus import until
from tests.api.harvests import Bench, bench
from tests.store.builders import list_all_records

START = dt.datetime(2023, 3, 1, 12, tzinfo=dt.UTC)


class Calendar:
    """A review with a schedule, and a clock that tests move on."""

    def __init__(self, made: Bench) -> None:
        self.bench = made
        self.moment = START
        made.server.world.today = START.date()

    def schedule(self, **values: object) -> Schedule:
        return schedules.set_schedule(
            self.bench.store,
            self.bench.settings,
            self.bench.review.id,
            {"on": True, "cron": "0 2 * * *", **values},
            person_id=self.bench.person.id,
            moment=self.moment,
        )

    def pass_days(self, days: float = 1) -> None:
        self.moment += dt.timedelta(days=days)
        self.bench.server.world.today = self.moment.date()
        self.bench.server.forget()

    def tick(self) -> list[int]:
        return night_runs.run_due(self.bench.store, self.bench.settings, moment=self.moment)

    def walk(self) -> list[RunInfo]:
        with self.bench.store.read() as session:
            due = list(run_progress.get_due_sources(session))
        ended = [harvesting.walk_run(self.bench.store, self.bench.settings, each) for each in due]
        night_runs.end_finished_nights(self.bench.store, moment=self.moment)
        return ended

    def night(self, days: float = 1) -> list[RunInfo]:
        """Let a day pass, and run the night that is due."""
        self.pass_days(days)
        self.tick()
        return self.walk()

    def history(self) -> list[NightInfo]:
        with self.bench.store.read() as session:
            return list_nights(session, self.bench.review.id)

    def arrive(self, number: int = 50_001) -> None:
        """Publish something today that the strategy finds."""
        bench_ = self.bench
        with bench_.store.read() as session:
            held = next(
                int(r.source_id) - 90_000_000
                for r in list_all_records(session, bench_.review.id)
                if r.source == "pubmed" and r.active
            )
        world = bench_.server.world
        like = next(a for a in world.articles if a.number == held)
        title = f"{like.title} and what came of it years later"
        new = replace(like, number=number, title=title, entered=self.moment.date())
        world.articles = [*world.articles, new]
        bench_.server.forget()

    def change(self, number: int, **values: object) -> None:
        """Change an article today."""
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
    with bench(store, settings, review, person, size=300) as made:
        made.save()
        yield Calendar(made)


def numbers(calendar: Calendar) -> set[str]:
    with calendar.bench.store.read() as session:
        found = list_all_records(session, calendar.bench.review.id)
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


def test_no_night_is_due_twice(calendar: Calendar) -> None:
    calendar.schedule()
    calendar.pass_days()
    assert len(calendar.tick()) == 1
    assert calendar.tick() == []
    with calendar.bench.store.read() as session:
        assert len(run_progress.get_due_sources(session)) == 3
    calendar.walk()
    assert calendar.tick() == []
    (night,) = calendar.history()
    assert night.ended_at is not None


def test_a_night_killed_before_its_runs_began_begins_once_more(
    calendar: Calendar,
) -> None:
    wanted = calendar.schedule()
    calendar.pass_days()
    store, review = calendar.bench.store, calendar.bench.review
    assert night_runs._claim_due_night(store, review.id, calendar.moment) is not None
    with store.write() as session:
        night = get_newest_night(session, review.id)
        assert night is not None
        plan = night_runs.NightPlan(night, wanted, calendar.moment.date())
        night_runs._begin_source(session, calendar.bench.settings, plan, "pubmed")
    calendar.tick()
    assert sorted(run.source for run in calendar.walk()) == ["europepmc", "openalex", "pubmed"]


def test_a_source_that_is_down_does_not_stop_others_and_is_asked_again(calendar: Calendar) -> None:
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
        checked = {
            each.source: each
            for each in night_history.list_source_status(session, calendar.bench.review.id)
        }
        newest = get_newest_night(session, calendar.bench.review.id)
        assert newest is not None
        morning = night_summary.build_summary(
            session, calendar.bench.review.id, newest.id, lead=True
        )
    assert checked["europepmc"].failing == 2
    assert checked["europepmc"].age(calendar.moment.date()) == 11
    assert checked["pubmed"].failing == 0
    text = night_summary.format_text(morning, base_url="http://x")
    assert "europepmc: no answer for 2 nights; up to date since 2023-03-02." in text
    calendar.bench.mend()
    up = {run.source: run for run in calendar.night(1)}
    assert up["europepmc"].state == "complete"
    # What was published while the source was down is asked for.
    assert up["europepmc"].since == "2023-02-25"
    before = numbers(calendar)
    calendar.bench.run("europepmc")
    assert numbers(calendar) == before


def test_a_full_run_finds_records_that_disappeared_or_came_back(
    calendar: Calendar,
) -> None:
    calendar.schedule(sources=("pubmed",), whole_days=7)
    calendar.night()
    world, review = calendar.bench.server.world, calendar.bench.review
    with calendar.bench.store.read() as session:
        (gone,) = list_all_records(session, review.id)[:1]
    articles = list(world.articles)
    world.articles = [a for a in articles if a.pmid != gone.source_id]
    assert calendar.night(2)[0].mode == "changes"
    with calendar.bench.store.read() as session:
        assert record_events.list_events(session, review.id, kinds=("vanished",)) == []
    assert calendar.night(6)[0].mode == "whole"
    with calendar.bench.store.read() as session:
        (event,) = record_events.list_events(session, review.id, kinds=("vanished",))
        assert event.record_id == gone.id
    calendar.night(8)
    world.articles = articles
    calendar.night(8)
    with calendar.bench.store.read() as session:
        found = record_events.list_events(session, review.id, kinds=("vanished", "returned"))
    assert [event.kind for event in found] == ["returned", "vanished"]


def test_each_kind_of_event_is_recorded_once_with_its_notice(calendar: Calendar) -> None:
    calendar.schedule(sources=("pubmed", "europepmc"))
    calendar.night()
    review = calendar.bench.review
    with calendar.bench.store.read() as session:
        held = [
            int(r.source_id) - 90_000_000
            for r in list_all_records(session, review.id)
            if r.source == "pubmed"
        ][:5]
    kinds = ("retracted", "republished", "corrected", "concern")
    calendar.pass_days()
    for number, kind in zip(held, kinds, strict=False):
        calendar.change(number, status_notices=((kind, f"8000{number}"),))
    calendar.change(held[4], title="Another title altogether for children and social work")
    calendar.tick()
    calendar.walk()
    calendar.night()
    with calendar.bench.store.read() as session:
        found = record_events.list_events(session, review.id)
    told = sorted((event.kind, event.source, event.detail.get("pmid")) for event in found)
    sources = ("europepmc", "pubmed")
    assert told == sorted(
        [(k, s, f"8000{n}") for n, k in zip(held, kinds, strict=False) for s in sources]
        + [("changed", source, None) for source in sources],
        key=lambda each: (each[0], each[1], each[2] or ""),
    )
    change = next(event for event in found if event.kind == "changed")
    assert change.detail["fields"]["title"]["after"].startswith("Another title")
    # What was stored is what was shown; the source's new text is kept next to it.
    assert not (change.title or "").startswith("Another title")


def test_records_found_after_the_freeze_wait_and_change_no_count(calendar: Calendar) -> None:
    calendar.schedule()
    calendar.night()
    store, review = calendar.bench.store, calendar.bench.review
    with store.write() as session:
        pool_membership.set_freeze_date(session, review.id, calendar.moment.date(), person_id=None)
    with store.read() as session:
        before = (
            record_counts.count_reports(session, review.id),
            flow.count_flow(session, review.id),
        )
    calendar.pass_days(40)
    calendar.arrive()
    calendar.tick()
    later = calendar.walk()
    assert all(run.pooled for run in later)
    with store.read() as session:
        assert (
            record_counts.count_reports(session, review.id),
            flow.count_flow(session, review.id),
        ) == before
        assert pool.count_records(session, review.id) > 0
        newest = get_newest_night(session, review.id)
        assert newest is not None
        morning = night_summary.build_summary(session, review.id, newest.id, lead=True)
    assert morning.pooled
    # One report, from three sources.
    assert (morning.new, len(morning.reports)) == (1, 1)
    assert sorted(morning.reports[0].sources) == ["europepmc", "openalex", "pubmed"]
    assert morning.waiting == 3


def test_records_found_again_do_not_wait_and_make_no_top_up(calendar: Calendar) -> None:
    calendar.schedule(whole_days=300)
    calendar.night()
    store, review = calendar.bench.store, calendar.bench.review
    with store.write() as session:
        pool_membership.set_freeze_date(session, review.id, calendar.moment.date(), person_id=None)
    pooling.set_admission_rule(store, review.id, "each day", person_id=None, moment=calendar.moment)
    # OpenAlex returns the days of its overlap again, whose records are all known already.
    again = {run.source: run for run in calendar.night(1)}
    assert again["openalex"].received > 0
    assert sum(run.new for run in again.values()) == 0
    calendar.pass_days(0.9)
    calendar.tick()
    with store.read() as session:
        assert pool.count_records(session, review.id) == 0
        assert pool.count_by_search(session, review.id) == []
        assert admissions.list_admissions(session, review.id) == []
    with pytest.raises(Conflict, match="no incoming records"):
        new = NewAdmission(up_to=calendar.moment.date(), person_id=None)
        pooling.admit_pool(store, review.id, new, most_in_full=200)


def test_a_rule_admits_the_records_that_came_before_its_day(calendar: Calendar) -> None:
    calendar.schedule(zone="Europe/London")
    calendar.night()
    store, review = calendar.bench.store, calendar.bench.review
    with store.write() as session:
        pool_membership.set_freeze_date(session, review.id, calendar.moment.date(), person_id=None)
    pooling.set_admission_rule(
        store, review.id, "each Monday", person_id=None, moment=calendar.moment
    )
    # 2023-03-02 is a Thursday.
    calendar.arrive()
    calendar.night(1)
    calendar.night(1)
    with store.read() as session:
        assert admissions.list_admissions(session, review.id) == []
    calendar.night(2)
    calendar.tick()
    with store.read() as session:
        (admission,) = admissions.list_admissions(session, review.id)
    assert (admission.records, admission.reports) == (3, 1)
    assert (admission.name, admission.up_to, admission.rule) == (
        "top-up 1",
        "2023-03-06",
        "each Monday",
    )


def test_a_run_stopped_by_a_person_is_not_resumed_at_night(calendar: Calendar) -> None:
    calendar.schedule()
    run = calendar.bench.begin("pubmed")
    with calendar.bench.store.write() as session:
        run_progress.stop_run(session, run, calendar.bench.review.id, person_id=None)
    assert {run.source for run in calendar.night()} == {"europepmc", "openalex"}
    (night,) = calendar.history()
    assert "was stopped by a person" in night.problems["pubmed"]


def test_a_narrowing_loss_stops_the_searches_of_one_source(calendar: Calendar) -> None:
    calendar.bench.save("#1 child*[tiab] OR ab*[tiab]\n", accepted=False)
    calendar.schedule()
    calendar.night()
    (night,) = calendar.history()
    assert "find less than the strategy asks for" in night.problems["openalex"]
    assert night.ended_at is not None


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"cron": "0 2 30 2 *"}, "not a cron line: bad day-of-month"),
        ({"cron": "* * * * *"}, "comes due again after 1 minute;"),
        ({"cron": "0 2 * *"}, "needs five fields"),
        ({"cron": "0 25 * * *"}, "not a cron line: bad hour"),
        ({"zone": "Europe/Glasgow"}, "There is no time zone 'Europe/Glasgow'"),
    ],
)
def test_an_impossible_schedule_is_refused(values: dict[str, str], words: str) -> None:
    wanted = Schedule(**{"on": True, **values})  # type: ignore[arg-type] # fields of a schedule
    with pytest.raises(ScheduleError, match=words):
        check_schedule(wanted, shortest=dt.timedelta(hours=1), moment=START)


def test_a_schedule_with_an_unknown_source_is_refused(calendar: Calendar) -> None:
    with pytest.raises(ScheduleError, match="There is no source 'scopus'"):
        calendar.schedule(sources=("scopus",))


def test_a_change_keeps_what_it_does_not_name(calendar: Calendar) -> None:
    calendar.schedule(sources=("pubmed",), whole_days=7)
    made = calendar.bench
    kept = schedules.set_schedule(
        made.store, made.settings, made.review.id, {"zone": "Europe/London"}, person_id=None
    )
    assert (kept.on, kept.zone, kept.sources, kept.whole_days) == (
        True,
        "Europe/London",
        ("pubmed",),
        7,
    )


def test_a_stored_schedule_with_a_new_cron_line_begins_with_the_change(calendar: Calendar) -> None:
    stored = calendar.schedule()
    calendar.pass_days(3)
    changed = calendar.schedule(**{**stored.model_dump(), "cron": "0 4 * * *"})
    assert changed.since == calendar.moment
    assert calendar.tick() == []


def test_a_change_of_the_sources_does_not_move_the_beginning(calendar: Calendar) -> None:
    began = calendar.schedule().since
    calendar.pass_days(3)
    assert calendar.schedule(sources=("pubmed",)).since == began == START


def test_every_kind_of_event_has_words() -> None:
    assert set(EVENT_KINDS) == set(tables.EVENT_KINDS)


def test_a_broken_schedule_of_one_review_does_not_stop_others(
    calendar: Calendar,
) -> None:
    calendar.schedule(sources=("pubmed",))
    store = calendar.bench.store
    with store.write() as session:
        other = reviews.create_review(
            session, NewReview("other", "Other", {}), person_id=calendar.bench.person.id
        )
        broken = {"on": True, "cron": "nonsense", "zone": "UTC", "since": START.isoformat()}
        reviews.update_settings(session, other.id, {"schedule": broken}, person_id=None)
    assert [run.source for run in calendar.night()] == ["pubmed"]


def test_a_night_cannot_be_started_by_hand_while_another_runs(calendar: Calendar) -> None:
    made = calendar.bench
    night_runs.start_night(made.store, made.settings, made.review.id, moment=calendar.moment)
    with pytest.raises(Conflict, match="already running"):
        night_runs.start_night(made.store, made.settings, made.review.id, moment=calendar.moment)


def _list_nights(store: Store, review: ReviewInfo) -> list[NightInfo]:
    with store.read() as session:
        return list_nights(session, review.id)


def test_several_workers_run_each_night_once(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    with bench(store, settings, review, person, size=120) as made:
        made.save()
        limits = made.settings.harvest.model_copy(update={"shortest_minutes": 1})
        chosen = made.settings.model_copy(
            update={"harvest": limits, "pipeline": "elas-u4", "worker_idle_seconds": 0.5}
        )
        # The schedule began two minutes ago, so that one night is due as the workers start.
        since = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=2)
        wanted = {"on": True, "cron": "* * * * *"}
        schedules.set_schedule(store, chosen, review.id, wanted, person_id=person.id, moment=since)
        # Each checks on its own, as on two machines; SQLite is for one worker.
        workers = [Worker(store, chosen) for _ in range(2 if store.dialect != "sqlite" else 1)]
        threads = [threading.Thread(target=worker.run) for worker in workers]
        for thread in threads:
            thread.start()
        try:
            until(lambda: any(night.told_at for night in _list_nights(store, review)))
        finally:
            for worker in workers:
                worker.stop()
            for thread in threads:
                thread.join()
        history = _list_nights(store, review)
        with store.read() as session:
            made_runs = runs.list_runs(session, review.id)
    assert len({night.due_at for night in history}) == len(history)
    for night in history:
        mine = sorted(run.source for run in made_runs if run.night_id == night.id)
        assert mine == sorted(set(mine))
    # A failed run may have gone on in the next night; then its own night keeps the reason.
    with store.read() as session:
        first = get_night(session, history[-1].id)
    asked = {run.source for run in made_runs if run.night_id == first.id}
    assert asked | first.problems.keys() == {"europepmc", "openalex", "pubmed"}


@pytest.mark.parametrize(
    ("cron", "zone", "after", "due"),
    [
        # 01:30 does not exist in London on 26 March 2023; the search is due right after the jump.
        ("30 1 * * *", "Europe/London", "2023-03-25T12:00", "2023-03-26T01:00"),
        ("30 1 * * *", "Europe/London", "2023-03-26T12:00", "2023-03-27T00:30"),
        # 01:30 comes twice on 29 October 2023, and is due once.
        ("30 1 * * *", "Europe/London", "2023-10-28T12:00", "2023-10-29T00:30"),
        ("30 1 * * *", "Europe/London", "2023-10-29T00:30", "2023-10-30T01:30"),
    ],
)
def test_a_night_runs_once_on_days_when_the_clocks_change(
    cron: str, zone: str, after: str, due: str
) -> None:
    start = dt.datetime.fromisoformat(after).replace(tzinfo=dt.UTC)
    wanted = dt.datetime.fromisoformat(due).replace(tzinfo=dt.UTC)
    just_before = wanted - dt.timedelta(seconds=1)
    assert find_due(cron, zone, after=start, moment=just_before) is None
    assert find_due(cron, zone, after=start, moment=wanted) == Due(wanted, 0)


def test_a_run_whose_source_repeats_a_cursor_ends_and_the_next_night_starts_again(
    calendar: Calendar,
) -> None:
    calendar.bench.use_key()
    calendar.schedule(sources=("openalex",))
    calendar.night()
    calendar.bench.fault("openalex", "stuck")
    (run,) = calendar.night(200)
    assert run.state == "failed"
    assert "records that were due" in (run.stop_reason or "")
    calendar.bench.mend()
    (run,) = calendar.night(4)
    assert run.state == "complete"


def test_a_finished_review_continues_as_a_living_one(
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
    done = versions.complete_version(made.store, made.review.id, person_id=made.person.id)
    assert (done.number, done.included) == (1, 6)
    calendar.schedule(sources=("pubmed",))
    (run,) = calendar.night()
    assert run.pooled
    assert run.new > 0
    scores = pool_scores.score_pool(Ranker(made.store, made.settings), made.store, made.review.id)
    assert scores is not None
    assert len(scores) == run.new
    with made.store.read() as session:
        newest = get_newest_night(session, made.review.id)
        assert newest is not None
        morning = night_summary.build_summary(session, made.review.id, newest.id, lead=True)
        team = night_summary.build_summary(session, made.review.id, newest.id, lead=False)
    found = [report.score for report in morning.reports]
    assert None not in found
    assert found == sorted(found, key=lambda score: -(score or 0.0))
    assert [report.score for report in team.reports] == [None] * len(team.reports)
    came = [report.report_id for report in team.reports]
    assert came == sorted(came), "the order would give the scores away"
