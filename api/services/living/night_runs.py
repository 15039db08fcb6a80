"""Nights: claimed when they come due, their runs begun, and ended when the runs have ended.

A night asks each source for what it has indexed or changed since its last good run, with an
overlap. Now and then it asks for everything, to notice records that have disappeared. A source that
does not answer stops no other, and is asked again the next night.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from api.refusals import Blocked
from api.schedule import Schedule, find_due, get_rule_cron, get_zone
from api.services.living import pooling
from api.services.living.schedules import get_schedule
from api.services.searching import strategies
from api.services.searching.run_starts import NightWindow, start_night_run
from api.settings import Settings
from harvest.errors import StrategyError
from store.core.errors import Conflict, NotFound
from store.core.session import ReadSession, Store, WriteSession
from store.reviews import reviews
from store.searching import admissions, nights, pool_membership
from store.searching.admissions import NewAdmission
from store.searching.nights import NightInfo
from store.searching.runs import run_endings, run_outlines, run_progress, runs
from store.searching.runs.run_outlines import RunOutline

logger = logging.getLogger(__name__)

# A run for everything that failed longer ago starts again: by now its cursor may point elsewhere.
_STALE = dt.timedelta(days=3)


@dataclass(frozen=True, slots=True)
class NightPlan:
    """A night, the schedule that it follows, and its day in the schedule's time zone."""

    night: NightInfo
    schedule: Schedule
    today: dt.date


def run_due(store: Store, settings: Settings, *, moment: dt.datetime | None = None) -> list[int]:
    """Do all that is due: claim nights, begin their runs, admit by rules, end finished nights.

    Two workers may do this at once: a database row claims each night, and each source is begun once
    a night.

    Returns:
        Nights whose runs were begun.
    """
    moment = moment or dt.datetime.now(dt.UTC)
    end_finished_nights(store, moment=moment)
    with store.read() as session:
        review_ids = reviews.list_review_ids(session)
    for review_id in review_ids:
        _try(partial(_claim_due_night, store, review_id, moment), review_id)
    with store.read() as session:
        unfinished = nights.list_unfinished_nights(session)
    waiting = [night for night in unfinished if night.begun_at is None]
    for night in waiting:
        _try(partial(_begin_night, store, settings, night, moment), night.review_id)
    end_finished_nights(store, moment=moment)
    for review_id in review_ids:
        _try(partial(_admit_due, store, settings, review_id, moment), review_id)
    return [night.id for night in waiting]


def _try(work: Callable[[], object], review_id: int) -> None:
    """Do something for one review; if it fails, the other reviews still get their turn."""
    try:
        work()
    except Exception:
        logger.exception("the tick failed for review %s", review_id)


def start_night(
    store: Store, settings: Settings, review_id: int, *, moment: dt.datetime | None = None
) -> NightInfo:
    """Begin a night now, as if it were due.

    Raises:
        Conflict: another night of the review is under way.
    """
    moment = moment or dt.datetime.now(dt.UTC)
    end_finished_nights(store, moment=moment)
    with store.write() as session:
        night_id = nights.claim_night(session, review_id, moment, missed=0, started=moment)
        if night_id is None:
            raise Conflict("a scheduled search of this review is already running")
        session.flush()
        night = nights.get_night(session, night_id)
    _begin_night(store, settings, night, moment)
    with store.read() as session:
        return nights.get_night(session, night_id)


def find_abandoned_night(store: Store, settings: Settings, review_id: int) -> NightInfo | None:
    """The open night of a review whose process has ended, with all its runs begun; None if none.

    Raises:
        Conflict: another process that is alive searches a source for it.
    """
    end_finished_nights(store)
    with store.read() as session:
        unfinished = nights.list_unfinished_nights(session)
        night = next((each for each in unfinished if each.review_id == review_id), None)
        if night is None:
            return None
        due = run_progress.get_due_sources(session)
        held = [
            run
            for run in runs.list_runs_of_night(session, night.id)
            if run.state == "running" and run.id not in due
        ]
    if held:
        raise Conflict(
            "a scheduled search of this review is already running: another process searches "
            f"{held[0].source} for it (run {held[0].id})"
        )
    if night.begun_at is None:
        _begin_night(store, settings, night, dt.datetime.now(dt.UTC))
    return night


def _claim_due_night(store: Store, review_id: int, moment: dt.datetime) -> int | None:
    with store.read() as session:
        schedule = get_schedule(reviews.get_review(session, review_id))
        if not schedule.on:
            return None
        last = nights.get_newest_night(session, review_id)
    after = max(filter(None, (schedule.since, last.due_at if last else None)), default=moment)
    due = find_due(schedule.cron, schedule.zone, after=after, moment=moment)
    if due is None:
        return None
    with store.write() as session:
        return nights.claim_night(session, review_id, due.at, missed=due.missed, started=moment)


def _begin_night(store: Store, settings: Settings, night: NightInfo, moment: dt.datetime) -> None:
    """Begin a night's runs, each in a transaction of its own.

    If the process is killed half-way, calling this again begins only the runs that are missing.
    """
    with store.read() as session:
        schedule = get_schedule(reviews.get_review(session, night.review_id))
        begun = _sources_begun(session, night.id) | night.problems.keys()
    plan = NightPlan(night, schedule, moment.astimezone(get_zone(schedule.zone)).date())
    for name in schedule.sources or tuple(settings.sources):
        if name not in begun:
            with store.write() as session:
                _begin_once(session, settings, plan, name)
    with store.write() as session:
        nights.mark_started(session, night.id)


def _sources_begun(session: ReadSession, night_id: int) -> set[str]:
    return {run.source for run in runs.list_runs_of_night(session, night_id)}


def _begin_once(session: WriteSession, settings: Settings, plan: NightPlan, name: str) -> None:
    """Begin a night's run at a source unless another worker has; if it cannot begin, note why."""
    night = plan.night
    reviews.lock_review(session, night.review_id)
    if name in _sources_begun(session, night.id):
        return
    try:
        with session.begin_nested():
            _begin_source(session, settings, plan, name)
    except (Blocked, StrategyError) as error:
        nights.record_problem(session, night.id, name, f"{error} {error.remedy}".strip())
    except (Conflict, NotFound) as error:
        nights.record_problem(session, night.id, name, f"{error}.")


def _begin_source(session: WriteSession, settings: Settings, plan: NightPlan, name: str) -> None:
    if name not in settings.sources:
        raise NotFound(f"this installation has no source {name!r}")
    review_id = plan.night.review_id
    current = strategies.get_current(session, review_id)
    earlier = run_outlines.list_run_outlines_of_line(
        session, review_id, name, current.info.id, current.strategy.use
    )
    unfinished = next((run for run in reversed(earlier) if run.state in runs.OPEN), None)
    if unfinished is not None and not _make_way(session, unfinished, plan):
        return
    since = find_window_start(
        earlier, plan.schedule, settings.sources[name].overlap_days, plan.today
    )
    window = NightWindow(plan.night.id, since, until=plan.today)
    start_night_run(session, settings, review_id, name, window)


def find_window_start(
    earlier: Sequence[RunOutline], schedule: Schedule, overlap: int, today: dt.date
) -> dt.date | None:
    """The first day that a source is asked for; None for everything.

    Args:
        earlier: earlier runs of the same line at the source, oldest first.
        schedule: says how often the source is asked for everything.
        overlap: days that are asked for again.
        today: the day of the night.
    """
    good = [run for run in earlier if run.good]
    whole = [run for run in good if run.mode == "whole"]
    if not whole or (today - whole[-1].day).days >= schedule.whole_days:
        return None
    last = max(run.day for run in good)
    return min(last, today) - dt.timedelta(days=overlap)


def _make_way(session: WriteSession, run: RunOutline, plan: NightPlan) -> bool:
    """Settle an unfinished run of the same search; True if a new one may begin.

    Raises:
        Conflict: the run is under way, or needs a person's decision.
    """
    if run.state in ("waiting", "running"):
        raise Conflict(f"run {run.id} is already running")
    if run.state == "blocked":
        raise Conflict(f"run {run.id} needs a decision: {run.stop_reason}")
    if run.state == "stopped":
        raise Conflict(f"run {run.id} was stopped by a person; resume it or let it in")
    if run.mode == "whole" and plan.today - run.day < _STALE:
        # It goes on from the page where it failed; the night that began it keeps the reason.
        if run.night_id is not None:
            reason = run.stop_reason or run.state
            nights.record_problem(session, run.night_id, run.source, reason)
        run_progress.add_to_night(session, run.id, plan.night.id)
        return False
    run_endings.abandon_run(
        session, run.id, reason=f"the next scheduled search will ask again ({run.stop_reason})"
    )
    return True


def end_finished_nights(store: Store, *, moment: dt.datetime | None = None) -> list[int]:
    """End each night whose runs have all ended or cannot go on; returns those nights."""
    moment = moment or dt.datetime.now(dt.UTC)
    with store.read() as session:
        unfinished = nights.list_unfinished_nights(session)
    ended: list[int] = []
    for night in unfinished:
        _try(partial(_end_if_finished, store, night, moment, ended), night.review_id)
    return ended


def _end_if_finished(store: Store, night: NightInfo, moment: dt.datetime, ended: list[int]) -> None:
    """End a night if none of its runs can go on, and add it to those that ended."""
    with store.read() as session:
        if not _has_finished(session, night):
            return
    with store.write() as session:
        night_runs = runs.list_runs_of_night(session, night.id)
        failed = {run.source for run in night_runs if not run.good} | night.problems.keys()
        detail = {"new": sum(run.new for run in night_runs), "failed": sorted(failed)}
        if nights.end_night(session, night.id, moment=moment, detail=detail):
            ended.append(night.id)


def _has_finished(session: ReadSession, night: NightInfo) -> bool:
    return night.begun_at is not None and not any(
        run.state in ("waiting", "running") for run in runs.list_runs_of_night(session, night.id)
    )


def _admit_due(store: Store, settings: Settings, review_id: int, moment: dt.datetime) -> None:
    """Admit what a rule makes due; what came in after the due time waits for the next."""
    with store.read() as session:
        if pool_membership.get_freeze_date(session, review_id) is None:
            return
        rule = pooling.get_admission_rule(reviews.get_review(session, review_id))
        by_rule = [a.admitted_at for a in admissions.list_admissions(session, review_id) if a.rule]
    if rule is None:
        return
    after = max([rule.since, *by_rule])
    due = find_due(get_rule_cron(rule.text), rule.zone, after=after, moment=moment)
    if due is None:
        return
    admission = NewAdmission(
        up_to=due.at.astimezone(get_zone(rule.zone)).date(),
        person_id=None,
        rule=rule.text,
        moment=moment,
    )
    # Nothing waits up to that day, or another worker was first.
    with contextlib.suppress(Conflict):
        pooling.admit_pool(store, review_id, admission, most_in_full=settings.pool.read_in_full)
