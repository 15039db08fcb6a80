"""How much of what is known the searches found.

It is called an estimate only if it was computed from records that played no part in building the
search, and that this review's own searches did not bring.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from model.evaluation.matching import (
    EMPTY_NOTE,
    LIST,
    MATCHED,
    MISSING,
    NOT_MATCHED,
    Match,
    choose_distinct,
)
from model.evaluation.metrics import wilson

SEARCH_NOTE = "used to build the search: not an estimate of what the searches find"
OWN_SEARCH_NOTE = "found by this review's own searches: not an estimate of what the searches find"


def choose_for_search(matches: Sequence[Match]) -> tuple[list[Match], str, str | None]:
    """The known records that can check the search, or else all of them with the reason.

    Records that this review's own searches brought cannot: the searches found them by definition.

    Returns:
        The matches, each report once; their use, "validation" or "development"; and why the figures
        are no estimate, None if they are one.
    """
    outside = [m for m in matches if m.known.origin == LIST]
    validation = [m for m in outside if m.known.search_use == "validation"]
    if validation or not matches:
        return choose_distinct(validation), "validation", None
    note = SEARCH_NOTE if outside else OWN_SEARCH_NOTE
    return choose_distinct(matches), "development", note


@dataclass(frozen=True, slots=True)
class SearchRecall:
    """How many of the known relevant records the searches found. A report counts once.

    Attributes:
        recall: found / (found + missing) over the validation records; None if there is a ``note``.
        interval: Wilson's 95 % interval of ``recall``; None if there is none.
        note: why there is no estimate of recall; None if there is one.
        use: which records the figures are about, "validation" or "development".
        counted: records behind the figures (in scope, matched or missing).
    """

    recall: float | None
    interval: tuple[float, float] | None
    note: str | None
    use: str
    counted: int
    found: int
    missing: tuple[Match, ...]
    not_matched: tuple[Match, ...]
    out_of_scope: int
    undated: int


def search_recall(matches: Sequence[Match]) -> SearchRecall:
    """What the searches found of the records that can check them; counts alone of any others.

    Args:
        matches: known relevant records.
    """
    chosen, use, note = choose_for_search(matches)
    in_scope = [m for m in chosen if m.in_scope]
    found = sum(m.state == MATCHED for m in in_scope)
    missing = tuple(m for m in in_scope if m.state == MISSING)
    counted = found + len(missing)
    if counted == 0 and note is None:
        note = EMPTY_NOTE
    return SearchRecall(
        recall=found / counted if counted and note is None else None,
        interval=wilson(found, counted) if note is None else None,
        note=note,
        use=use,
        counted=counted,
        found=found,
        missing=missing,
        not_matched=tuple(m for m in in_scope if m.state == NOT_MATCHED),
        out_of_scope=len(chosen) - len(in_scope),
        undated=sum(not m.dated for m in in_scope),
    )
