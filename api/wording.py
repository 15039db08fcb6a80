"""Words that people read: numbers with their nouns, states and kinds, messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from harvest.strategy.limits import name_years
from model.evaluation.shares import Share
from store.reports.record_counts import ReportCounts
from store.rules.limits import YearLimits
from store.searching.flow import Flow


def count_noun(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: "1 record", "1,200 records", "2 studies".

    Args:
        number: how many.
        one: the noun for one.
        many: the noun for any other number; None adds an "s".
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def describe_percent(value: float) -> str:
    """A share of 0 to 1 in per cent, without a sign; never 0 or 100 for a share that is not.

    Whole numbers, with one more digit, or as many as it takes, near both ends.
    """
    exact = round(value, 9)
    digits = 0
    while not 0 < float(f"{100 * exact:.{digits}f}") < 100 and exact not in (0, 1):
        digits += 1
    return f"{100 * exact:.{digits}f}"


def describe_share(share: Share, noun: str = "") -> str:
    """A share with its counts and its interval: "26 of 40 (65 %; 95 % interval 50 to 78 %)".

    Args:
        share: the share.
        noun: what is counted, in the plural; may be empty.
    """
    counts = f"{share.found:,} of {share.counted:,} {noun}".rstrip()
    return counts if share.value is None else f"{counts} ({describe_share_interval(share)})"


def describe_share_interval(share: Share) -> str:
    """A share in per cent, with its interval: "65 %; 95 % interval 50 to 78 %"."""
    if share.value is None or share.low is None or share.high is None:
        return "not defined"
    low, high = describe_percent(share.low), describe_percent(share.high)
    return f"{describe_percent(share.value)} %; 95 % interval {low} to {high} %"


def describe_counts(counts: ReportCounts) -> str:
    """What became of a review's records, in the words that every page and command uses.

    Included, maybe and excluded are always named, the others if there are any; together they are
    all records.
    """
    waiting = f"{counts.awaiting:,} {'needs' if counts.awaiting == 1 else 'need'} a second person"
    parts = [
        f"{counts.include:,} included",
        f"{counts.maybe:,} maybe",
        f"{counts.exclude:,} excluded",
        *([waiting] if counts.awaiting else []),
        *([count_noun(counts.conflict, "conflict")] if counts.conflict else []),
        *([f"{counts.not_screened:,} not screened"] if counts.not_screened else []),
    ]
    return ", ".join(parts)


def describe_expected(number: float) -> str:
    """An expected number with one decimal, or its first digit: a small chance is never "0.0"."""
    return f"{number:.1f}" if number >= 0.05 or number <= 0 else f"{number:.1g}"


def describe_removed(flow: Flow, years: YearLimits) -> str:
    """What was identified and what was removed before screening, in PRISMA's words.

    Only what was removed is named, and years only if the protocol has removed records by them.

    Args:
        flow: of a review, with at least one record identified.
        years: of its newest protocol.
    """
    other = flow.rejected + flow.out_of_range
    outside = f"outside the protocol's years, {name_years(years.first, years.last)}"
    if flow.rejected and flow.out_of_range:
        why = f"{flow.rejected:,} unreadable; {flow.out_of_range:,} {outside}"
    else:
        why = outside if flow.out_of_range else "unreadable"
    ineligible = f"{flow.filtered:,} marked as ineligible by automation tools"
    if flow.notices:
        notices = count_noun(flow.notices, "notice")
        ineligible += f" (of which {notices} about another report, such as a retraction)"
    removed = [
        *([count_noun(flow.duplicates, "duplicate")] if flow.duplicates else []),
        *([ineligible] if flow.filtered else []),
        *([f"{other:,} for other reasons ({why})"] if other else []),
    ]
    return (
        f"{count_noun(flow.identified, 'record')} identified. Records removed before screening: "
        f"{', '.join(removed) or 'none'}."
    )


def describe_screened(flow: Flow) -> str:
    """How many records were screened, how many were not, and how many of these cannot be yet."""
    waiting = ""
    if flow.waiting:
        verb = "waits" if flow.waiting == 1 else "wait"
        waiting = (
            f", of which {flow.waiting:,} {verb} until the run of the search has ended or a lead "
            "lets its records in"
        )
    return f"Records screened: {flow.screened:,}; not screened yet: {flow.not_screened:,}{waiting}."


# What a known study is used for, in the words that people read.
SEARCH_USES: Final = {
    "validation": "may check the search",
    "development": "shaped the search",
    "own-search": "found by this review's own searches",
}

# Kinds of events on records in the words that people read, gravest first.
EVENT_KINDS: Final = {
    "retracted": "retracted",
    "republished": "retracted and republished",
    "concern": "expression of concern",
    "corrected": "corrected",
    "published": "preprint published",
    "vanished": "no longer at the source",
    "returned": "back at the source",
    "changed": "changed",
}

# States of a run in the words that people read.
RUN_STATES: Final = {
    "waiting": "waiting to start",
    "running": "running",
    "blocked": "needs you",
    "stopped": "stopped",
    "failed": "failed",
    "complete": "complete",
    "incomplete": "not complete",
}


def name_run_state(state: str, shortfall: int | None) -> str:
    """The state of a run in words.

    Args:
        state: as stored.
        shortfall: reported hits that did not come; an incomplete run shows it.
    """
    if state == "incomplete" and shortfall:
        return f"{shortfall:,} short"
    return RUN_STATES[state]


def describe_run_state(state: str, shortfall: int | None) -> str:
    """The state of a run as a document says it; see ``name_run_state`` for pages."""
    if state == "incomplete":
        return f"incomplete ({count_noun(shortfall, 'hit')} missing)" if shortfall else state
    return "waits for a loss to be accepted" if state == "blocked" else state


def explain_problem(item: Mapping[str, Any]) -> str:
    """What pydantic found wrong with one value, in words that fit a text of a form."""
    if item["type"] == "too_long" and isinstance(item["input"], str):
        sizes = item["ctx"]
        return f"write at most {sizes['max_length']:,} characters, not {sizes['actual_length']:,}"
    return str(item["msg"]).removeprefix("Value error, ")


def list_problems(error: ValidationError) -> str:
    """What is wrong with settings, options or a protocol: each field with its message."""
    return "; ".join(
        f"{'.'.join(map(str, item['loc']))}: {explain_problem(item)}" for item in error.errors()
    )


def describe_left_out(number: int) -> str:
    """How many reports of a file are outside the protocol's years, in words."""
    is_are = "is" if number == 1 else "are"
    return (
        f"{count_noun(number, 'report')} {is_are} outside the protocol's years and left out before "
        "screening"
    )
