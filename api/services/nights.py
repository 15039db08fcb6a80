"""Nights: what is due is claimed, its runs are begun, and when they have ended it is summed up.

A night asks each source for what it indexed or changed since the last run that went through, with
an overlap; now and then for everything, so that what has disappeared is found. A source that does
not answer keeps no other from being asked, and is asked again the next night.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from api import schedule as schedules
from api.refusals import Blocked
from api.schedule import Schedule, ScheduleError
from api.services import harvesting, pooling, strategies
from api.settings import Settings
from harvest.errors import StrategyError
from harvest.http import masked
from store import admissions, nights, pool, reviews, run_outlines, runs
from store.errors import Conflict, NotFound
from store.nights import NightInfo
from store.reviews import ReviewInfo
from store.run_outlines import Outline
from store.session import ReadSession, Store, WriteSession

logger = logging.getLogger(__name__)

SCHEDULE = "schedule"
ADMIT = "admit"
# A whole run that has failed for so long is begun anew: its cursor may be of another world by now.
_STALE = dt.timedelta(days=3)


def schedule_of(review: ReviewInfo) -> Schedule:
    """The review's schedule; switched off where none was set."""
    return Schedule.model_validate(review.settings.get(SCHEDULE) or {})


def set_schedule(
    session: WriteSession,
    settings: Settings,
    review_id: int,
    wanted: Schedule,
    *,
    person_id: int | None,
    moment: dt.datetime | None = None,
) -> Schedule:
    """Set when a review is harvested by itself.

    Raises:
        ScheduleError: it never comes due, too often, or in no time zone; or a source is unknown.
    """
    moment = moment or dt.datetime.now(dt.UTC)
    shortest = dt.timedelta(minutes=settings.harvest.shortest_minutes)
    schedules.check(wanted, shortest=shortest, moment=moment)
    unknown = sorted(set(wanted.sources) - set(settings.sources))
    if unknown:
        raise ScheduleError(
            f"There is no source {unknown[0]!r}.",
            field="sources",
            remedy=f"The sources are: {', '.join(settings.sources)}.",
        )
    before = schedule_of(reviews.by_id(session, review_id))
    # What was missed while it was off, or by another line, is not caught up.
    same = (before.on, before.cron, before.zone) == (wanted.on, wanted.cron, wanted.zone)
    since = before.since if same else moment
    kept = wanted.model_copy(update={"since": since})
    reviews.set_settings(
        session, review_id, {SCHEDULE: kept.model_dump(mode="json")}, person_id=person_id
    )
    return kept


def today(review: ReviewInfo) -> dt.date:
    """This day in the review's time zone: what its searches are dated by."""
    return dt.datetime.now(schedules.zone_of(schedule_of(review).zone)).date()


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule by which the pool is admitted, and since when it holds."""

    words: str
    zone: str
    since: dt.datetime


def rule_of(review: ReviewInfo) -> Rule | None:
    """The review's rule for its pool; None where a lead admits it."""
    kept = review.settings.get(ADMIT)
    if not kept:
        return None
    return Rule(kept["rule"], kept["zone"], dt.datetime.fromisoformat(kept["since"]))


def set_rule(
    session: WriteSession,
    review_id: int,
    words: str | None,
    *,
    person_id: int | None,
    moment: dt.datetime | None = None,
) -> None:
    """Admit the pool by a rule, such as "each Monday", in the schedule's time zone; None: by hand.

    Raises:
        ScheduleError: there is no such rule.
    """
    value = None
    if words:
        schedules.cron_of(words)
        zone = schedule_of(reviews.by_id(session, review_id)).zone
        since = moment or dt.datetime.now(dt.UTC)
        value = {"rule": words, "zone": zone, "since": since.isoformat()}
    reviews.set_settings(session, review_id, {ADMIT: value}, person_id=person_id)


def tick(store: Store, settings: Settings, *, moment: dt.datetime | None = None) -> list[int]:
    """Do whatever is due: claim nights, begin their runs, admit by rules, end what has ended.

    Two workers may do it at once: a row claims each night, and a source is begun once a night.

    Args:
        store: the database.
        settings: sources and limits.
        moment: now.

    Returns:
        Nights that were begun.
    """
    moment = moment or dt.datetime.now(dt.UTC)
    end_over(store, moment=moment)
    for review_id in _scheduled(store):
        _each(partial(_claim_due, store, review_id, moment), review_id)
    begun = []
    with store.read() as session:
        open_ones = nights.open_ones(session)
    for night in open_ones:
        if night.begun_at is None:
            _each(partial(_begin, store, settings, night, moment), night.review_id)
            begun.append(night.id)
    end_over(store, moment=moment)
    with store.read() as session:
        frozen = pool.frozen(session)
    for review_id in frozen:
        _each(partial(_admit_due, store, settings, review_id, moment), review_id)
    return begun


def _each(work: Callable[[], object], review_id: int) -> None:
    """Do something for one review; what goes wrong there keeps no other from its night."""
    try:
        work()
    except Exception:
        logger.exception("the tick failed for review %s", review_id)


def begin_now(
    store: Store, settings: Settings, review_id: int, *, moment: dt.datetime | None = None
) -> int:
    """Begin a night at once, as if it were due.

    Raises:
        Conflict: a night of the review is under way.
    """
    moment = moment or dt.datetime.now(dt.UTC)
    with store.write() as session:
        claimed = nights.claim(session, review_id, moment, missed=0, started=moment)
        if claimed is None:
            raise Conflict("a night of this review is under way already")
        session.flush()
        night = nights.by_id(session, claimed)
    _begin(store, settings, night, moment)
    return claimed


def _scheduled(store: Store) -> list[int]:
    with store.read() as session:
        return [
            r.id for r in reviews.everything(session) if (r.settings.get(SCHEDULE) or {}).get("on")
        ]


def _claim_due(store: Store, review_id: int, moment: dt.datetime) -> int | None:
    with store.read() as session:
        wanted = schedule_of(reviews.by_id(session, review_id))
        last = nights.newest(session, review_id)
    after = max(filter(None, (wanted.since, last.due_at if last else None)), default=moment)
    due = schedules.due(wanted.cron, wanted.zone, after=after, moment=moment)
    if due is None:
        return None
    with store.write() as session:
        return nights.claim(session, review_id, due.at, missed=due.missed, started=moment)


def _begin(store: Store, settings: Settings, night: NightInfo, moment: dt.datetime) -> None:
    """Begin a night's runs, each in a transaction of its own; again after a kill, each once."""
    with store.read() as session:
        review = reviews.by_id(session, night.review_id)
        wanted = schedule_of(review)
        done = {run.source for run in runs.of_night(session, night.id)} | night.problems.keys()
    day = moment.astimezone(schedules.zone_of(wanted.zone)).date()
    for name in wanted.sources or tuple(settings.sources):
        if name in done:
            continue
        with store.write() as session:
            reviews.lock(session, review.id)
            if any(run.source == name for run in runs.of_night(session, night.id)):
                continue
            try:
                with session.begin_nested():
                    _begin_source(session, settings, night, wanted, name, day)
            except (Blocked, StrategyError) as error:
                nights.problem(session, night.id, name, f"{error} {error.remedy}".strip())
            except (Conflict, NotFound) as error:
                nights.problem(session, night.id, name, f"{error}.")
    with store.write() as session:
        nights.begun(session, night.id)


def _begin_source(
    session: WriteSession,
    settings: Settings,
    night: NightInfo,
    wanted: Schedule,
    name: str,
    today: dt.date,
) -> None:
    current = strategies.current(session, night.review_id)
    before = run_outlines.of_line(
        session, night.review_id, name, current.info.id, current.strategy.use
    )
    left = next((run for run in reversed(before) if run.state in runs.OPEN), None)
    if left is not None and not _taken_over(session, left, night, today):
        return
    since = window_start(before, wanted, settings.sources[name].overlap_days, today)
    harvesting.begin_at_night(
        session,
        settings,
        night.review_id,
        name,
        night_id=night.id,
        since=since,
        until=today,
    )


def window_start(
    before: Sequence[Outline], wanted: Schedule, overlap: int, today: dt.date
) -> dt.date | None:
    """First day of what is asked for at a source; None: everything.

    Args:
        before: earlier runs of the same line at the source, oldest first.
        wanted: the schedule, which says how often everything is asked for.
        overlap: days that are asked for again.
        today: the day of the night.
    """
    good = [run for run in before if run.good]
    whole = [run for run in good if run.mode == "whole"]
    if not whole or (today - whole[-1].day).days >= wanted.whole_days:
        return None
    last = max(run.day for run in good)
    return min(last, today) - dt.timedelta(days=overlap)


def _taken_over(session: WriteSession, left: Outline, night: NightInfo, today: dt.date) -> bool:
    """What becomes of a run that has not ended; True where another may begin.

    Raises:
        Conflict: it waits for a person, or is under way.
    """
    if left.state in ("waiting", "running"):
        raise Conflict(f"run {left.id} is under way already")
    if left.state == "blocked":
        raise Conflict(f"run {left.id} waits for a person: {left.stop_reason}")
    if left.state == "stopped":
        raise Conflict(f"run {left.id} was stopped by a person; resume it or release it")
    if left.mode == "whole" and today - left.day < _STALE:
        # It goes on from the page where it failed; its own night keeps why.
        if left.night_id is not None:
            nights.problem(session, left.night_id, left.source, left.stop_reason or left.state)
        runs.join_night(session, left.id, night.id)
        return False
    runs.give_up(session, left.id, reason=f"the next night asks again ({left.stop_reason})")
    return True


def end_over(store: Store, *, moment: dt.datetime | None = None) -> list[int]:
    """End the nights all of whose runs have ended or cannot go on; gives those."""
    moment = moment or dt.datetime.now(dt.UTC)
    ended = []
    with store.read() as session:
        over = [night for night in nights.open_ones(session) if _over(session, night)]
    for night in over:
        with store.write() as session:
            found = runs.of_night(session, night.id)
            detail = {
                "new": sum(run.new for run in found),
                "failed": sorted({r.source for r in found if not r.good} | night.problems.keys()),
            }
            if nights.end(session, night.id, moment=moment, detail=detail):
                ended.append(night.id)
    return ended


def _over(session: ReadSession, night: NightInfo) -> bool:
    return night.begun_at is not None and not any(
        run.state in ("waiting", "running") for run in runs.of_night(session, night.id)
    )


def _admit_due(store: Store, settings: Settings, review_id: int, moment: dt.datetime) -> None:
    """Admit what is due by a rule; what came after the due moment waits for the next."""
    with store.read() as session:
        rule = rule_of(reviews.by_id(session, review_id))
        last = [a.admitted_at for a in admissions.everything(session, review_id) if a.rule]
    if rule is None:
        return
    due = schedules.due(
        schedules.cron_of(rule.words), rule.zone, after=max([rule.since, *last]), moment=moment
    )
    if due is None:
        return
    day = due.at.astimezone(schedules.zone_of(rule.zone)).date()
    # Nothing waits up to that day, or another worker was sooner.
    with contextlib.suppress(Conflict):
        pooling.admit(
            store,
            review_id,
            day,
            in_full=settings.pool.read_in_full,
            person_id=None,
            rule=rule.words,
            moment=moment,
        )


@dataclass(frozen=True, slots=True)
class Checked:
    """When a source was last asked, through and through.

    Attributes:
        last: day of the last run that went through; ``whole`` of the last that asked for all.
        failing: nights in a row, up to now, in which it did not; ``why`` in its words.
    """

    source: str
    last: dt.date | None
    whole: dt.date | None
    failing: int
    why: str | None

    def age(self, today: dt.date) -> int | None:
        """Days since it was last asked."""
        return None if self.last is None else (today - self.last).days


def checked(session: ReadSession, review_id: int) -> list[Checked]:
    """When each source was last asked for what the review searches, in order of name."""
    by_source: dict[str, list[Outline]] = {}
    for run in run_outlines.everything(session, review_id):
        by_source.setdefault(run.source, []).append(run)
    history = nights.everything(session, review_id)
    names = sorted({*by_source, *(name for night in history for name in night.problems)})
    return [_checked(name, by_source.get(name, []), history) for name in names]


def _checked(name: str, found: Sequence[Outline], history: list[NightInfo]) -> Checked:
    good = [run for run in found if run.good]
    days = [run.day for run in good]
    whole = [run.day for run in good if run.mode == "whole"]
    by_night: Mapping[int | None, Outline] = {run.night_id: run for run in found}
    failing, why = 0, None
    for night in history:
        if night.ended_at is None:
            continue
        run = by_night.get(night.id)
        if run is not None and run.good:
            break
        words = night.problems.get(name) or (run.stop_reason if run else None)
        if words is None:
            # A run that went over to a later night is told there.
            continue
        failing, why = failing + 1, why or masked(words)
    return Checked(
        source=name,
        last=max(days, default=None),
        whole=max(whole, default=None),
        failing=failing,
        why=why,
    )
