"""What became of the known relevant records, from the search to the decision that counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from model.evaluation.matching import EMPTY_NOTE, LIST, MATCHED, MISSING, Match, choose_distinct
from model.evaluation.search_recall import OWN_SEARCH_NOTE
from model.evaluation.shares import Share

USED_NOTE = (
    "used to build the search or the ranking: not an estimate of what the review finds end to end"
)
# Outcomes of a report that leave open whether it will be included.
UNDECIDED = ("maybe", "awaiting", "conflict", "open")


@dataclass(frozen=True, slots=True)
class KnownOutcome:
    """How many of the known relevant records the review has included so far, and has read.

    ``known`` are the records within the review's limits that are among its records or are missing
    from them; a report counts once. Each share is of all of them, so that a record that the search
    missed counts as one that the review did not include.

    Attributes:
        note: why the shares are no estimates; None if they are. With a note they are counts alone.
        included: settled as *include*.
        included_or_undecided: settled as *include* or *maybe*, or not settled, or not read yet.
        reached: read by somebody.
        excluded: settled as *exclude*.
        missing: not among the review's records.
        not_matched: those of which that cannot be told; they are not among ``known``.
        out_of_scope: those outside the limits; they are not among ``known``.
    """

    note: str | None
    known: int
    included: Share
    included_or_undecided: Share
    reached: Share
    excluded: int
    missing: int
    not_matched: int
    out_of_scope: int


def find_outcome(matches: Sequence[Match], outcomes: Mapping[int, str]) -> KnownOutcome:
    """What became of the known relevant records.

    Args:
        matches: known relevant records. Only those that played no part in building the search and
            the ranking give estimates; without any, all are counted.
        outcomes: of each report: the decision that counts, or *awaiting*, *conflict* or *open*.
            A report that is not here has not been read.
    """
    outside = [m for m in matches if m.known.origin == LIST]
    unused = [
        m
        for m in outside
        if m.known.search_use == "validation" and m.known.ranking_use == "held_out"
    ]
    note = None
    if not unused and matches:
        note = USED_NOTE if outside else OWN_SEARCH_NOTE
    chosen = choose_distinct(unused or matches)
    in_scope = [m for m in chosen if m.in_scope]
    ends = [
        outcomes.get(m.report_id or 0, "open") if m.state == MATCHED else MISSING
        for m in in_scope
        if m.state in (MATCHED, MISSING)
    ]
    if not ends and note is None:
        note = EMPTY_NOTE

    def share(*outcomes_counted: str) -> Share:
        found = Share.of(sum(end in outcomes_counted for end in ends), len(ends))
        return replace(found, value=None, low=None, high=None) if note else found

    return KnownOutcome(
        note=note,
        known=len(ends),
        included=share("include"),
        included_or_undecided=share("include", *UNDECIDED),
        reached=share("include", "exclude", "maybe", "awaiting", "conflict"),
        excluded=ends.count("exclude"),
        missing=ends.count(MISSING),
        not_matched=len(in_scope) - len(ends),
        out_of_scope=len(chosen) - len(in_scope),
    )
