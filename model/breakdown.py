"""Recall by kind of record: whether the search or the order serves some kinds worse than the rest.

A kind is a value of an attribute: a source, a period, a language, or a column of the list of known
relevant records, such as its study design. One figure for all hides a ranking that finds trials and
leaves qualitative studies to the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.bootstrap import mean_interval
from model.metrics import wilson

# An attribute with more values names records, it does not group them.
_MOST_KINDS: Final = 20
_SHARES: Final = (0.05, 0.1, 0.2, 0.5)
_LEVEL: Final = 0.05
_NOT_STATED: Final = "not stated"


@dataclass(frozen=True, slots=True)
class Subject:
    """A known relevant record, as far as recall by kind needs it.

    Attributes:
        kinds: values of each attribute; an absent one is "not stated".
        held: whether it is among the review's records; None where it does not count for the search.
        place: in screening order, from 1; None where it does not count for the order.
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
        held: of ``counted`` known records that the search can be judged by, those it holds.
        search_interval: of held / counted, 95 %, Wilson's; None where nothing counts.
        search_behind: whether the search holds fewer of this kind than of the rest, beyond chance.
        relevant: known records that the order can be judged by.
        found: of these, read and included so far.
        recall_at: recall after a share of the records, such as "10%".
        mean_place: mean share of the records read when one is reached (ATD); None without any.
        place_interval: of the mean, 95 %, by bootstrap over the records; None below two.
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


def breakdown(subjects: Sequence[Subject], *, reports: int) -> tuple[Kind, ...]:
    """Recall of each kind of each attribute that tells kinds apart.

    A kind is *behind* where a one-sided test against the rest of the records (Fisher's exact test
    for the search; Mann and Whitney's for places) stays below 0.05 after Holm's correction over all
    kinds.

    Args:
        subjects: known relevant records within the review's limits.
        reports: records in screening order.

    Returns:
        Kinds by attribute in order of appearance, values as words sort; attributes with a single
        value, and those with more than 20 different ones, are left out.
    """
    subjects = [each for each in subjects if each.held is not None or each.place is not None]
    chosen: list[tuple[str, str, NDArray[np.bool_]]] = []
    for attribute in dict.fromkeys(name for each in subjects for name in each.kinds):
        values = [each.kinds.get(attribute) or (_NOT_STATED,) for each in subjects]
        known = sorted({value for own in values for value in own})
        if 1 < len(known) <= _MOST_KINDS:
            chosen += [
                (attribute, value, np.array([value in own for own in values])) for value in known
            ]
    if not chosen:
        return ()
    search = _behind([_search_chance(subjects, mine) for _, _, mine in chosen])
    order = _behind([_order_chance(subjects, mine) for _, _, mine in chosen])
    return tuple(
        _kind(
            attribute,
            value,
            [each for each, own in zip(subjects, mine, strict=True) if own],
            reports=reports,
            behind=(search[number], order[number]),
        )
        for number, (attribute, value, mine) in enumerate(chosen)
    )


def _kind(
    attribute: str,
    value: str,
    mine: Sequence[Subject],
    *,
    reports: int,
    behind: tuple[bool, bool],
) -> Kind:
    counted = [each.held for each in mine if each.held is not None]
    placed = [each for each in mine if each.place is not None]
    places = np.array([each.place for each in placed], float)
    return Kind(
        attribute=attribute,
        value=value,
        held=sum(counted),
        counted=len(counted),
        search_interval=wilson(sum(counted), len(counted)),
        search_behind=behind[0],
        relevant=len(placed),
        found=sum(each.found for each in placed),
        recall_at={
            f"{share:.0%}": float((places <= int(share * reports)).mean()) for share in _SHARES
        }
        if len(places)
        else {},
        mean_place=float(places.mean() / reports) if len(places) else None,
        place_interval=mean_interval(places / reports) if len(places) > 1 else None,
        order_behind=behind[1],
    )


def _search_chance(subjects: Sequence[Subject], mine: NDArray[np.bool_]) -> float | None:
    """Chance of holding so few of a kind if it were held like the rest; None where it cannot be."""
    from scipy.stats import fisher_exact

    counts = np.zeros((2, 2), int)
    for each, own in zip(subjects, mine, strict=True):
        if each.held is not None:
            counts[0 if own else 1, 0 if each.held else 1] += 1
    if (counts.sum(axis=1) == 0).any():
        return None
    return float(fisher_exact(counts, alternative="less")[1])


def _order_chance(subjects: Sequence[Subject], mine: NDArray[np.bool_]) -> float | None:
    """Chance of reaching a kind so late if it were reached like the rest."""
    from scipy.stats import mannwhitneyu

    own: list[int] = []
    rest: list[int] = []
    for each, yes in zip(subjects, mine, strict=True):
        if each.place is not None:
            (own if yes else rest).append(each.place)
    if not own or not rest:
        return None
    return float(mannwhitneyu(own, rest, alternative="greater").pvalue)


def _behind(chances: Sequence[float | None]) -> list[bool]:
    """Which chances are small enough after Holm's step-down correction (Holm 1979)."""
    told = sorted((chance, place) for place, chance in enumerate(chances) if chance is not None)
    found = [False] * len(chances)
    for step, (chance, place) in enumerate(told):
        if chance * (len(told) - step) >= _LEVEL:
            break
        found[place] = True
    return found
