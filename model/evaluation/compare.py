"""Compare pipelines with a base one, paired by data set and seed, with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.evaluation.simulate import Run

_DRAWS: Final = 2000
_CONFIDENCE: Final = 0.95

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class SetComparison:
    """Means on one data set over the seeds that both pipelines ran.

    Attributes:
        ratio: mean loss over the base's mean loss; below 1 is better.
        interval: of the ratio, by bootstrap over the seeds.
        wss95: difference in WSS@95, fractions; above 0 is better.
        work_to_last: difference in work to the last relevant record; below 0 is better.
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
    """A pipeline compared with the base over all data sets, weighted equally.

    Attributes:
        ratio: geometric mean of the sets' loss ratios.
        interval: of that mean, by bootstrap over the sets: the range that other reviews of this
            kind would give. None for a single set.
        no_worse: share of sets whose ratio is at most 1.
        worst: highest ratio; ``worst_set`` is the set that has it.
        wss95: mean difference in WSS@95.
        work_to_last: mean difference in work to the last relevant record;
            ``work_to_last_highest`` is the highest.
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
    # Nearest values, not interpolated: interpolating between two infinite ones gives nan.
    low, high = np.percentile(values, [tail, 100 - tail], method="nearest")
    return float(low), float(high)


def _pairs(ours: Sequence[Run], base: Sequence[Run]) -> list[tuple[Run, Run]]:
    base_by_seed = {run.seed: run for run in base}
    return [(run, base_by_seed[run.seed]) for run in ours if run.seed in base_by_seed]


def _compare_set(pairs: Sequence[tuple[Run, Run]], rng: np.random.Generator) -> SetComparison:
    losses = np.array([[ours.loss, base.loss] for ours, base in pairs])
    samples = losses[rng.integers(len(pairs), size=(_DRAWS, len(pairs)))].mean(axis=1)
    ours_runs, base_runs = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    wss95, base_wss95 = _mean(ours_runs, "wss95"), _mean(base_runs, "wss95")
    work, base_work = _mean(ours_runs, "work_to_last"), _mean(base_runs, "work_to_last")
    loss, base_loss = losses.mean(axis=0)
    return SetComparison(
        data_set=pairs[0][0].data_set,
        seeds=len(pairs),
        loss=float(loss),
        base_loss=float(base_loss),
        ratio=_ratio(float(loss), float(base_loss)),
        interval=_percentiles(np.array([_ratio(float(a), float(b)) for a, b in samples])),
        wss95=wss95 - base_wss95,
        base_wss95=base_wss95,
        work_to_last=work - base_work,
        base_work_to_last=base_work,
    )


def _mean(runs: Sequence[Run], figure: str) -> float:
    return float(np.mean([getattr(run, figure) for run in runs]))


def _ratio(ours: float, base: float) -> float:
    # A base with no loss cannot be beaten: a tie counts as 1, anything else as infinite.
    if base > 0:
        return ours / base
    return 1.0 if ours == 0 else float("inf")


def geometric_mean(values: Iterable[float]) -> float:
    """Geometric mean of values of 0 or more; 0 if one of them is 0."""
    with np.errstate(divide="ignore"):
        return float(np.exp(np.log(np.array([*values], float)).mean()))


def compare(runs: Iterable[Run], *, base: str, seed: int = 0) -> list[Comparison]:
    """Compare each pipeline with the base, on the data sets and seeds that both have run.

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
    base_sets = by_pipeline.get(base, {})
    rng = np.random.default_rng(seed)
    comparisons = []
    for pipeline, sets in by_pipeline.items():
        if pipeline == base:
            continue
        paired = [_pairs(own, base_sets.get(name, [])) for name, own in sets.items()]
        compared = [_compare_set(pairs, rng) for pairs in paired if pairs]
        if compared:
            comparisons.append(summarise(pipeline, base, compared, rng=rng))
    return comparisons


def summarise(
    pipeline: str, base: str, sets: Sequence[SetComparison], *, rng: np.random.Generator
) -> Comparison:
    """Summarise comparisons on single data sets, at least one."""
    ratios = np.array([comparison.ratio for comparison in sets])
    interval = None
    if len(sets) > 1:
        samples = ratios[rng.integers(len(sets), size=(_DRAWS, len(sets)))]
        interval = _percentiles(np.array([geometric_mean(row) for row in samples]))
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
        wss95=float(np.mean([comparison.wss95 for comparison in sets])),
        work_to_last=float(np.mean([comparison.work_to_last for comparison in sets])),
        work_to_last_highest=max(comparison.work_to_last for comparison in sets),
    )


def mean_curve(
    orders: Sequence[NDArray[np.bool_]], shares: NDArray[np.float64]
) -> Mapping[str, NDArray[np.float64]]:
    """Recall by share of records read: mean, lowest and highest of several replays.

    Args:
        orders: labels in screening order, each of shape (n_records,), at least one relevant.
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
