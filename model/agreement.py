"""How far people agree who decided the same records without seeing each other's decisions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.bootstrap import ends

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]

_DRAWS: Final = 2000


@dataclass(frozen=True, slots=True)
class Measure:
    """A coefficient with its 95 % bootstrap interval over records; None where it is not defined."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of two people.

    Attributes:
        records: that both decided.
        table: how often the first said the row's word and the second the column's.
        raw: share of the records on which they said the same.
        kappa: Cohen's, chance taken off.
        adjusted: prevalence- and bias-adjusted kappa: kappa where few records are relevant is low
            however well people agree, this is not.
    """

    records: int
    table: tuple[tuple[int, ...], ...]
    raw: Measure
    kappa: Measure
    adjusted: Measure


def _raw(tables: Floats) -> Floats:
    """Share on the diagonal, shape (...,), of tables of shape (..., k, k)."""
    total = tables.sum(axis=(-1, -2))
    same = np.trace(tables, axis1=-2, axis2=-1)
    found: Floats = np.divide(same, total, out=np.full(total.shape, np.nan), where=total > 0)
    return found


def _kappa(tables: Floats) -> Floats:
    """Cohen 1960, doi:10.1177/001316446002000104; nan where chance alone would agree always."""
    total = tables.sum(axis=(-1, -2))
    rows, columns = tables.sum(axis=-1), tables.sum(axis=-2)
    squared = np.square(np.maximum(total, 1))
    expected = (rows * columns).sum(axis=-1) / squared
    room = 1 - expected
    raw = _raw(tables)
    found: Floats = np.divide(
        raw - expected, room, out=np.full(raw.shape, np.nan), where=room > 1e-12
    )
    return found


def _adjusted(tables: Floats) -> Floats:
    """Byrt, Bishop and Carlin 1993, doi:10.1016/0895-4356(93)90018-V; (k po - 1) / (k - 1)."""
    words = tables.shape[-1]
    found: Floats = (words * _raw(tables) - 1) / (words - 1)
    return found


def _measured(values: Floats, drawn: Floats) -> Measure:
    value = float(values)
    if np.isnan(value):
        return Measure(None)
    known = drawn[~np.isnan(drawn)]
    low, high = ends(known)
    return Measure(value, low, high)


def agreement(
    first: Sequence[str],
    second: Sequence[str],
    words: Sequence[str],
    *,
    seed: int = 0,
) -> Agreement:
    """Agreement of two people on the records that both decided.

    The intervals are of a bootstrap over the records (percentiles of 2,000 draws).

    Args:
        first: one person's decisions, a record each.
        second: the other's, in the same order.
        words: what can be said, two or more.
        seed: of the draws.

    Raises:
        ValueError: the two are not equally many, or a decision is none of the words.
    """
    places = {word: at for at, word in enumerate(words)}
    try:
        pairs = [(places[a], places[b]) for a, b in zip(first, second, strict=True)]
    except KeyError as error:
        raise ValueError(f"{error} is none of {', '.join(words)}") from error
    size = len(words)
    table = np.zeros((size, size), np.int64)
    for row, column in pairs:
        table[row, column] += 1
    rng = np.random.default_rng(seed)
    if pairs:
        cells = table.ravel() / len(pairs)
        drawn = rng.multinomial(len(pairs), cells, _DRAWS).reshape(_DRAWS, size, size).astype(float)
    else:
        drawn = np.zeros((1, size, size))
    real = table.astype(np.float64)
    return Agreement(
        records=len(pairs),
        table=tuple(tuple(int(each) for each in row) for row in table),
        raw=_measured(_raw(real), _raw(drawn)),
        kappa=_measured(_kappa(real), _kappa(drawn)),
        adjusted=_measured(_adjusted(real), _adjusted(drawn)),
    )


def _alpha(coincidences: Floats) -> Floats:
    """Alpha of coincidence tables of shape (..., k, k); nan where nothing varies."""
    totals = coincidences.sum(axis=-1)
    paired = totals.sum(axis=-1)
    same = np.trace(coincidences, axis1=-2, axis2=-1)
    chance = (totals * (totals - 1)).sum(axis=-1)
    room = paired * (paired - 1) - chance
    above = (paired - 1) * same - chance
    found: Floats = np.divide(above, room, out=np.full(paired.shape, np.nan), where=room > 1e-9)
    return found


def alpha(
    units: Sequence[Sequence[str]],
    words: Sequence[str],
    *,
    seed: int = 0,
) -> Measure:
    """Krippendorff's alpha for nominal words: any number of people, not all on each record.

    Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability". Libraries that have it are
    under the GPL or bring a statistics package with them.

    Args:
        units: each record's decisions; those with fewer than two say nothing.
        words: what can be said.
        seed: of the draws.
    """
    # Records on which as many people said the same count together.
    seen = Counter(
        tuple(unit.count(word) for word in words) for unit in map(list, units) if len(unit) >= 2
    )
    if not seen:
        return Measure(None)
    kinds = np.array(list(seen), np.float64)
    often = np.array(list(seen.values()), np.int64)
    pairs = kinds[:, :, None] * kinds[:, None, :]
    pairs[:, range(len(words)), range(len(words))] -= kinds
    pairs /= (kinds.sum(axis=1) - 1)[:, None, None]
    number = int(often.sum())
    drawn = np.random.default_rng(seed).multinomial(number, often / number, _DRAWS)
    return _measured(
        _alpha(np.tensordot(often, pairs, axes=1)), _alpha(np.tensordot(drawn, pairs, axes=1))
    )
