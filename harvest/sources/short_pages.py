"""Tell a page that is shorter than promised from the end of a list.

A source's total moves while its list is read, and a list may end a few records early. Much more
than that is a fault of the source: an empty page, or half of one, with status 200.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from harvest.errors import ShortPage
from harvest.sources.config import SourceConfig
from harvest.sources.protocol import Cursor

# How many records a list may lack at its end: a hundredth, or a few if it is not tiny.
_SHARE, _FEW, _TINY = 100, 3, 10
# A total may fall by one in so many while a list is read.
_FALL = 5
# A page that stays short for so long is taken as it is.
_BELIEVED_AFTER = dt.timedelta(days=1)
_SINCE = "short_since"


def count_drift(total: int) -> int:
    """How many records a list of ``total`` may lack at its end without being cut short."""
    return min(max(_FEW, total // _SHARE), total // _TINY)


def count_promised(reported: int, opened: int) -> int:
    """How many hits a list should have.

    Args:
        reported: hits that the source reports now.
        opened: hits that it reported when the list was opened. A little less than that is
            believed; a total that collapses is not.
    """
    return max(reported, opened - opened // _FALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """How many records came, and how many should have.

    Attributes:
        came: records of the page.
        due: records that the page should have; or all that are left, if no page follows it.
        total: hits that the list should have.
    """

    came: int
    due: int
    total: int


def check_length(source: str, config: SourceConfig, body: bytes, length: Length) -> None:
    """Check how many records came with a page.

    Raises:
        ShortPage: fewer than were due.
    """
    if length.came >= length.due:
        return
    raise ShortPage(
        f"{config.title}: a page came with {length.came:,} of {length.due:,} records that were "
        f"due, of {length.total:,} hits in all.",
        source=source,
        remedy="Resume the run later: it asks for this page again. If the page is still short "
        "after a day, the run goes on without the rest and says how many did not come.",
        few=length.due - length.came <= count_drift(length.total),
        body=body,
    )


def is_believed(short: ShortPage, cursor: Cursor) -> bool:
    """Whether a short page is taken as it is: it lacks little, or it has been short for a day."""
    since = cursor.get(_SINCE)
    return short.few or (
        since is not None
        and dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(since) >= _BELIEVED_AFTER
    )


def note_short_page(cursor: Cursor) -> dict[str, Any]:
    """The cursor of a page that came short, with the moment at which it first did."""
    return {_SINCE: dt.datetime.now(dt.UTC).isoformat(), **cursor}
