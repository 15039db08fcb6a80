"""Pipelines beside a base one, paired by data set and seed, with intervals by bootstrap."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.simulate import Run

_DRAWS: Final = 2000
_CONFIDENCE: Final = 0.95

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class SetComparison:
    """One data set: means over the seeds that both pipelines ran.

    Attributes:
        ratio: mean loss over the base's mean loss; below 1 is better.
        interval: of the ratio, by bootstrap over the seeds.
        wss95: difference in WSS@95, fractions; above 0 is better.
        work_to_last: difference in work to the last relevant; below 0 is better.
    """

    data_set: str
    seeds: int
    loss: float
    base_loss: float
    ratio: float
    interval: Interval
    wss95: float
    base_wss95: float
    work_to_last: float
    base_work_to_last: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """A pipeline beside the base over all data sets, each counting the same.

    Attributes:
        ratio: geometric mean of the sets' loss ratios.
        interval: of that mean, by bootstrap over the sets: what another choice of reviews of this
            kind would give. None with one set.
        no_worse: share of sets whose ratio is at most 1.
        worst: highest ratio, and ``worst_set`` that has it.
        wss95: mean difference in WSS@95.
        work_to_last: mean difference in work to the last relevant, and the highest difference.
    """

    pipeline: str
    base: str
    sets: tuple[SetComparison, ...]
    ratio: float
    interval: Interval | None
    no_worse: float
    worst: float
    worst_set: str
    wss95: float
    work_to_last: float
    work_to_last_highest: float


def _percentiles(values: NDArray[np.float64]) -> Interval:
    tail = 50 * (1 - _CONFIDENCE)
    # Drawn values themselves: between two infinite ones there is nothing to interpolate.
    low, high = np.percentile(values, [tail, 100 - tail], method="nearest")
    return float(low), float(high)


def _pairs(ours: Sequence[Run], base: Sequence[Run]) -> list[tuple[Run, Run]]:
    known = {run.seed: run for run in base}
    return [(run, known[run.seed]) for run in ours if run.seed in known]


def _of_set(pairs: Sequence[tuple[Run, Run]], rng: np.random.Generator) -> SetComparison:
    losses = np.array([[ours.loss, base.loss] for ours, base in pairs])
    drawn = losses[rng.integers(len(pairs), size=(_DRAWS, len(pairs)))].mean(axis=1)
    ours_of, base_of = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    wss95, base_wss95 = _mean(ours_of, "wss95"), _mean(base_of, "wss95")
    work, base_work = _mean(ours_of, "work_to_last"), _mean(base_of, "work_to_last")
    loss, base_loss = losses.mean(axis=0)
    return SetComparison(
        data_set=pairs[0][0].data_set,
        seeds=len(pairs),
        loss=float(loss),
        base_loss=float(base_loss),
        # A base without any loss cannot be beaten: equal counts as 1, anything else as infinite.
        ratio=_ratio(float(loss), float(base_loss)),
        interval=_percentiles(np.array([_ratio(float(a), float(b)) for a, b in drawn])),
        wss95=wss95 - base_wss95,
        base_wss95=base_wss95,
        work_to_last=work - base_work,
        base_work_to_last=base_work,
    )


def _mean(runs: Sequence[Run], figure: str) -> float:
    return float(np.mean([getattr(run, figure) for run in runs]))


def _ratio(ours: float, base: float) -> float:
    if base > 0:
        return ours / base
    return 1.0 if ours == 0 else float("inf")


def geometric_mean(values: Iterable[float]) -> float:
    """Of values of 0 or more; 0 where one of them is 0."""
    found = np.array([*values], float)
    with np.errstate(divide="ignore"):
        return float(np.exp(np.log(found).mean()))


def compare(runs: Iterable[Run], *, base: str, seed: int = 0) -> list[Comparison]:
    """Each pipeline beside the base, on the data sets and seeds that both have run.

    Args:
        runs: replays of any pipelines, data sets and seeds.
        base: the pipeline to compare with.
        seed: of the bootstrap.

    Returns:
        One comparison for each other pipeline that shares a data set and seed with the base, in
        order of first appearance.
    """
    by_pipeline: dict[str, dict[str, list[Run]]] = {}
    for run in runs:
        by_pipeline.setdefault(run.pipeline, {}).setdefault(run.data_set, []).append(run)
    known = by_pipeline.get(base, {})
    rng = np.random.default_rng(seed)
    found = []
    for pipeline, sets in by_pipeline.items():
        if pipeline == base:
            continue
        paired = [_pairs(own, known.get(name, [])) for name, own in sets.items()]
        compared = [_of_set(pairs, rng) for pairs in paired if pairs]
        if compared:
            found.append(summed(pipeline, base, compared, rng=rng))
    return found


def summed(
    pipeline: str, base: str, sets: Sequence[SetComparison], *, rng: np.random.Generator
) -> Comparison:
    """Sum up comparisons of single data sets, of which there is at least one."""
    ratios = np.array([each.ratio for each in sets])
    interval = None
    if len(sets) > 1:
        drawn = ratios[rng.integers(len(sets), size=(_DRAWS, len(sets)))]
        interval = _percentiles(np.array([geometric_mean(row) for row in drawn]))
    worst = int(ratios.argmax())
    return Comparison(
        pipeline=pipeline,
        base=base,
        sets=tuple(sets),
        ratio=geometric_mean(ratios),
        interval=interval,
        no_worse=float((ratios <= 1).mean()),
        worst=float(ratios[worst]),
        worst_set=sets[worst].data_set,
        wss95=float(np.mean([each.wss95 for each in sets])),
        work_to_last=float(np.mean([each.work_to_last for each in sets])),
        work_to_last_highest=max(each.work_to_last for each in sets),
    )


def mean_curve(
    orders: Sequence[NDArray[np.bool_]], shares: NDArray[np.float64]
) -> Mapping[str, NDArray[np.float64]]:
    """Recall over the share of records read: mean, lowest and highest of several replays.

    Args:
        orders: labels in screening order, each of shape (n_records,), one relevant at least.
        shares: of the records read, 0 to 1, shape (n,).

    Returns:
        "mean", "lowest" and "highest", each of shape (n,).
    """
    recalls = np.array(
        [
            np.concatenate([[0.0], np.cumsum(labels) / labels.sum()])[
                np.floor(shares * len(labels) + 1e-9).astype(int)
            ]
            for labels in orders
        ]
    )
    return {
        "mean": recalls.mean(axis=0),
        "lowest": recalls.min(axis=0),
        "highest": recalls.max(axis=0),
    }
