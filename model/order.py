"""Features and decisions to an order of the unread: fitted where it can be, else a cold start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from model.features import Features, Matrix
from model.pipeline import HeadStart, Pipeline

if TYPE_CHECKING:
    from model.pool import PoolSVM

Index = NDArray[np.int64]

_PSEUDO: Final = 3
_LIMIT: Final = 3.0


@dataclass(frozen=True, slots=True)
class Ranked:
    """An order of the unread rows.

    Attributes:
        order: row numbers, best first.
        scores: score of each, in that order.
        cold_start: True where no model could be fitted.
        warm: whether the fit went on from an earlier one.
        head_starts: weight that each head start had beside a view's standardised score.
    """

    order: Index
    scores: NDArray[np.float32]
    cold_start: bool
    warm: bool
    head_starts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known about the rows of a pool.

    Attributes:
        rows: row numbers of the labelled, in the order in which they were labelled.
        y: their labels, True where relevant (*maybe* counts as relevant).
        unread: shape (n_rows,), True where a place in the order is wanted.
        queries: rows that say what is sought: the protocol's texts and the seeds.
        seeds: rows known relevant beforehand; they train until they are decided.
    """

    rows: Index
    y: NDArray[np.bool_]
    unread: NDArray[np.bool_]
    queries: Index
    seeds: Index


def standardised(scores: NDArray[np.float64], among: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Scores with mean 0 and standard deviation 1 among some rows; zeros where all are equal."""
    chosen = scores[among]
    if chosen.size == 0:
        return np.zeros_like(scores)
    spread = float(chosen.std())
    if spread < 1e-12:
        return np.zeros_like(scores)
    z: NDArray[np.float64] = (scores - chosen.mean()) / spread
    return z


def _training(evidence: Evidence) -> tuple[Index, NDArray[np.bool_]]:
    """Labelled rows, and seeds that nobody has decided as relevant ones."""
    decided = set(evidence.rows.tolist())
    extra = np.array([row for row in evidence.seeds.tolist() if row not in decided], np.int64)
    rows = np.concatenate([evidence.rows, extra])
    y = np.concatenate([evidence.y, np.ones(len(extra), bool)])
    return rows, y


def _closeness(matrix: Matrix, queries: Index) -> NDArray[np.float64]:
    """Cosine of every row with the mean of the query rows."""
    if sp.issparse(matrix):
        target = np.asarray(matrix[queries].mean(axis=0)).ravel()
        return np.asarray(matrix @ target).ravel()
    close: NDArray[np.float64] = (matrix @ matrix[queries].mean(axis=0)).astype(np.float64)
    return close


def cold_scores(
    features: Features, pipeline: Pipeline, queries: Index, unread: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Closeness to what is sought, summed over the views; zeros where nothing says what is."""
    total = np.zeros(features.size)
    if len(queries) == 0:
        return total
    for view in pipeline.views:
        # A question is written like no record: its form says nothing.
        if view.features != "form":
            close = _closeness(features[view.features], queries)
            total += view.weight * standardised(close, unread)
    return total


def faded(found: NDArray[np.float64], start: HeadStart) -> float:
    """Weight of a head start once some relevant records are known.

    The mean of its scores over them, with three made up at what is expected where it is right: it
    falls to 0 by itself where relevant records score no higher than the pool.

    Args:
        found: its scores of the relevant records known, shape (n,).
        start: its weight and what is expected of it.
    """
    mean = (_PSEUDO * start.expected + float(found.sum())) / (_PSEUDO + len(found))
    return start.weight * max(0.0, mean)


class PoolRanker:
    """Ranks one pool again and again; each fit goes on from the one before.

    The same evidence in the same sequence gives the same order, bit for bit. A warm order differs
    from a cold one by the solver's tolerance.

    Args:
        features: of the pool.
        pipeline: views and constants.
        seed: of the fits.
    """

    def __init__(self, features: Features, pipeline: Pipeline, *, seed: int = 0) -> None:
        self._features = features
        self._pipeline = pipeline
        self._seed = seed
        self._fits: list[PoolSVM] = []
        self._close: tuple[bytes, NDArray[np.float64]] | None = None

    def rank(self, evidence: Evidence) -> Ranked:
        """Order the unread rows, best first.

        With relevant and irrelevant records known, the pipeline is fitted. Until then the order is
        by closeness to the queries and to what was found relevant so far. Ties go by row number.
        """
        rows, y = _training(evidence)
        cold = bool(len(y) == 0 or y.all() or not y.any())
        warm = bool(self._fits) and not cold
        weights: dict[str, float] = {}
        if cold:
            queries = np.concatenate([evidence.queries, evidence.seeds, evidence.rows[evidence.y]])
            scores = cold_scores(
                self._features, self._pipeline, np.unique(queries), evidence.unread
            )
        else:
            try:
                scores = self._fitted(rows, y, evidence.unread)
                for name, start, score in self._starts(evidence.queries):
                    weights[name] = faded(score[rows[y]], start)
                    scores += weights[name] * score
            except BaseException:
                # A fit that broke off half-way is nothing to go on from.
                self._fits = []
                raise
        places = np.flatnonzero(evidence.unread)
        order = places[np.argsort(-scores[places], kind="stable")]
        return Ranked(order.astype(np.int64), scores[order].astype(np.float32), cold, warm, weights)

    def _fitted(
        self, rows: Index, y: NDArray[np.bool_], unread: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """Weighted sum of the views' standardised scores, shape (n_rows,).

        A view that stands alone keeps its raw scores: standardising would not change its order.
        """
        pipeline = self._pipeline
        alone = len(pipeline.views) == 1 and not (pipeline.study_language or pipeline.question)
        total = np.zeros(self._features.size)
        for number, view in enumerate(self._pipeline.views):
            scores = self._view_scores(number, rows, y)
            if alone:
                return scores
            total += view.weight * standardised(scores, unread)
        return total

    def _starts(self, queries: Index) -> Iterator[tuple[str, HeadStart, NDArray[np.float64]]]:
        """Name, use and scores, shape (n_rows,), of each head start that has something to say."""
        pipeline = self._pipeline
        if pipeline.study_language is not None and self._features.prior is not None:
            scores = self._features.prior.astype(np.float64)
            yield "study-language", pipeline.study_language, scores
        if pipeline.question is not None and len(queries):
            yield "question", pipeline.question, self._closeness_to(queries)

    def _closeness_to(self, queries: Index) -> NDArray[np.float64]:
        """How close each row is to the queries, from -3 to 3; kept, since they seldom change."""
        key = queries.tobytes()
        if self._close is None or self._close[0] != key:
            everything = np.ones(self._features.size, bool)
            close = cold_scores(self._features, self._pipeline, queries, everything)
            bounded = np.clip(standardised(close, everything), -_LIMIT, _LIMIT)
            self._close = key, bounded
        return self._close[1]

    def _view_scores(self, number: int, rows: Index, y: NDArray[np.bool_]) -> NDArray[np.float64]:
        # Imported here: scikit-learn takes seconds, which a cold start or `--help` should not pay.
        from model.classify import BalancedSVM, balanced_weights
        from model.pool import PoolSVM

        view = self._pipeline.views[number]
        matrix = self._features[view.features]
        if self._pipeline.solver == "liblinear":
            model = BalancedSVM(view.C, view.ratio, random_state=self._seed).fit(matrix[rows], y)
            return model.decision_function(matrix)
        if not self._fits:
            self._fits = [
                PoolSVM(self._features[each.features], seed=self._seed)
                for each in self._pipeline.views
            ]
        return self._fits[number].fit(rows, y, view.C * balanced_weights(y, view.ratio))


def rank(features: Features, pipeline: Pipeline, evidence: Evidence, *, seed: int = 0) -> Ranked:
    """Order the unread rows by a cold fit; see ``PoolRanker.rank``."""
    return PoolRanker(features, pipeline, seed=seed).rank(evidence)
