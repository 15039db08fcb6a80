"""A review's schedule: when its searches run automatically, and what day it is there."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from api.schedule import Schedule, ScheduleError, check_cron, check_schedule, get_zone
from api.services.reviews.stored_settings import read_setting
from api.settings import Settings
from store.core.session import Store
from store.reviews import reviews
from store.reviews.reviews import ReviewInfo

SCHEDULE = "schedule"


def parse_schedule(value: Any) -> Schedule:
    """A schedule from its stored JSON.

    Raises:
        ValueError: it is not a schedule, or its cron line or time zone cannot be followed.
    """
    schedule = Schedule.model_validate(value)
    check_cron(schedule.cron, get_zone(schedule.zone))
    return schedule


def get_schedule(review: ReviewInfo) -> Schedule:
    """The review's schedule; switched off if none was set, or if what is stored is broken."""
    return read_setting(review, SCHEDULE, parse_schedule, Schedule())


def get_today(review: ReviewInfo) -> dt.date:
    """Today in the review's time zone, by which its searches are dated."""
    return dt.datetime.now(get_zone(get_schedule(review).zone)).date()


def set_schedule(
    store: Store,
    settings: Settings,
    review_id: int,
    changes: Mapping[str, Any],
    *,
    person_id: int | None,
    moment: dt.datetime | None = None,
) -> Schedule:
    """Change when a review's searches run.

    Args:
        store: the database.
        settings: sources, and the shortest gap between two nights.
        review_id: the review.
        changes: fields of a schedule; what is left out stays. ``since`` cannot be set.
        person_id: the lead.
        moment: when the change takes effect; None for now.

    Returns:
        The schedule that holds now.

    Raises:
        ScheduleError: the schedule never comes due, comes due too often or names no time zone, or
            a source is unknown.
    """
    moment = moment or dt.datetime.now(dt.UTC)
    shortest = dt.timedelta(minutes=settings.harvest.shortest_minutes)
    with store.write() as session:
        reviews.lock_review(session, review_id)
        before = get_schedule(reviews.get_review(session, review_id))
        schedule = Schedule.model_validate({**before.model_dump(), **changes})
        check_schedule(schedule, shortest=shortest, moment=moment)
        _check_sources(schedule, settings)
        # Times that passed while it was off, or by another cron line, are not made up for.
        since = before.since if _when(before) == _when(schedule) else moment
        schedule = schedule.model_copy(update={"since": since})
        stored = {SCHEDULE: schedule.model_dump(mode="json")}
        reviews.update_settings(session, review_id, stored, person_id=person_id)
    return schedule


def _check_sources(schedule: Schedule, settings: Settings) -> None:
    unknown = sorted(set(schedule.sources) - set(settings.sources))
    if unknown:
        raise ScheduleError(
            f"There is no source {unknown[0]!r}.",
            field="sources",
            remedy=f"The sources are: {', '.join(settings.sources)}.",
        )


def _when(schedule: Schedule) -> tuple[bool, str, str]:
    return schedule.on, schedule.cron, schedule.zone
