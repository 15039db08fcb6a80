"""Agreement between people who decided the same records without seeing each other's decisions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.evaluation.bootstrap import percentile_interval
from model.evaluation.shares import Share

Floats = NDArray[np.float64]

_DRAWS: Final = 2000


@dataclass(frozen=True, slots=True)
class Measure:
    """A coefficient with its 95 % interval, by bootstrap over the records unless said otherwise.

    Attributes:
        value: None if it is undefined.
        low: lower end; ``high`` is the upper end. None if the records give no interval: where
            people never differ, every draw is the same.
    """

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of two people.

    With *a* records on which both gave the first option, *b* and *c* on which only one of them did,
    and *d* on which neither did:

    Attributes:
        records: number that both decided.
        table: how often the first person gave the row's decision and the second the column's.
        raw: records on which they gave the same decision, of all; Wilson's interval.
        in_common: *a* of the *a + b + c* records to which either gave the first option (Jaccard
            1912, doi:10.1111/j.1469-8137.1912.tb05611.x); Wilson's interval.
        positive: positive agreement, 2a / (2a + b + c) (Cicchetti and Feinstein 1990,
            doi:10.1016/0895-4356(90)90159-M).
        negative: negative agreement, 2d / (2d + b + c) (the same).
        kappa: Cohen's, which corrects for chance.
        adjusted: prevalence- and bias-adjusted kappa. For given options it is a function of ``raw``
            alone, and so is its interval.
    """

    records: int
    table: tuple[tuple[int, ...], ...]
    raw: Share
    in_common: Share
    positive: Measure
    negative: Measure
    kappa: Measure
    adjusted: Measure


def _raw(tables: Floats) -> Floats:
    """Share on the diagonal, shape (...,), of tables of shape (..., k, k)."""
    total = tables.sum(axis=(-1, -2))
    same = np.trace(tables, axis1=-2, axis2=-1)
    shares: Floats = np.divide(same, total, out=np.full(total.shape, np.nan), where=total > 0)
    return shares


def _kappa(tables: Floats) -> Floats:
    """Cohen 1960, doi:10.1177/001316446002000104; nan if chance alone would always agree."""
    total = tables.sum(axis=(-1, -2))
    rows, columns = tables.sum(axis=-1), tables.sum(axis=-2)
    squared = np.square(np.maximum(total, 1))
    expected = (rows * columns).sum(axis=-1) / squared
    room = 1 - expected
    raw = _raw(tables)
    kappas: Floats = np.divide(
        raw - expected, room, out=np.full(raw.shape, np.nan), where=room > 1e-12
    )
    return kappas


def _adjusted(raw: Share, options: int) -> Measure:
    """Byrt, Bishop and Carlin 1993, doi:10.1016/0895-4356(93)90018-V; (k po - 1) / (k - 1)."""
    if raw.value is None or raw.low is None or raw.high is None:
        return Measure(None, None, None)
    return Measure(*((options * at - 1) / (options - 1) for at in (raw.value, raw.low, raw.high)))


def _specific(tables: Floats, *, first: bool) -> Floats:
    """Agreement on the first option, or on any other, of tables of shape (..., k, k)."""
    total = tables.sum(axis=(-1, -2))
    one, other, both = tables.sum(axis=-1)[..., 0], tables.sum(axis=-2)[..., 0], tables[..., 0, 0]
    if not first:
        one, other, both = total - one, total - other, total - one - other + both
    shares: Floats = np.divide(
        2 * both, one + other, out=np.full(total.shape, np.nan), where=one + other > 0
    )
    return shares


def _measure(value: Floats, sampled: Floats) -> Measure:
    if np.isnan(float(value)):
        return Measure(None, None, None)
    draws = sampled[~np.isnan(sampled)]
    low, high = percentile_interval(draws)
    if np.ptp(draws) < 1e-12:
        return Measure(float(value), None, None)
    return Measure(float(value), low, high)


def agreement(
    first: Sequence[str],
    second: Sequence[str],
    options: Sequence[str],
    *,
    seed: int = 0,
) -> Agreement:
    """Agreement of two people on the records that both decided.

    Bootstrap intervals are percentiles of 2,000 draws of the records (Efron 1979,
    doi:10.1214/aos/1176344552).

    Args:
        first: one person's decisions, one for each record.
        second: the other's, in the same order.
        options: the possible decisions, two or more; the first is the positive one.
        seed: of the draws.

    Raises:
        ValueError: the two differ in length, or a decision is not one of the options.
    """
    places = {option: place for place, option in enumerate(options)}
    try:
        pairs = [(places[a], places[b]) for a, b in zip(first, second, strict=True)]
    except KeyError as error:
        raise ValueError(f"{error} is not one of {', '.join(options)}") from error
    size = len(options)
    table = np.zeros((size, size), np.int64)
    for row, column in pairs:
        table[row, column] += 1
    rng = np.random.default_rng(seed)
    if pairs:
        cells = table.ravel() / len(pairs)
        samples = (
            rng.multinomial(len(pairs), cells, _DRAWS).reshape(_DRAWS, size, size).astype(float)
        )
    else:
        samples = np.zeros((1, size, size))
    observed = table.astype(np.float64)
    raw = Share.of(int(np.trace(table)), len(pairs))
    both = int(table[0, 0])
    either = int(table[0].sum() + table[:, 0].sum()) - both
    return Agreement(
        records=len(pairs),
        table=tuple(tuple(int(count) for count in row) for row in table),
        raw=raw,
        in_common=Share.of(both, either),
        positive=_measure(_specific(observed, first=True), _specific(samples, first=True)),
        negative=_measure(_specific(observed, first=False), _specific(samples, first=False)),
        kappa=_measure(_kappa(observed), _kappa(samples)),
        adjusted=_adjusted(raw, size),
    )


def _alpha(coincidences: Floats) -> Floats:
    """Alpha of coincidence tables of shape (..., k, k); nan if nothing varies."""
    totals = coincidences.sum(axis=-1)
    paired = totals.sum(axis=-1)
    same = np.trace(coincidences, axis1=-2, axis2=-1)
    chance = (totals * (totals - 1)).sum(axis=-1)
    room = paired * (paired - 1) - chance
    above = (paired - 1) * same - chance
    alphas: Floats = np.divide(above, room, out=np.full(paired.shape, np.nan), where=room > 1e-9)
    return alphas


def alpha(
    units: Sequence[Sequence[str]],
    options: Sequence[str],
    *,
    seed: int = 0,
) -> Measure:
    """Krippendorff's alpha for nominal data: any number of people, not all on each record.

    Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability". The libraries that offer it
    are under the GPL or depend on a whole statistics package.

    Args:
        units: each record's decisions; those with fewer than two do not count.
        options: the possible decisions.
        seed: of the draws.
    """
    # Records with the same numbers of each decision are counted together.
    patterns = Counter(
        tuple(unit.count(option) for option in options)
        for unit in map(list, units)
        if len(unit) >= 2
    )
    if not patterns:
        return Measure(None, None, None)
    counts = np.array(list(patterns), np.float64)
    frequencies = np.array(list(patterns.values()), np.int64)
    pairs = counts[:, :, None] * counts[:, None, :]
    pairs[:, range(len(options)), range(len(options))] -= counts
    pairs /= (counts.sum(axis=1) - 1)[:, None, None]
    number = int(frequencies.sum())
    samples = np.random.default_rng(seed).multinomial(number, frequencies / number, _DRAWS)
    return _measure(
        _alpha(np.tensordot(frequencies, pairs, axes=1)),
        _alpha(np.tensordot(samples, pairs, axes=1)),
    )
