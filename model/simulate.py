"""Replay of a finished review: what a pipeline would have found when."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from model import metrics
from model.features import Features
from model.order import Evidence, PoolRanker
from model.pipeline import Pipeline

_NONE = np.array([], dtype=np.int64)

Schedule = Literal["each", "thinning"]
_EACH_UNTIL: Final = 200
_THEN_SHARE: Final = 0.01


@dataclass(frozen=True, slots=True)
class Run:
    """One replay. Fractions are 0 to 1; the two priors are left out of every figure.

    Attributes:
        recall_at_10: recall after 10 % of the records.
        work_to_last: share of the records read when the last relevant one was found.
        seconds: wall time of the replay, features from texts included, embeddings not.
        order: row numbers in the order read, up to the last relevant one.
    """

    data_set: str
    pipeline: str
    seed: int
    loss: float
    ndcg: float
    wss95: float
    wss100: float
    recall_at_10: float
    work_to_last: float
    seconds: float
    order: tuple[int, ...]


def draw_priors(y: NDArray[np.bool_], rng: np.random.Generator) -> tuple[int, int]:
    """One relevant and one irrelevant row.

    Raises:
        ValueError: a class is absent.
    """
    relevant, irrelevant = np.flatnonzero(y), np.flatnonzero(~y)
    if len(relevant) < 2 or len(irrelevant) < 1:
        raise ValueError(
            f"a replay needs at least 2 relevant and 1 irrelevant record, "
            f"not {len(relevant)} and {len(irrelevant)}"
        )
    return int(rng.choice(relevant)), int(rng.choice(irrelevant))


def reads_before_refit(schedule: Schedule, labelled: int, size: int) -> int:
    """How many records are read from one order before the next fit.

    Args:
        schedule: "each": one; "thinning": one up to 200 labels, then 1 % of the records.
        labelled: labels so far, priors included.
        size: records of the set.
    """
    if schedule == "each" or labelled < _EACH_UNTIL:
        return 1
    return max(1, int(_THEN_SHARE * size))


def replay(
    features: Features,
    y: NDArray[np.bool_],
    pipeline: Pipeline,
    *,
    seed: int,
    schedule: Schedule = "each",
    progress: Callable[[int], None] | None = None,
) -> list[int]:
    """Rows in the order read: the best unread one, a refit, and so on to the last relevant.

    Args:
        features: of all rows.
        y: shape (n_rows,), True where relevant.
        pipeline: what orders the unread.
        schedule: when it is refitted, see ``reads_before_refit``.
        seed: draws the priors (see ``draw_priors``) and seeds the fits.
        progress: called with the number of rows read, every 50.

    Raises:
        ValueError: a class is too small for a replay.
    """
    rng = np.random.default_rng(seed)
    labelled = list(draw_priors(y, rng))
    unread = np.ones(len(y), bool)
    unread[labelled] = False
    left = int(y.sum()) - 1
    ranker = PoolRanker(features, pipeline, seed=seed)
    order: list[int] = []
    while left:
        rows = np.array(labelled, np.int64)
        evidence = Evidence(rows, y[rows], unread, _NONE, _NONE)
        reads = reads_before_refit(schedule, len(labelled), len(y))
        for best in ranker.rank(evidence).order[:reads].tolist():
            order.append(best)
            labelled.append(best)
            unread[best] = False
            left -= int(y[best])
            if progress and len(order) % 50 == 0:
                progress(len(order))
            if not left:
                break
    return order


def measure(
    data_set: str, pipeline: str, seed: int, y: NDArray[np.bool_], order: list[int], seconds: float
) -> Run:
    """Figures of a replay: the rows read, then the unread rest, which is all irrelevant."""
    labels = np.zeros(len(y) - 2, bool)
    labels[: len(order)] = y[order]
    return Run(
        data_set=data_set,
        pipeline=pipeline,
        seed=seed,
        loss=metrics.loss(labels),
        ndcg=metrics.ndcg(labels),
        wss95=metrics.wss_at(labels, 0.95),
        wss100=metrics.wss_at(labels, 1.0),
        recall_at_10=metrics.recall_at(labels, int(0.1 * len(labels))),
        work_to_last=metrics.reads_to(labels, 1.0) / len(labels),
        seconds=seconds,
        order=tuple(order),
    )


def simulate(
    data_set: str,
    build: Callable[[], Features],
    y: NDArray[np.bool_],
    pipeline: Pipeline,
    *,
    seed: int,
    schedule: Schedule = "each",
    progress: Callable[[int], None] | None = None,
) -> Run:
    """One timed replay of a data set; ``build`` makes the features and is timed too."""
    start = time.perf_counter()
    order = replay(build(), y, pipeline, seed=seed, schedule=schedule, progress=progress)
    return measure(data_set, pipeline.name, seed, y, order, time.perf_counter() - start)
