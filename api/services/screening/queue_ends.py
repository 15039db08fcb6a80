"""Why there is no card, in words; the page says the same with links."""

from __future__ import annotations

import datetime as dt

from api.wording import count_noun
from store.screening.queue_end import EMPTY, HELD, OTHERS, PILOT_DONE, QueueEnd


def count_minutes(end: QueueEnd) -> int | None:
    """Minutes, at least 1, until the first card comes back; None if none is held."""
    if end.free_at is None:
        return None
    left = end.free_at - dt.datetime.now(dt.UTC)
    return max(1, -(-int(left.total_seconds()) // 60))


def describe_end(end: QueueEnd) -> str:
    """Why there is no card, and what comes next."""
    if end.state == EMPTY:
        if end.out_of_range:
            reports = count_noun(end.out_of_range, "report")
            return f"Nothing to screen: {reports} outside the protocol's years left out."
        return "There are no records to screen yet."
    if end.state == PILOT_DONE:
        return (
            "Your part of the pilot round is done. Screening continues when a lead closes the "
            "round."
        )
    if end.state == HELD:
        minutes = count_minutes(end)
        records = count_noun(end.held, "record")
        if minutes is None:
            return f"{records} for you came back just now; look again."
        return (
            f"{records} that you could decide {'is' if end.held == 1 else 'are'} on a colleague's "
            f"screen. What is not decided comes back, the first within "
            f"{count_noun(minutes, 'minute')}."
        )
    if end.state == OTHERS:
        return f"Nothing is left for you. {describe_rest(end)}"
    words = "Every record is screened."
    return f"{words} {describe_conflicts(end)}".strip()


def describe_rest(end: QueueEnd) -> str:
    """What is left for others, by reason."""
    parts = [
        f"{count:,} {words}"
        for count, words in (
            (end.second, "that you decided and that a second person must decide too"),
            (end.assigned, "given to other people"),
            (end.pilot, "in a pilot round that you take no part in"),
        )
        if count
    ]
    records = count_noun(end.left, "record")
    return f"Others still have {records}: {', '.join(parts)}."


def describe_conflicts(end: QueueEnd) -> str:
    """How many records people differ on; "" if none."""
    if not end.conflicts:
        return ""
    verb = "is" if end.conflicts == 1 else "are"
    return f"{count_noun(end.conflicts, 'record')} {verb} in conflict and must be settled."
