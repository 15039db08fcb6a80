"""The day on which a search was run: from its stated date, or from when its file arrived."""

from __future__ import annotations

import calendar
import datetime as dt


def find_latest_day(stated: str | None) -> str | None:
    """The last day that a stated date can mean, YYYY-MM-DD; None if it is no date."""
    parts = (stated or "").strip().split("-")
    try:
        numbers = [int(part) for part in parts]
        if len(numbers) == 1:
            return dt.date(numbers[0], 12, 31).isoformat()
        if len(numbers) == 2:
            first = dt.date(numbers[0], numbers[1], 1)
            return (first.replace(day=calendar.monthrange(*numbers)[1])).isoformat()
        return dt.date(*numbers).isoformat()
    except (ValueError, TypeError, OverflowError):
        return None


def is_day(text: str) -> bool:
    """Whether a text is a day, YYYY-MM-DD."""
    try:
        return dt.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def find_search_day(stated: str | None, stored_at: dt.datetime) -> str:
    """The last day on which a search can have been run, YYYY-MM-DD.

    Its stated date counts, but never later than the day on which its file was stored.
    """
    arrived = stored_at.date().isoformat()
    return min(find_latest_day(stated) or arrived, arrived)
