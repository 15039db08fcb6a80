"""When a review is harvested: a cron line in a time zone, and what is due by it. Pure."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError
from pydantic import BaseModel, ConfigDict, Field

# Due moments looked at to find the shortest time between two: the hours of four days, or years.
_LOOKED_AT: Final = 100
# A rule for the pool in words, and the cron line it stands for.
RULES: Final = {
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
    """A schedule that cannot be kept.

    Attributes:
        field: ``cron``, ``zone``, ``sources`` or ``rule``.
        remedy: what to write in its place.
    """

    def __init__(self, message: str, *, field: str, remedy: str) -> None:
        super().__init__(message)
        self.field = field
        self.remedy = remedy


class Schedule(BaseModel):
    """When and what a review harvests by itself.

    Attributes:
        on: whether it does; off for a review that is done once.
        cron: minute, hour, day of month, month, day of week.
        zone: the IANA time zone that the cron line speaks of.
        sources: short names; empty means all that the strategy can be run at.
        whole_days: days after which everything is asked for again, so that what has disappeared
            is found.
        since: when it was switched on: nothing before that is caught up.
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
    """The last due moment that has passed, and how many before it were missed."""

    at: dt.datetime
    missed: int


def zone_of(name: str) -> ZoneInfo:
    """A time zone by its IANA name.

    Raises:
        ScheduleError: there is none of that name.
    """
    if name not in available_timezones():
        raise ScheduleError(
            f"There is no time zone {name!r}.",
            field="zone",
            remedy='Write an IANA name, such as "Europe/London" or "UTC".',
        )
    return ZoneInfo(name)


def _moments(cron: str, zone: ZoneInfo, after: dt.datetime) -> CronSim:
    if len(cron.split()) != 5:
        raise ScheduleError(
            f"{cron!r} is no cron line of five fields.",
            field="cron",
            remedy='Write minute, hour, day of month, month and day of week: "0 2 * * *" is 02:00 '
            "each night.",
        )
    try:
        return CronSim(cron, after.astimezone(zone))
    except CronSimError as error:
        raise ScheduleError(
            f"{cron!r} is no cron line: {str(error).lower()}.",
            field="cron",
            remedy='"0 2 * * *" is 02:00 each night.',
        ) from error


def check(schedule: Schedule, *, shortest: dt.timedelta, moment: dt.datetime) -> None:
    """Refuse a schedule that never comes due, or too often, or in no time zone.

    A time that the clocks jump over in spring comes due right after the jump, one that they pass
    twice in autumn comes due once (Debian's cron).

    Args:
        schedule: what a person wrote.
        shortest: the shortest time between two nights that the installation allows.
        moment: now.

    Raises:
        ScheduleError: saying what is wrong with which field.
    """
    zone = zone_of(schedule.zone)
    found = list(islice(_moments(schedule.cron, zone, moment), _LOOKED_AT))
    if not found:
        raise ScheduleError(
            f"{schedule.cron!r} never comes due.",
            field="cron",
            remedy='No month has that day; "0 2 1 * *" is the first of each month.',
        )
    gaps = (
        later.astimezone(dt.UTC) - sooner.astimezone(dt.UTC) for sooner, later in pairwise(found)
    )
    least = min(gaps, default=dt.timedelta.max)
    if least < shortest:
        minutes = int(shortest.total_seconds() // 60)
        raise ScheduleError(
            f"{schedule.cron!r} comes due again after {int(least.total_seconds() // 60)} minutes; "
            f"sources may be asked every {minutes} minutes at most.",
            field="cron",
            remedy='"0 2 * * *" is 02:00 each night. (Whoever runs the server sets '
            "harvest.shortest_minutes.)",
        )


def due(cron: str, zone: str, *, after: dt.datetime, moment: dt.datetime) -> Due | None:
    """The last due moment after one and up to another, in UTC; None where none has come.

    Raises:
        ScheduleError: the line or the zone cannot be read.
    """
    last, count = None, 0
    for found in _moments(cron, zone_of(zone), after):
        at = found.astimezone(dt.UTC)
        if at > moment:
            break
        if at > after:
            last, count = at, count + 1
    return None if last is None else Due(last, count - 1)


def following(schedule: Schedule, moment: dt.datetime) -> dt.datetime | None:
    """The next due moment, in the schedule's time zone; None where it is off."""
    if not schedule.on:
        return None
    return next(iter(_moments(schedule.cron, zone_of(schedule.zone), moment)), None)


def cron_of(rule: str) -> str:
    """The cron line of a rule for the pool.

    Raises:
        ScheduleError: there is no such rule.
    """
    if rule not in RULES:
        raise ScheduleError(
            f"There is no rule {rule!r} for the pool.",
            field="rule",
            remedy=f"The rules are: {', '.join(RULES)}.",
        )
    return RULES[rule]
