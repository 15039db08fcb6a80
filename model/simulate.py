"""Replay of a finished review: what a pipeline would have found when."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from model import metrics
from model.features import Features
from model.order import Evidence, PoolRanker
from model.pipeline import Pipeline

Schedule = Literal["each", "thinning"]
_EACH_UNTIL: Final = 200
_THEN_SHARE: Final = 0.01


@dataclass(frozen=True, slots=True)
class Run:
    """One replay. Fractions are 0 to 1; priors are left out of every figure.

    Attributes:
        pipeline_hash: of everything in the pipeline that changes an order.
        material: hash of what it was made from beside the pipeline: texts, labels, vectors, prior.
        refit: the schedule.
        start: "priors", "question" or "priors and question".
        records: in the order, so without priors; ``relevant`` of them.
        recall_at_10: recall after 10 % of the records (ASReview's RRF@10).
        atd: mean share of the records read when a relevant one is found.
        work_to_last: share of the records read when the last relevant one was found.
        fits: how many orders were made.
        seconds: wall time of the replay, features from texts included, embeddings not.
        places: places of the relevant records in the order, from 1.
        order: row numbers in the order read, up to the last relevant one; empty for a run that was
            read from a log.
    """

    data_set: str
    pipeline: str
    pipeline_hash: str
    material: str
    seed: int
    refit: str
    start: str
    records: int
    relevant: int
    loss: float
    ndcg: float
    wss95: float
    wss100: float
    recall_at_10: float
    atd: float
    work_to_last: float
    fits: int
    seconds: float
    places: tuple[int, ...]
    order: tuple[int, ...] = ()

    @property
    def labels(self) -> NDArray[np.bool_]:
        """True where relevant, in screening order, shape (records,)."""
        found = np.zeros(self.records, bool)
        found[np.array(self.places, int) - 1] = True
        return found


@dataclass(frozen=True, slots=True)
class Plan:
    """How a finished review is replayed.

    Attributes:
        seed: draws the priors (see ``draw_priors``) and seeds the fits.
        refit: when it is fitted, see ``reads_before_refit``.
        priors: whether it starts with one relevant and one irrelevant record.
        queries: rows of the features, beyond the records, that say what is sought.
        seeds: rows known relevant beforehand; they train until they are read.
        fit_until: labels after which the order stays as it is; None: fitted to the end.
    """

    seed: int
    refit: Schedule = "each"
    priors: bool = True
    queries: tuple[int, ...] = ()
    seeds: tuple[int, ...] = ()
    fit_until: int | None = None

    @property
    def schedule(self) -> str:
        """When it is fitted, in words."""
        return self.refit if self.fit_until is None else f"{self.refit} to {self.fit_until}"

    @property
    def start(self) -> str:
        """What is known at the start, in words."""
        known = (
            (["priors"] if self.priors else [])
            + (["question"] if self.queries else [])
            + (["seeds"] if self.seeds else [])
        )
        return " and ".join(known) or "nothing"


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


def _reads(plan: Plan, labelled: int, size: int) -> int:
    if plan.fit_until is not None and labelled >= plan.fit_until:
        return size
    return reads_before_refit(plan.refit, labelled, size)


def replay(
    features: Features,
    y: NDArray[np.bool_],
    pipeline: Pipeline,
    plan: Plan,
    *,
    told: NDArray[np.bool_] | None = None,
    progress: Callable[[int], None] | None = None,
) -> tuple[list[int], int]:
    """Rows in the order read: the best unread one, a refit, and so on to the last relevant.

    Args:
        features: of all records, then of the plan's queries and of seeds that are no record.
        y: shape (n_records,), True where relevant.
        pipeline: what orders the unread.
        plan: how it starts and when it is fitted.
        told: labels that the ranking is given, if a screener's mistakes are to be played; the
            priors' are right.
        progress: called with the number of rows read, every 50.

    Returns:
        The rows, and how many orders were made.

    Raises:
        ValueError: a class is too small for a replay.
    """
    labelled = [*draw_priors(y, np.random.default_rng(plan.seed))] if plan.priors else []
    if not y.any():
        raise ValueError("a replay needs a relevant record to look for")
    unread = np.zeros(features.size, bool)
    unread[: len(y)] = True
    unread[labelled] = False
    given = y if told is None else told.copy()
    given[labelled] = y[labelled]
    left = int(y.sum()) - (1 if plan.priors else 0)
    ranker = PoolRanker(features, pipeline, seed=plan.seed)
    queries, seeds = np.array(plan.queries, np.int64), np.array(plan.seeds, np.int64)
    order: list[int] = []
    fits = 0
    while left:
        rows = np.array(labelled, np.int64)
        evidence = Evidence(rows, given[rows], unread, queries, seeds)
        reads = _reads(plan, len(labelled), len(y))
        fits += 1
        for best in ranker.rank(evidence).order[:reads].tolist():
            order.append(best)
            labelled.append(best)
            unread[best] = False
            left -= int(y[best])
            if progress and len(order) % 50 == 0:
                progress(len(order))
            if not left:
                break
    return order, fits


@dataclass(frozen=True, slots=True)
class Effort:
    """What a replay cost: orders made, and wall seconds."""

    fits: int
    seconds: float


def measure(
    data_set: str,
    pipeline: Pipeline,
    plan: Plan,
    *,
    y: NDArray[np.bool_],
    order: Sequence[int],
    effort: Effort,
) -> Run:
    """Figures of a replay: the rows read, then the unread rest, which is all irrelevant."""
    labels = np.zeros(len(y) - (2 if plan.priors else 0), bool)
    labels[: len(order)] = y[list(order)]
    return Run(
        data_set=data_set,
        pipeline=pipeline.name,
        pipeline_hash=pipeline.hash,
        material="",
        seed=plan.seed,
        refit=plan.schedule,
        start=plan.start,
        records=len(labels),
        relevant=int(labels.sum()),
        loss=metrics.loss(labels),
        ndcg=metrics.ndcg(labels),
        wss95=metrics.wss_at(labels, 0.95),
        wss100=metrics.wss_at(labels, 1.0),
        recall_at_10=metrics.recall_at(labels, int(0.1 * len(labels))),
        atd=metrics.atd(labels),
        work_to_last=metrics.reads_to(labels, 1.0) / len(labels),
        fits=effort.fits,
        seconds=effort.seconds,
        places=tuple((np.flatnonzero(labels) + 1).tolist()),
        order=tuple(order),
    )


def simulate(
    data_set: str,
    build: Callable[[], Features],
    y: NDArray[np.bool_],
    pipeline: Pipeline,
    plan: Plan,
    *,
    progress: Callable[[int], None] | None = None,
) -> Run:
    """One timed replay of a data set; ``build`` makes the features and is timed too."""
    start = time.perf_counter()
    order, fits = replay(build(), y, pipeline, plan, progress=progress)
    effort = Effort(fits, time.perf_counter() - start)
    return measure(data_set, pipeline, plan, y=y, order=order, effort=effort)
