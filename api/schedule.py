"""When scheduled searches run: a cron line in a time zone, and which runs it makes due. Pure."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError
from pydantic import BaseModel, ConfigDict, Field

from api.wording import count_noun

# Due times that are compared to find the shortest gap: four days if hourly, a century if yearly.
_COMPARED: Final = 100
# Rules for admitting the pool, and the cron line of each.
ADMISSION_RULES: Final = {
    "each day": "0 6 * * *",
    "each Monday": "0 6 * * MON",
    "each Tuesday": "0 6 * * TUE",
    "each Wednesday": "0 6 * * WED",
    "each Thursday": "0 6 * * THU",
    "each Friday": "0 6 * * FRI",
    "each Saturday": "0 6 * * SAT",
    "each Sunday": "0 6 * * SUN",
    "each first of the month": "0 6 1 * *",
}


class ScheduleError(ValueError):
    """A schedule that Winnow cannot follow.

    Attributes:
        field: ``cron``, ``zone``, ``sources`` or ``rule``.
        remedy: what to write instead.
    """

    def __init__(self, message: str, *, field: str, remedy: str) -> None:
        super().__init__(message)
        self.field = field
        self.remedy = remedy


class Schedule(BaseModel):
    """When a review's searches run automatically, and at which sources.

    Attributes:
        on: whether they run; off for a review that is done once.
        cron: minute, hour, day of month, month, day of week.
        zone: IANA time zone of the cron line.
        sources: short names; empty for every source that can run the strategy.
        whole_days: days after which a source is asked for everything again, so that records that
            have disappeared are noticed.
        since: when this schedule began: times before it are not made up for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    on: bool = False
    cron: str = "0 2 * * *"
    zone: str = "UTC"
    sources: tuple[str, ...] = ()
    whole_days: int = Field(default=28, ge=1, le=366)
    since: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """The last due time that has passed, and how many before it were missed."""

    at: dt.datetime
    missed: int


def get_zone(name: str) -> ZoneInfo:
    """A time zone by its IANA name.

    Raises:
        ScheduleError: there is no time zone of that name.
    """
    if name not in available_timezones():
        raise ScheduleError(
            f"There is no time zone {name!r}.",
            field="zone",
            remedy='Write an IANA name, such as "Europe/London" or "UTC".',
        )
    return ZoneInfo(name)


def check_cron(cron: str, zone: ZoneInfo) -> None:
    """Refuse a text that is not a cron line.

    Raises:
        ScheduleError: says what is wrong.
    """
    _due_times(cron, zone, dt.datetime.now(dt.UTC))


def _due_times(cron: str, zone: ZoneInfo, after: dt.datetime) -> CronSim:
    if len(cron.split()) != 5:
        raise ScheduleError(
            f"{cron!r} is not a cron line: it needs five fields.",
            field="cron",
            remedy="Write minute, hour, day of month, month and day of week; "
            '"0 2 * * *" is 02:00 every night.',
        )
    try:
        return CronSim(cron, after.astimezone(zone))
    except CronSimError as error:
        raise ScheduleError(
            f"{cron!r} is not a cron line: {str(error).lower()}.",
            field="cron",
            remedy='"0 2 * * *" is 02:00 every night.',
        ) from error


def check_schedule(schedule: Schedule, *, shortest: dt.timedelta, moment: dt.datetime) -> None:
    """Refuse a schedule that never comes due, comes due too often or names no time zone.

    If the clocks skip the scheduled time in spring, it comes due as soon as they have moved. If
    they pass it twice in autumn, it comes due once (as in Debian's cron).

    Args:
        schedule: what a person wrote.
        shortest: the shortest gap between two nights that this installation allows.
        moment: now.

    Raises:
        ScheduleError: says which field is wrong and why.
    """
    zone = get_zone(schedule.zone)
    due_times = list(islice(_due_times(schedule.cron, zone, moment), _COMPARED))
    if not due_times:
        raise ScheduleError(
            f"{schedule.cron!r} never comes due.",
            field="cron",
            remedy='No month has that day; "0 2 1 * *" is the first of each month.',
        )
    gaps = (
        later.astimezone(dt.UTC) - sooner.astimezone(dt.UTC)
        for sooner, later in pairwise(due_times)
    )
    shortest_gap = min(gaps, default=dt.timedelta.max)
    if shortest_gap < shortest:
        raise ScheduleError(
            f"{schedule.cron!r} comes due again after "
            f"{count_noun(_minutes(shortest_gap), 'minute')}; two scheduled searches must be at "
            f"least {count_noun(_minutes(shortest), 'minute')} apart.",
            field="cron",
            remedy='"0 2 * * *" is 02:00 every night. The person who runs the server can change '
            "harvest.shortest_minutes.",
        )


def _minutes(gap: dt.timedelta) -> int:
    return int(gap.total_seconds() // 60)


def find_due(cron: str, zone: str, *, after: dt.datetime, moment: dt.datetime) -> Due | None:
    """The last due time after one moment and up to another, in UTC; None if none has come.

    Raises:
        ScheduleError: the line or the zone cannot be read.
    """
    last, count = None, 0
    for due_time in _due_times(cron, get_zone(zone), after):
        at = due_time.astimezone(dt.UTC)
        if at > moment:
            break
        if at > after:
            last, count = at, count + 1
    return None if last is None else Due(last, count - 1)


def find_next_due(schedule: Schedule, moment: dt.datetime) -> dt.datetime | None:
    """The next due time, in the schedule's time zone; None if the schedule is off."""
    if not schedule.on:
        return None
    return next(iter(_due_times(schedule.cron, get_zone(schedule.zone), moment)), None)


def get_rule_cron(rule: str) -> str:
    """The cron line of a rule for the pool.

    Raises:
        ScheduleError: there is no such rule.
    """
    if rule not in ADMISSION_RULES:
        raise ScheduleError(
            f"There is no rule {rule!r} for incoming records.",
            field="rule",
            remedy=f"The rules are: {', '.join(ADMISSION_RULES)}.",
        )
    return ADMISSION_RULES[rule]
