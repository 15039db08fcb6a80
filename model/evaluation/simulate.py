"""Replay a finished review: what a pipeline would have found, and when."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from model.evaluation import metrics
from model.features import Features
from model.order import Evidence, PoolRanker
from model.pipeline import Pipeline

Schedule = Literal["each", "thinning"]
_EACH_UNTIL: Final = 200
_THEN_SHARE: Final = 0.01


@dataclass(frozen=True, slots=True)
class Run:
    """Figures of one replay. Fractions are 0 to 1; priors are left out of every figure.

    Attributes:
        pipeline_hash: of everything in the pipeline that changes an order.
        material: hash of the other inputs: texts, labels, vectors and prior.
        refit: the schedule.
        start: what was known at the start, such as "priors and question".
        records: number in the order, so without priors; ``relevant`` of them are relevant.
        recall_at_10: recall after 10 % of the records (ASReview's RRF@10).
        atd: mean share of the records read when a relevant one is found.
        work_to_last: share of the records read when the last relevant one was found.
        fits: number of orders made.
        seconds: wall time of the replay, without building features and encoding texts;
            ``run_together`` adds the time for building features.
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
        labels = np.zeros(self.records, bool)
        labels[np.array(self.places, int) - 1] = True
        return labels


@dataclass(frozen=True, slots=True)
class Plan:
    """How a finished review is replayed.

    Attributes:
        seed: draws the priors (see ``draw_priors``) and seeds the fits.
        refit: when to fit again, see ``reads_before_refit``.
        priors: whether it starts with one relevant and one irrelevant record.
        queries: rows of the features, after the records, that state the review's question.
        seeds: rows known relevant beforehand; they train the model until they are read.
        fit_until: number of labels after which the order stays as it is; None: fit to the end.
        mistakes: rows that the screener labels wrongly; the priors are always right.
    """

    seed: int
    refit: Schedule = "each"
    priors: bool = True
    queries: tuple[int, ...] = ()
    seeds: tuple[int, ...] = ()
    fit_until: int | None = None
    mistakes: tuple[int, ...] = ()

    @property
    def schedule(self) -> str:
        """When it is fitted again, in words."""
        return self.refit if self.fit_until is None else f"{self.refit} to {self.fit_until}"

    @property
    def known(self) -> str:
        """What is known at the start, in words."""
        parts = (
            (["priors"] if self.priors else [])
            + (["question"] if self.queries else [])
            + (["seeds"] if self.seeds else [])
        )
        return " and ".join(parts) or "nothing"

    @property
    def start(self) -> str:
        """What is known at the start, and which mistakes the screener will make, in words."""
        return f"{self.known}, mistakes {self._mistakes_hash}" if self.mistakes else self.known

    @property
    def _mistakes_hash(self) -> str:
        """Short hash of the mistakes, so that a log tells their runs apart."""
        return hashlib.sha256(" ".join(map(str, sorted(self.mistakes))).encode()).hexdigest()[:8]


def draw_priors(y: NDArray[np.bool_], rng: np.random.Generator) -> tuple[int, int]:
    """Draw one relevant and one irrelevant row.

    Raises:
        ValueError: there are fewer than two relevant rows, or no irrelevant one.
    """
    relevant, irrelevant = np.flatnonzero(y), np.flatnonzero(~y)
    if len(relevant) < 2 or len(irrelevant) < 1:
        raise ValueError(
            f"a replay needs at least 2 relevant and 1 irrelevant record; "
            f"this set has {len(relevant)} and {len(irrelevant)}"
        )
    return int(rng.choice(relevant)), int(rng.choice(irrelevant))


def reads_before_refit(schedule: Schedule, labelled: int, size: int) -> int:
    """Number of records to read from one order before the next fit.

    Args:
        schedule: "each": one; "thinning": one up to 200 labels, then 1 % of the records.
        labelled: labels so far, including priors.
        size: number of records in the set.
    """
    if schedule == "each" or labelled < _EACH_UNTIL:
        return 1
    return max(1, int(_THEN_SHARE * size))


def _reads(plan: Plan, labelled: int, size: int) -> int:
    if plan.fit_until is not None and labelled >= plan.fit_until:
        return size
    return reads_before_refit(plan.refit, labelled, size)


@dataclass(frozen=True, slots=True)
class Replay:
    """The course of a replay.

    Attributes:
        order: rows in the order read, up to the last relevant one.
        fits: number of orders made.
        seconds: wall time.
    """

    order: tuple[int, ...]
    fits: int
    seconds: float


def replay(
    features: Features,
    y: NDArray[np.bool_],
    pipeline: Pipeline,
    plan: Plan,
    *,
    progress: Callable[[int], None] | None = None,
) -> Replay:
    """Read the best unread row, fit again, and so on to the last relevant record.

    Args:
        features: of all records, then of the plan's queries and of any seeds that are not records.
        y: shape (n_records,), True where relevant.
        pipeline: orders the unread.
        plan: how it starts and when it is fitted.
        progress: called with the number of rows read, every 50.

    Raises:
        ValueError: a class has too few records for a replay.
    """
    started = time.perf_counter()
    labelled = [*draw_priors(y, np.random.default_rng(plan.seed))] if plan.priors else []
    if not y.any():
        raise ValueError("a replay needs at least one relevant record to look for")
    unread = np.zeros(features.size, bool)
    unread[: len(y)] = True
    unread[labelled] = False
    given = _given_labels(y, plan, labelled)
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
        for row in ranker.rank(evidence).order[:reads].tolist():
            order.append(row)
            labelled.append(row)
            unread[row] = False
            left -= int(y[row])
            if progress and len(order) % 50 == 0:
                progress(len(order))
            if not left:
                break
    return Replay(tuple(order), fits, time.perf_counter() - started)


def _given_labels(y: NDArray[np.bool_], plan: Plan, priors: list[int]) -> NDArray[np.bool_]:
    """The labels that the screener gives."""
    if not plan.mistakes:
        return y
    given = y.copy()
    mistakes = np.array(plan.mistakes, np.int64)
    given[mistakes] = ~y[mistakes]
    given[priors] = y[priors]
    return given


def measure(
    data_set: str, pipeline: Pipeline, plan: Plan, y: NDArray[np.bool_], replayed: Replay
) -> Run:
    """Figures of a replay: the rows read, then the unread rest, all of it irrelevant."""
    labels = np.zeros(len(y) - (2 if plan.priors else 0), bool)
    labels[: len(replayed.order)] = y[list(replayed.order)]
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
        fits=replayed.fits,
        seconds=replayed.seconds,
        places=tuple((np.flatnonzero(labels) + 1).tolist()),
        order=replayed.order,
    )


def simulate(
    data_set: str, features: Features, y: NDArray[np.bool_], pipeline: Pipeline, plan: Plan
) -> Run:
    """Replay a data set and measure it."""
    return measure(data_set, pipeline, plan, y, replay(features, y, pipeline, plan))
