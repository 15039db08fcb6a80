"""First and last day of a range of years, months or days."""

from __future__ import annotations

import calendar


def first_and_last_day(value: str) -> tuple[str, str]:
    """First and last day of "2011:2022", "2011/03:2022" or full dates, as YYYY-MM-DD."""
    start, _, end = value.partition(":")
    return _day(start, last=False), _day(end or start, last=True)


def _day(date: str, *, last: bool) -> str:
    parts = [int(part) for part in date.split("/")]
    year = parts[0]
    month = parts[1] if len(parts) > 1 else (12 if last else 1)
    month = min(max(month, 1), 12)
    last_day = calendar.monthrange(year, month)[1]
    day = min(parts[2], last_day) if len(parts) > 2 else (last_day if last else 1)
    return f"{year:04d}-{month:02d}-{day:02d}"
