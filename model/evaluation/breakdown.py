"""Recall by kind of record: does the search or the order serve some kinds worse than others?

A kind is a value of an attribute: a source, a period, a language, or a column of the list of known
relevant records, such as study design. A single figure can hide a ranking that finds trials and
leaves qualitative studies to the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.evaluation.bootstrap import mean_interval
from model.evaluation.matching import MATCHED, MISSING, Match
from model.evaluation.metrics import wilson
from model.evaluation.screening_recall import FOUND, Read, find_judged
from model.evaluation.search_recall import choose_for_search

# An attribute with more values than this identifies records; it does not group them.
_MOST_KINDS: Final = 20
_SHARES: Final = (0.05, 0.1, 0.2, 0.5)
_LEVEL: Final = 0.05
_NOT_STATED: Final = "not stated"
# Only a report that the review holds has sources, so each source is judged by all known records.
SOURCE: Final = "source"


@dataclass(frozen=True, slots=True)
class Subject:
    """The facts about a known relevant record that recall by kind needs.

    Attributes:
        kinds: values of each attribute; an absent attribute is "not stated".
        held: whether the review holds it; None if it does not count for the search.
        place: in screening order, from 1; None if it does not count for the order.
        found: whether it has been read and included.
    """

    kinds: Mapping[str, tuple[str, ...]]
    held: bool | None
    place: int | None
    found: bool


@dataclass(frozen=True, slots=True)
class Kind:
    """Recall of one kind. Shares are 0 to 1.

    Attributes:
        held: known records that the search holds, out of the ``counted`` it can be judged by; for
            a source those that it brought, out of all.
        search_interval: of held / counted, 95 %, Wilson's; None if nothing counts.
        search_behind: whether the search holds fewer of this kind than of the rest, beyond chance.
        relevant: known records that the order can be judged by.
        found: of these, the ones read and included so far.
        recall_at: recall after a share of the records, such as "10%".
        mean_place: mean share of the records read when one is reached (ATD); None if there are
            none.
        place_interval: of the mean, 95 %, by bootstrap over the records; None for fewer than two.
        order_behind: whether the order reaches this kind later than the rest, beyond chance.
    """

    attribute: str
    value: str
    held: int
    counted: int
    search_interval: tuple[float, float] | None
    search_behind: bool
    relevant: int
    found: int
    recall_at: Mapping[str, float]
    mean_place: float | None
    place_interval: tuple[float, float] | None
    order_behind: bool


def list_subjects(
    matches: Sequence[Match], order: Sequence[Read], sources: Mapping[int, tuple[str, ...]]
) -> list[Subject]:
    """Known relevant records within the limits, in the form that ``breakdown`` needs.

    Kinds: source (of records the review holds), five-year period, language, publication type, and
    the list's own columns. Several copies of one report in a list count once for the order.

    Args:
        matches: known relevant records.
        order: reports in screening order.
        sources: of each report.
    """
    kept, relevant_ids = find_judged(matches, order)
    places = {entry.report_id: place for place, entry in enumerate(kept, start=1)}
    included = {entry.report_id for entry in kept if entry.decision in FOUND}
    for_search = {id(m) for m in choose_for_search(matches)[0]}
    subjects: list[Subject] = []
    placed: set[int] = set()
    for m in matches:
        if not m.in_scope:
            continue
        counts_for_search = m.state in (MATCHED, MISSING) and id(m) in for_search
        place = None
        if m.report_id in relevant_ids and m.report_id not in placed:
            placed.add(m.report_id)
            place = places.get(m.report_id)
        subjects.append(
            Subject(
                kinds=_kinds(m, sources.get(m.report_id or 0, ())),
                held=(m.state == MATCHED) if counts_for_search else None,
                place=place,
                found=m.report_id in included,
            )
        )
    return subjects


def _kinds(m: Match, sources: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    kinds: dict[str, tuple[str, ...]] = {}
    if m.year is not None:
        first = m.year - m.year % 5
        kinds["years"] = (f"{first} to {first + 4}",)
    if m.languages:
        kinds["language"] = m.languages
    if m.types:
        kinds["publication type"] = m.types
    if sources:
        kinds[SOURCE] = sources
    for name, text in m.known.tags.items():
        values = tuple(value.strip() for value in text.split(";") if value.strip())
        if values:
            kinds[name] = values
    return kinds


class _Members(NamedTuple):
    """A kind of an attribute, and for each subject whether it is of that kind."""

    attribute: str
    value: str
    rows: NDArray[np.bool_]


def breakdown(subjects: Sequence[Subject], *, reports: int) -> tuple[Kind, ...]:
    """Recall of each kind of each attribute that has more than one value.

    A kind is *behind* if a one-sided test against the rest of the records (Fisher's exact test for
    the search, Mann and Whitney's for places) stays below 0.05 after Holm's correction over all
    kinds.

    Args:
        subjects: known relevant records within the review's limits.
        reports: records in screening order.

    Returns:
        Kinds by attribute in order of appearance, values sorted; attributes with a single value or
        with more than 20 are left out.
    """
    subjects = [s for s in subjects if s.held is not None or s.place is not None]
    chosen: list[_Members] = []
    for attribute in dict.fromkeys(name for subject in subjects for name in subject.kinds):
        values = [subject.kinds.get(attribute) or (_NOT_STATED,) for subject in subjects]
        distinct = sorted({value for own in values for value in own})
        if attribute == SOURCE:
            distinct = [value for value in distinct if value != _NOT_STATED]
        if 1 < len(distinct) <= _MOST_KINDS:
            chosen += [
                _Members(attribute, value, np.array([value in own for own in values]))
                for value in distinct
            ]
    if not chosen:
        return ()
    search = _behind(
        [
            None if each.attribute == SOURCE else _search_p_value(subjects, each.rows)
            for each in chosen
        ]
    )
    order = _behind([_order_p_value(subjects, each.rows) for each in chosen])
    return tuple(
        _kind(
            each,
            subjects,
            reports=reports,
            search_behind=search[number],
            order_behind=order[number],
        )
        for number, each in enumerate(chosen)
    )


def _kind(
    kind: _Members,
    subjects: Sequence[Subject],
    *,
    reports: int,
    search_behind: bool,
    order_behind: bool,
) -> Kind:
    members = [subject for subject, own in zip(subjects, kind.rows, strict=True) if own]
    judged = subjects if kind.attribute == SOURCE else members
    counted = sum(subject.held is not None for subject in judged)
    held = sum(bool(subject.held) for subject in members)
    placed = [subject for subject in members if subject.place is not None]
    places = np.array([subject.place for subject in placed], float)
    return Kind(
        attribute=kind.attribute,
        value=kind.value,
        held=held,
        counted=counted,
        search_interval=wilson(held, counted),
        search_behind=search_behind,
        relevant=len(placed),
        found=sum(subject.found for subject in placed),
        recall_at={
            f"{share:.0%}": float((places <= int(share * reports)).mean()) for share in _SHARES
        }
        if len(places)
        else {},
        mean_place=float(places.mean() / reports) if len(places) else None,
        place_interval=mean_interval(places / reports) if len(places) > 1 else None,
        order_behind=order_behind,
    )


def _search_p_value(subjects: Sequence[Subject], members: NDArray[np.bool_]) -> float | None:
    """P-value of holding so few of a kind were it held like the rest; None if undefined."""
    from scipy.stats import fisher_exact

    counts = np.zeros((2, 2), int)
    for subject, own in zip(subjects, members, strict=True):
        if subject.held is not None:
            counts[0 if own else 1, 0 if subject.held else 1] += 1
    if (counts.sum(axis=1) == 0).any():
        return None
    return float(fisher_exact(counts, alternative="less")[1])


def _order_p_value(subjects: Sequence[Subject], members: NDArray[np.bool_]) -> float | None:
    """P-value of reaching a kind so late were it reached like the rest; None if undefined."""
    from scipy.stats import mannwhitneyu

    own: list[int] = []
    rest: list[int] = []
    for subject, member in zip(subjects, members, strict=True):
        if subject.place is not None:
            (own if member else rest).append(subject.place)
    if not own or not rest:
        return None
    return float(mannwhitneyu(own, rest, alternative="greater").pvalue)


def _behind(p_values: Sequence[float | None]) -> list[bool]:
    """Which p-values are small enough after Holm's step-down correction (Holm 1979)."""
    ascending = sorted((p, number) for number, p in enumerate(p_values) if p is not None)
    behind = [False] * len(p_values)
    for step, (p, number) in enumerate(ascending):
        if p * (len(ascending) - step) >= _LEVEL:
            break
        behind[number] = True
    return behind
