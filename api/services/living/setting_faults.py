"""Settings of reviews that are stored and cannot be read, for leads and `winnow doctor`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from api.services.living.notifications import TELL, NotificationSettings
from api.services.living.pooling import ADMIT, parse_admission_rule
from api.services.living.schedules import SCHEDULE, parse_schedule
from api.services.reviews.stored_settings import BrokenSetting, list_broken_settings
from api.services.searching.search_methods import METHODS, parse_methods
from store.core.session import ReadSession
from store.reviews import reviews
from store.reviews.reviews import ReviewInfo
from store.rules.limits import IN_FORCE
from store.searching.pool_membership import FREEZE, parse_freeze_date


def _parse_switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")
    return value


# Every setting that Winnow stores, and how it is read.
_PARSERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    SCHEDULE: parse_schedule,
    TELL: NotificationSettings.model_validate,
    ADMIT: parse_admission_rule,
    FREEZE: parse_freeze_date,
    IN_FORCE: _parse_switch,
    METHODS: parse_methods,
}
# What each setting is called on the pages, and what holds while it cannot be read.
_WORDS: Final[Mapping[str, str]] = {
    SCHEDULE: "The schedule cannot be read, so no search runs by itself",
    TELL: "The list of people who get summaries cannot be read, so nobody gets them",
    ADMIT: "The rule for incoming records cannot be read, so a lead lets them in",
    FREEZE: "The search freeze date cannot be read, so no record waits as incoming",
    IN_FORCE: "Whether the protocol’s years leave records out cannot be read, so they do",
    METHODS: "What was stated for the search log cannot be read, so it says “not stated”",
}

_NO_SETTINGS: Final = (
    "The settings are stored as text that is not valid JSON, so the review cannot be used. Restore "
    "a backup, or store empty settings; docs/operating.md says how"
)


def list_faults(review: ReviewInfo) -> list[str]:
    """A sentence for each setting of a review that cannot be read; empty if all can."""
    if review.unreadable:
        return [_NO_SETTINGS]
    return [_describe(broken) for broken in list_broken_settings(review, _PARSERS)]


def list_faults_of_all(session: ReadSession) -> list[str]:
    """The sentences for all reviews, each with the review's short name."""
    return [
        f"{review.slug}: {fault}"
        for review in reviews.list_reviews(session)
        for fault in list_faults(review)
    ]


def _describe(broken: BrokenSetting) -> str:
    return f"{_WORDS[broken.key]} ({broken.reason}). Save it again."
