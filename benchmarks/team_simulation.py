"""Simulate a team that screens a finished review and makes mistakes, and count finds and costs.

People take turns. Each first decides records that need a second decision, then new ones, both in
ranked order. Mistakes here are independent of each other and of
the record. Real ones are not: people miss the same hard records.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from model.evaluation.simulate import reads_before_refit
from model.features import Features
from model.likely_misses import Decided, find_likely_misses
from model.order import Evidence, PoolRanker
from model.pipeline import Pipeline

_NO_SEEDS: Final = np.array([], np.int64)


@dataclass(frozen=True, slots=True)
class Screeners:
    """The people who screen.

    Attributes:
        recall: for each, the share of relevant records that they include, 0 to 1.
        specificity: for each, the share of other records that they exclude, 0 to 1.
    """

    recall: tuple[float, ...]
    specificity: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.recall) != len(self.specificity) or not self.recall:
            raise ValueError("each person needs a recall and a specificity")


@dataclass(frozen=True, slots=True)
class TeamPlan:
    """How many people decide a record.

    Attributes:
        dual_share: share of the records that two people decide independently, 0 to 1.
        second_look: share of the other excludes that a second person decides too, 0 to 1.
        first_dual: share of the records that two people decide at first; then one person decides
            each, as if the two had agreed well enough by then. 0 to 1.
        misses: likely misses that a second person checks at the end, as a share of the records.
        learn: whether the ranking learns from settled decisions, or from every decision at once.
    """

    dual_share: float = 0.0
    second_look: float = 0.0
    first_dual: float = 0.0
    misses: float = 0.0
    learn: Literal["settled", "all"] = "settled"


@dataclass(frozen=True, slots=True)
class Pool:
    """A finished review as the ranking sees it.

    Attributes:
        features: of all records, then of the queries.
        y: shape (n_records,), True where relevant.
        pipeline: orders the unread records.
        queries: rows of the features that hold the review's question.
    """

    features: Features
    y: NDArray[np.bool_]
    pipeline: Pipeline
    queries: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class TeamResult:
    """What a team found, and what it cost.

    Attributes:
        records: number screened; ``relevant`` of them are relevant.
        found: relevant records that are included in the end.
        false: other records that are included in the end.
        decisions: total number, including the check of likely misses.
        adjudications: conflicts that a third person settled, always correctly.
        at: for each relevant record found, the number of decisions made by then.
        missed_found: relevant records found by the check of likely misses.
    """

    records: int
    relevant: int
    found: int
    false: int
    decisions: int
    adjudications: int
    at: tuple[int, ...]
    missed_found: int

    def found_after(self, decisions: int) -> float:
        """Share of the relevant records settled as includes after this many decisions."""
        return sum(at <= decisions for at in self.at) / self.relevant


class _Screening:
    """Each person's decisions, and which records are settled."""

    def __init__(
        self,
        y: NDArray[np.bool_],
        screeners: Screeners,
        plan: TeamPlan,
        rng: np.random.Generator,
    ) -> None:
        size = len(y)
        self.y = y
        correct = np.where(
            y[None, :], np.array([screeners.recall]).T, np.array([screeners.specificity]).T
        )
        # Each person's decisions are drawn beforehand, so all plans get the same people.
        self.would_include = np.where(rng.random((len(screeners.recall), size)) < correct, y, ~y)
        self.dual = rng.random(size) < plan.dual_share
        self.second_look = rng.random(size) < plan.second_look
        self.first_dual = round(plan.first_dual * size)
        # Each person's decision by row; True for an include.
        self.decisions_on: dict[int, dict[int, bool]] = {}
        self.settled: dict[int, bool] = {}
        self.settled_order: list[int] = []
        self.begun_order: list[int] = []
        self.awaiting: set[int] = set()
        self.decisions = 0
        self.adjudications = 0
        self.found_at: list[int] = []

    def decide(self, person: int, row: int) -> None:
        """Make one decision, and settle the record if it needs no further one."""
        decisions = self.decisions_on.setdefault(row, {})
        if not decisions:
            # The first records that anybody begins are for two people.
            self.dual[row] |= len(self.begun_order) < self.first_dual
            self.begun_order.append(row)
        decisions[person] = bool(self.would_include[person, row])
        self.decisions += 1
        first = next(iter(decisions.values()))
        needed = 2 if self.dual[row] or (not first and self.second_look[row]) else 1
        if len(self.would_include) < 2:
            needed = 1
        if len(decisions) < needed:
            self.awaiting.add(row)
            return
        self.awaiting.discard(row)
        if len(set(decisions.values())) == 1:
            self.settle(row, first)
        else:
            self.adjudications += 1
            self.settle(row, bool(self.y[row]))

    def settle(self, row: int, include: bool) -> None:
        """Record the decision that counts."""
        self.settled[row] = include
        self.settled_order.append(row)
        if include and self.y[row]:
            self.found_at.append(self.decisions)


def simulate_team(
    pool: Pool,
    screeners: Screeners,
    plan: TeamPlan,
    *,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> TeamResult:
    """Screen every record by a plan.

    Args:
        pool: the review.
        screeners: the people, who take turns.
        plan: how many decide a record.
        seed: for the mistakes and the fits.
        progress: called with the number of decisions, every 100.

    Raises:
        ValueError: no record is relevant.
    """
    y = pool.y
    if not y.any():
        raise ValueError("there is no relevant record to find")
    rng = np.random.default_rng([seed, 53])
    screening = _Screening(y, screeners, plan, rng)
    ranker = PoolRanker(pool.features, pool.pipeline, seed=seed)
    place = np.zeros(len(y), np.int64)
    order: list[int] = []
    fitted, at = -1, 0
    person = 0
    while len(screening.settled) < len(y):
        labelled = len(screening.begun_order if plan.learn == "all" else screening.settled_order)
        if fitted < 0 or labelled - fitted >= reads_before_refit("thinning", labelled, len(y)):
            ranked = ranker.rank(_evidence(pool, screening, plan)).order
            order, at, fitted = ranked.tolist(), 0, labelled
            place[:] = len(y)
            place[ranked] = np.arange(len(ranked))
        awaiting = [row for row in screening.awaiting if person not in screening.decisions_on[row]]
        if awaiting:
            screening.decide(person, min(awaiting, key=lambda row: (place[row], row)))
        else:
            while at < len(order) and order[at] in screening.decisions_on:
                at += 1
            if at < len(order):
                screening.decide(person, order[at])
        person = (person + 1) % len(screeners.recall)
        if progress and screening.decisions % 100 == 0:
            progress(screening.decisions)
    missed = _check_likely_misses(pool, screening, plan, seed)
    included = np.array([row for row, include in screening.settled.items() if include], np.int64)
    return TeamResult(
        records=len(y),
        relevant=int(y.sum()),
        found=int(y[included].sum()),
        false=int((~y[included]).sum()),
        decisions=screening.decisions,
        adjudications=screening.adjudications,
        at=tuple(screening.found_at),
        missed_found=missed,
    )


def _evidence(pool: Pool, screening: _Screening, plan: TeamPlan) -> Evidence:
    if plan.learn == "all":
        rows = screening.begun_order
        labels = [
            screening.settled.get(row, any(screening.decisions_on[row].values())) for row in rows
        ]
    else:
        rows = screening.settled_order
        labels = [screening.settled[row] for row in rows]
    unread = np.zeros(pool.features.size, bool)
    unread[: len(pool.y)] = True
    # Records that need another decision keep their place, as the ranking has not learned from them.
    unread[list(screening.settled)] = False
    return Evidence(
        np.array(rows, np.int64),
        np.array(labels, bool),
        unread,
        np.array(pool.queries, np.int64),
        _NO_SEEDS,
    )


def _check_likely_misses(pool: Pool, screening: _Screening, plan: TeamPlan, seed: int) -> int:
    """Let a second person check the likeliest misses; what they would include is settled correctly.

    Returns:
        Number of relevant records found.
    """
    number = round(plan.misses * len(pool.y))
    if not number or len(screening.would_include) < 2:
        return 0
    rows = np.array(screening.settled_order, np.int64)
    labels = np.array([screening.settled[row] for row in screening.settled_order], bool)
    decided = Decided(rows, labels, pool.queries)
    likeliest = find_likely_misses(pool.features, decided, pool.pipeline, seed=seed)
    found = 0
    for row in likeliest[:number].tolist():
        people = range(len(screening.would_include))
        person = next(one for one in people if one not in screening.decisions_on[row])
        screening.decisions += 1
        if screening.would_include[person, row]:
            screening.adjudications += 1
            if pool.y[row]:
                screening.settle(row, include=True)
                found += 1
    return found
