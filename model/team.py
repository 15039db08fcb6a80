"""A finished review screened again by people who err: what a plan finds, and what it costs.

Each person takes cards in turn: first what others have decided and they are still to, then what
nobody has, both in the order of the ranking. Errors are independent of one another and of the
record, which real ones are not: hard records are missed by everybody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from model.features import Features
from model.misses import likely_misses
from model.order import Evidence, PoolRanker
from model.pipeline import Pipeline
from model.simulate import reads_before_refit

_NONE: Final = np.array([], np.int64)


@dataclass(frozen=True, slots=True)
class Crew:
    """People who screen.

    Attributes:
        recall: of each, the share of relevant records that they include, 0 to 1.
        specificity: of each, the share of the others that they exclude, 0 to 1.
    """

    recall: tuple[float, ...]
    specificity: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.recall) != len(self.specificity) or not self.recall:
            raise ValueError("each person needs a recall and a specificity")


@dataclass(frozen=True, slots=True)
class TeamPlan:
    """How many of them decide a record.

    Attributes:
        dual_share: share of the records that two decide independently, 0 to 1.
        second_look: share of the other excludes that a second person decides too, 0 to 1.
        misses: likely misses that a second person looks at in the end, as a share of the records.
        learn: whether the ranking learns from settled decisions, or from every decision at once.
    """

    dual_share: float = 0.0
    second_look: float = 0.0
    misses: float = 0.0
    learn: Literal["settled", "all"] = "settled"


@dataclass(frozen=True, slots=True)
class Played:
    """What came of it.

    Attributes:
        records: screened; ``relevant`` of them.
        found: relevant records that are included in the end.
        false: others that are included in the end.
        decisions: made in all, the look at likely misses included.
        adjudications: conflicts that a third person settled, rightly.
        at: of each relevant record found, after how many decisions it was settled, rising.
        missed_found: relevant records found by the look at likely misses.
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
        """Share of the relevant records settled as includes after so many decisions."""
        return sum(each <= decisions for each in self.at) / self.relevant


class _Desk:
    """Who said what, and what it comes to."""

    def __init__(
        self, y: NDArray[np.bool_], crew: Crew, plan: TeamPlan, rng: np.random.Generator
    ) -> None:
        size = len(y)
        self.y = y
        right = np.where(y[None, :], np.array([crew.recall]).T, np.array([crew.specificity]).T)
        # What each would say of each record, drawn beforehand: plans meet the same people.
        self.would = np.where(rng.random((len(crew.recall), size)) < right, y, ~y)
        self.dual = rng.random(size) < plan.dual_share
        self.look = rng.random(size) < plan.second_look
        self.said: dict[int, dict[int, bool]] = {}
        self.settled: dict[int, bool] = {}
        self.sequence: list[int] = []
        self.begun: list[int] = []
        self.waiting: set[int] = set()
        self.decisions = 0
        self.adjudications = 0
        self.at: list[int] = []

    def decide(self, person: int, row: int) -> None:
        """One decision, and what follows from it."""
        said = self.said.setdefault(row, {})
        if not said:
            self.begun.append(row)
        said[person] = bool(self.would[person, row])
        self.decisions += 1
        first = next(iter(said.values()))
        needed = 2 if self.dual[row] or (not first and self.look[row]) else 1
        if len(self.would) < 2:
            needed = 1
        if len(said) < needed:
            self.waiting.add(row)
            return
        self.waiting.discard(row)
        if len(set(said.values())) == 1:
            self.settle(row, first)
        else:
            self.adjudications += 1
            self.settle(row, bool(self.y[row]))

    def settle(self, row: int, include: bool) -> None:
        """A decision counts."""
        self.settled[row] = include
        self.sequence.append(row)
        if include and self.y[row]:
            self.at.append(self.decisions)


def play(
    features: Features,
    y: NDArray[np.bool_],
    pipeline: Pipeline,
    crew: Crew,
    plan: TeamPlan,
    *,
    queries: tuple[int, ...] = (),
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> Played:
    """Screen every record by the plan.

    Args:
        features: of all records, then of the queries.
        y: shape (n_records,), True where relevant.
        pipeline: what orders the unread.
        crew: who screens; they take turns.
        plan: how many decide a record.
        queries: rows of the features that say what is sought.
        seed: of who errs where, and of the fits.
        progress: called with the number of decisions, every 100.

    Raises:
        ValueError: no record is relevant.
    """
    if not y.any():
        raise ValueError("there is no relevant record to find")
    rng = np.random.default_rng([seed, 53])
    desk = _Desk(y, crew, plan, rng)
    ranker = PoolRanker(features, pipeline, seed=seed)
    place = np.zeros(len(y), np.int64)
    order: list[int] = []
    fitted, at = -1, 0
    person = 0
    while len(desk.settled) < len(y):
        labelled = len(desk.begun if plan.learn == "all" else desk.sequence)
        if fitted < 0 or labelled - fitted >= reads_before_refit("thinning", labelled, len(y)):
            ranked = ranker.rank(_evidence(features, desk, plan, queries)).order
            order, at, fitted = ranked.tolist(), 0, labelled
            place[:] = len(y)
            place[ranked] = np.arange(len(ranked))
        awaiting = [row for row in desk.waiting if person not in desk.said[row]]
        if awaiting:
            desk.decide(person, min(awaiting, key=lambda row: (place[row], row)))
        else:
            while at < len(order) and order[at] in desk.said:
                at += 1
            if at < len(order):
                desk.decide(person, order[at])
        person = (person + 1) % len(crew.recall)
        if progress and desk.decisions % 100 == 0:
            progress(desk.decisions)
    missed = _look_at_misses(features, desk, pipeline, plan, queries, seed)
    included = np.array([row for row, include in desk.settled.items() if include], np.int64)
    return Played(
        records=len(y),
        relevant=int(y.sum()),
        found=int(y[included].sum()),
        false=int((~y[included]).sum()),
        decisions=desk.decisions,
        adjudications=desk.adjudications,
        at=tuple(desk.at),
        missed_found=missed,
    )


def _evidence(
    features: Features, desk: _Desk, plan: TeamPlan, queries: tuple[int, ...]
) -> Evidence:
    if plan.learn == "all":
        rows = desk.begun
        labels = [desk.settled.get(row, any(desk.said[row].values())) for row in rows]
    else:
        rows = desk.sequence
        labels = [desk.settled[row] for row in rows]
    unread = np.zeros(features.size, bool)
    unread[: len(desk.y)] = True
    # What awaits a decision keeps its place: the ranking has not learned from it.
    unread[list(desk.settled)] = False
    return Evidence(
        np.array(rows, np.int64),
        np.array(labels, bool),
        unread,
        np.array(queries, np.int64),
        _NONE,
    )


def _look_at_misses(
    features: Features,
    desk: _Desk,
    pipeline: Pipeline,
    plan: TeamPlan,
    queries: tuple[int, ...],
    seed: int,
) -> int:
    """A second person looks at the likeliest misses; what they would include is settled rightly."""
    number = round(plan.misses * len(desk.y))
    if not number or len(desk.would) < 2:
        return 0
    rows = np.array(desk.sequence, np.int64)
    labels = np.array([desk.settled[row] for row in desk.sequence], bool)
    likely = likely_misses(features, rows, labels, pipeline, queries=queries, seed=seed)
    found = 0
    for row in likely[:number].tolist():
        person = next(each for each in range(len(desk.would)) if each not in desk.said[row])
        desk.decisions += 1
        if desk.would[person, row]:
            desk.adjudications += 1
            if desk.y[row]:
                desk.settle(row, include=True)
                found += 1
    return found
