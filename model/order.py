"""Features and decisions to an order of the unread: fitted where it can be, else a cold start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from model.blend import Blend, faded, spread_of
from model.chance import Curve, fit_curve
from model.explain import Explanation, Part, by_terms, nearest
from model.features import Features, Matrix
from model.pipeline import STUDY_AXES, HeadStart, Pipeline, View
from model.tail import interleaved, reached
from model.variety import varied, wanted

if TYPE_CHECKING:
    from model.classify import BalancedSVM
    from model.pool import PoolSVM

Index = NDArray[np.int64]

_LIMIT: Final = 3.0
_THREADS: Final = 2
# Where a ranker that starts in the middle of a review fits on its way, see ``catch_up``.
_FIRST_FIT: Final = 5
_GROWTH: Final = 1.15
# Places of an order in which the tail has its share: a page of cards or a hundredth of the records
# is read before the next fit.
_SHARED_OUT: Final = 200
_SHARED_OUT_SHARE: Final = 0.02


@dataclass(frozen=True, slots=True)
class Ranked:
    """An order of the unread rows.

    Attributes:
        order: row numbers, best first.
        scores: score of each, in that order; falling, but in first places that are varied or
            shared out.
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


@dataclass(frozen=True, slots=True)
class _Fit:
    """The last fit: rows and labels trained on, every row's blended score, the unread's mean."""

    rows: Index
    y: NDArray[np.bool_]
    scores: NDArray[np.float64]
    rest: float
    views: list[NDArray[np.float64]]
    blend: Blend


def _best_first(scores: NDArray[np.float64], places: Index) -> Index:
    """Rows of these places, best first; ties by row number."""
    falling = -scores[places]
    order = np.argsort(falling)
    # A sort that keeps the order of equals takes far longer and is only needed where there are any.
    ranked = falling[order]
    if (ranked[1:] == ranked[:-1]).any():
        order = np.argsort(falling, kind="stable")
    found: Index = places[order].astype(np.int64)
    return found


def _best_few(scores: NDArray[np.float64], places: Index, number: int) -> Index:
    """The first rows of ``_best_first``, without ordering the rest."""
    if number >= len(places):
        return _best_first(scores, places)
    among = scores[places]
    least = np.partition(among, len(among) - number)[len(among) - number]
    return _best_first(scores, places[among >= least])[:number]


def _training(evidence: Evidence) -> tuple[Index, NDArray[np.bool_]]:
    """Labelled rows, and seeds that nobody has decided as relevant ones."""
    if not len(evidence.seeds):
        return evidence.rows, evidence.y
    extra = evidence.seeds[~np.isin(evidence.seeds, evidence.rows)]
    rows = np.concatenate([evidence.rows, extra])
    y = np.concatenate([evidence.y, np.ones(len(extra), bool)])
    return rows, y


def _one_sided(y: NDArray[np.bool_]) -> bool:
    """Whether nothing can be fitted: no label, or labels of one kind."""
    return len(y) == 0 or bool(y.all()) or not y.any()


def _sought(evidence: Evidence) -> Index:
    """Rows that say what is sought while nothing can be fitted."""
    sought = [evidence.queries, evidence.seeds, evidence.rows[evidence.y]]
    return np.unique(np.concatenate(sought))


def _middle(matrix: Matrix, queries: Index) -> Matrix:
    """Mean of the query rows."""
    middle = matrix[queries].mean(axis=0)
    return np.asarray(middle).ravel() if sp.issparse(matrix) else middle


def _closeness(matrix: Matrix, target: Matrix) -> NDArray[np.float64]:
    """Cosine of every row with a target."""
    close: NDArray[np.float64] = np.asarray(matrix @ target).ravel().astype(np.float64)
    return close


def cold_scores(
    features: Features,
    pipeline: Pipeline,
    queries: Index,
    unread: NDArray[np.bool_],
    *,
    others: Features | None = None,
) -> NDArray[np.float64]:
    """Closeness to what is sought, summed over the views; zeros where nothing says what is.

    Args:
        features: of the pool.
        pipeline: its views.
        queries: rows of the pool that say what is sought.
        unread: rows of the pool over which closeness is standardised.
        others: whose scores are wanted in place of the pool's, see ``read_beside``.
    """
    asked = features if others is None else others
    total = np.zeros(asked.size)
    if len(queries) == 0:
        return total
    for view in pipeline.views:
        # A question is written like no record: its form and its study language say nothing.
        if view.features not in ("form", STUDY_AXES):
            matrix = features[view.features]
            target = _middle(matrix, queries)
            close = _closeness(matrix, target)
            mean, spread = spread_of(close, unread)
            if others is not None:
                close = _closeness(others[view.features], target)
            total += view.weight * ((close - mean) / spread)
    return total


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
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="views")
        self._last: _Fit | None = None
        # Score of each decided row in the ranking before its decision; nan where there was none.
        self._foreseen = np.full(features.size, np.nan)
        self._close: tuple[bytes, NDArray[np.float64]] | None = None

    def rank(self, evidence: Evidence) -> Ranked:
        """Order the unread rows, best first.

        With relevant and irrelevant records known, the pipeline is fitted. Until then the order is
        by closeness to the queries and to what was found relevant so far. Ties go by row number.
        """
        self._foresee(evidence.rows)
        rows, y = _training(evidence)
        places = np.flatnonzero(evidence.unread)
        if _one_sided(y):
            scores = cold_scores(self._features, self._pipeline, _sought(evidence), evidence.unread)
            order = _best_first(scores, places)
            return Ranked(order, scores[order].astype(np.float32), cold_start=True, warm=False)
        warm = bool(self._fits)
        views = self._fitted(rows, y)
        blend = self._blended(views, evidence, rows[y])
        scores = blend.total(views, blend.starting)
        rest = float(scores[evidence.unread].mean()) if len(places) else 0.0
        self._last = _Fit(rows, y, scores, rest, views, blend)
        order = _best_first(scores, places)
        variety, tail = self._pipeline.variety, self._pipeline.tail
        if variety is not None and wanted(y, variety):
            order = varied(order, scores, self._features["embedding"], variety)
        if tail is not None and reached(evidence.y, tail):
            first = max(_SHARED_OUT, int(_SHARED_OUT_SHARE * len(order)))
            order = interleaved(
                order,
                _best_few(views[0], places, first),
                every=tail.every,
                start=len(evidence.rows),
                first=first,
            )
        found = scores[order].astype(np.float32)
        return Ranked(order, found, cold_start=False, warm=warm, head_starts=blend.weights)

    def score(self, evidence: Evidence, others: Features) -> NDArray[np.float64]:
        """Scores of documents outside the pool, on the scale of the pool's own, shape (n_others,).

        The pool's order stays as it is. A document of the pool would have its own score again.

        Args:
            evidence: what is known about the pool; where the last ranking was by another, the pool
                is ranked by this first.
            others: see ``model.features.read_beside``.
        """
        rows, y = _training(evidence)
        if _one_sided(y):
            return cold_scores(
                self._features, self._pipeline, _sought(evidence), evidence.unread, others=others
            )
        last = self._last
        if last is None or not (np.array_equal(last.rows, rows) and np.array_equal(last.y, y)):
            self.rank(evidence)
            last = self._last
        assert last is not None
        starting = [scores for _, _, scores in self._starts(evidence.queries, others)]
        return last.blend.total(self._outside(rows, y, others), starting)

    def curve(self) -> Curve | None:
        """What the scores of the last ranking mean, see ``model.chance``.

        None before a fit, or with too few decisions of either kind that were scored beforehand.
        """
        if self._last is None:
            return None
        scores = self._foreseen[self._last.rows]
        known = ~np.isnan(scores)
        return fit_curve(scores[known], self._last.y[known], rest=self._last.rest)

    def explain(self, row: int) -> Explanation | None:
        """Why a row stands where the last ranking put it; None before a fit.

        Args:
            row: any row of the pool, decided or not.

        Raises:
            ValueError: the pipeline's solver keeps no fit to explain.
        """
        last = self._last
        if last is None:
            return None
        if not self._fits:
            raise ValueError(f"solver {self._pipeline.solver!r} keeps no fit to explain")
        at = np.array([row], np.int64)
        blend = last.blend
        adds = blend.parts(
            [scores[at] for scores in last.views], [scores[at] for scores in blend.starting]
        )
        parts = []
        for number, view in enumerate(self._pipeline.views):
            _, spread, weight = blend.views[number]
            found = Part(view.features, float(adds[number][0]))
            if view.features in ("embedding", STUDY_AXES):
                matrix = self._features[view.features]
                found = replace(found, nearest=nearest(matrix, row, last.rows, last.y))
            else:
                columns = self._fits[number].weights()
                terms = by_terms(self._features, view, columns, row=row, scale=weight / spread)
                found = replace(found, terms=terms)
            parts.append(found)
        names = list(blend.starts)
        parts += [
            Part(name, float(added[0]))
            for name, added in zip(names, adds[len(parts) :], strict=True)
        ]
        return Explanation(float(last.scores[row]), tuple(parts))

    def _foresee(self, rows: Index) -> None:
        """Note what the last ranking thought of rows that have been decided since."""
        if self._last is None:
            return
        new = np.ones(self._features.size, bool)
        new[self._last.rows] = False
        new &= np.isnan(self._foreseen)
        fresh = rows[new[rows]]
        self._foreseen[fresh] = self._last.scores[fresh]

    def catch_up(self, evidence: Evidence) -> None:
        """Rank as if the decisions had come one after the other, where this ranker knows none.

        A process that starts in the middle of a review has not seen what its rankings thought of
        the records decided so far. It fits at a few points of the sequence, each a seventh further
        on, and scores by each what was decided before the next.
        """
        if self._last is not None:
            return
        reads = len(evidence.rows)
        at = _FIRST_FIT
        while at < reads:
            unread = evidence.unread.copy()
            unread[evidence.rows[at:]] = True
            self.rank(replace(evidence, rows=evidence.rows[:at], y=evidence.y[:at], unread=unread))
            at = max(at + 1, int(at * _GROWTH))

    def _fitted(self, rows: Index, y: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
        """Each view's scores of all rows, shape (n_rows,)."""
        try:
            if self._pipeline.solver == "liblinear":
                return [
                    self._cold_fit(view, rows, y).decision_function(self._features[view.features])
                    for view in self._pipeline.views
                ]
            return self._warm_scores(rows, y)
        except BaseException:
            # A fit that broke off half-way is nothing to go on from.
            self._fits = []
            self._last = None
            raise

    def _cold_fit(self, view: View, rows: Index, y: NDArray[np.bool_]) -> BalancedSVM:
        # Imported here: scikit-learn takes seconds, which a cold start or `--help` should not pay.
        from model.classify import BalancedSVM

        matrix = self._features[view.features]
        return BalancedSVM(view.C, view.ratio, random_state=self._seed).fit(matrix[rows], y)

    def _outside(
        self, rows: Index, y: NDArray[np.bool_], others: Features
    ) -> list[NDArray[np.float64]]:
        """Each view's scores of others by the last fit, which was to these rows."""
        views = self._pipeline.views
        if self._pipeline.solver == "liblinear":
            return [
                self._cold_fit(view, rows, y).decision_function(others[view.features])
                for view in views
            ]
        return [
            np.asarray(others[view.features] @ fit.weights()).ravel() + fit.bias
            for fit, view in zip(self._fits, views, strict=True)
        ]

    def _warm_scores(self, rows: Index, y: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
        # Imported here: see ``_cold_fit``.
        from model.classify import balanced_weights
        from model.pool import PoolSVM

        views = self._pipeline.views
        if not self._fits:
            self._fits = [PoolSVM(self._features[v.features], seed=self._seed) for v in views]

        def fitted(fit: PoolSVM, view: View) -> NDArray[np.float64]:
            return fit.fit(rows, y, view.C * balanced_weights(y, view.ratio))

        # Views know nothing of each other, and their loops run without the interpreter's lock.
        return list(self._threads.map(fitted, self._fits, views))

    def _blended(
        self, views: list[NDArray[np.float64]], evidence: Evidence, relevant: Index
    ) -> Blend:
        """How the views' scores and the head starts make one score.

        A view that stands alone keeps its raw scores: standardising would not change its order.
        """
        starts = [*self._starts(evidence.queries)]
        # With everything decided nothing is ordered, but what was decided can still be explained.
        among = evidence.unread if evidence.unread.any() else np.ones(self._features.size, bool)
        alone = len(views) == 1 and not starts
        return Blend(
            views=[
                (0.0, 1.0, 1.0) if alone else (*spread_of(scores, among), view.weight)
                for view, scores in zip(self._pipeline.views, views, strict=True)
            ],
            starts={
                name: (faded(scores[relevant], start), scores) for name, start, scores in starts
            },
        )

    def _starts(
        self, queries: Index, others: Features | None = None
    ) -> Iterator[tuple[str, HeadStart, NDArray[np.float64]]]:
        """Name, use and scores of each head start that has something to say.

        Scores of the pool's rows, or of others in their place.
        """
        pipeline = self._pipeline
        prior = (self._features if others is None else others).prior
        if pipeline.study_language is not None and prior is not None:
            yield "study-language", pipeline.study_language, prior.astype(np.float64)
        if pipeline.question is not None and len(queries):
            close = self._closeness_to(queries) if others is None else self._near(queries, others)
            yield "question", pipeline.question, close

    def _closeness_to(self, queries: Index) -> NDArray[np.float64]:
        """How close each row is to the queries, from -3 to 3; kept, since they seldom change."""
        key = queries.tobytes()
        if self._close is None or self._close[0] != key:
            self._close = key, self._near(queries, None)
        return self._close[1]

    def _near(self, queries: Index, others: Features | None) -> NDArray[np.float64]:
        everything = np.ones(self._features.size, bool)
        close = cold_scores(self._features, self._pipeline, queries, everything)
        mean, spread = spread_of(close, everything)
        if others is not None:
            close = cold_scores(self._features, self._pipeline, queries, everything, others=others)
        found: NDArray[np.float64] = np.clip((close - mean) / spread, -_LIMIT, _LIMIT)
        return found


def rank(features: Features, pipeline: Pipeline, evidence: Evidence, *, seed: int = 0) -> Ranked:
    """Order the unread rows by a cold fit; see ``PoolRanker.rank``."""
    return PoolRanker(features, pipeline, seed=seed).rank(evidence)
