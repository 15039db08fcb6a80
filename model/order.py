"""Order the unread records: by a fitted model if there is one, otherwise by a cold start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.blend import Blend, faded_weight, mean_and_spread
from model.cold_start import cold_scores
from model.explain import Explanation, Part, nearest_decided, strongest_terms
from model.features import Features
from model.late_interleave import interleave, is_late
from model.pipeline import STUDY_AXES, HeadStart, Pipeline
from model.score_calibration import Curve, fit_curve
from model.variety import diversify, needs_variety
from model.view_fits import ViewFits

Index = NDArray[np.int64]

_LIMIT: Final = 3.0
# When a ranker starts in the middle of a review, ``catch_up`` fits first after this many decisions,
# then each time their number has grown by this factor.
_FIRST_FIT: Final = 5
_GROWTH: Final = 1.15
# Places of an order that the tail shares out: before the next fit, people read at most a page of
# cards or a hundredth of the records.
_SHARED_OUT: Final = 200
_SHARED_OUT_SHARE: Final = 0.02


@dataclass(frozen=True, slots=True)
class Ranked:
    """An order of the unread rows.

    Attributes:
        order: row numbers, best first.
        scores: their scores, in that order; falling, except in the first places if these are
            varied or shared out.
        cold_start: True if no model could be fitted.
        warm: whether the fit started from an earlier one.
        head_starts: weight of each head start relative to a view's standardised score.
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
        rows: row numbers of the labelled records, in the order in which they were labelled.
        y: their labels, True where relevant (*maybe* counts as relevant).
        unread: shape (n_rows,), True where a place in the order is wanted.
        queries: rows that hold the protocol's texts: the question and the criteria.
        seeds: rows known relevant beforehand; they train the model until they are decided.
    """

    rows: Index
    y: NDArray[np.bool_]
    unread: NDArray[np.bool_]
    queries: Index
    seeds: Index


@dataclass(frozen=True, slots=True)
class _Fit:
    """The last fit.

    Attributes:
        rows: rows trained on; ``y`` their labels.
        scores: blended score of every row.
        unread_mean: mean score of the unread rows.
        views: each view's scores of every row.
        blend: how they were combined.
    """

    rows: Index
    y: NDArray[np.bool_]
    scores: NDArray[np.float64]
    unread_mean: float
    views: list[NDArray[np.float64]]
    blend: Blend


def _best_first(scores: NDArray[np.float64], rows: Index) -> Index:
    """These rows, best first; ties by row number."""
    falling = -scores[rows]
    order = np.argsort(falling)
    # A stable sort takes far longer and is only needed if there are ties.
    ranked = falling[order]
    if (ranked[1:] == ranked[:-1]).any():
        order = np.argsort(falling, kind="stable")
    best_first: Index = rows[order].astype(np.int64)
    return best_first


def _best_few(scores: NDArray[np.float64], rows: Index, number: int) -> Index:
    """The first rows of ``_best_first``, without ordering the rest."""
    if number >= len(rows):
        return _best_first(scores, rows)
    candidates = scores[rows]
    lowest = np.partition(candidates, len(candidates) - number)[len(candidates) - number]
    return _best_first(scores, rows[candidates >= lowest])[:number]


def _training_set(evidence: Evidence) -> tuple[Index, NDArray[np.bool_]]:
    """Labelled rows, and undecided seeds as relevant rows."""
    if not len(evidence.seeds):
        return evidence.rows, evidence.y
    extra = evidence.seeds[~np.isin(evidence.seeds, evidence.rows)]
    rows = np.concatenate([evidence.rows, extra])
    y = np.concatenate([evidence.y, np.ones(len(extra), bool)])
    return rows, y


def _one_sided(y: NDArray[np.bool_]) -> bool:
    """Whether nothing can be fitted: there are no labels, or only labels of one kind."""
    return len(y) == 0 or bool(y.all()) or not y.any()


def _cold_queries(evidence: Evidence) -> Index:
    """Rows that the order follows until a model can be fitted."""
    rows = [evidence.queries, evidence.seeds, evidence.rows[evidence.y]]
    return np.unique(np.concatenate(rows))


class PoolRanker:
    """Ranks one pool again and again; each fit starts from the one before.

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
        self._fits = ViewFits(features, pipeline, seed=seed)
        self._last: _Fit | None = None
        # Score of each decided row in the last ranking before its decision; nan if it had none.
        self._scores_before_decision = np.full(features.size, np.nan)
        self._question: tuple[bytes, NDArray[np.float64]] | None = None

    def rank(self, evidence: Evidence) -> Ranked:
        """Order the unread rows, best first.

        The pipeline is fitted as soon as relevant and irrelevant records are known. Until then the
        order goes by closeness to the queries and to the relevant records known so far. Ties go by
        row number.
        """
        self._note_scores(evidence.rows)
        rows, y = _training_set(evidence)
        unread = np.flatnonzero(evidence.unread)
        if _one_sided(y):
            scores = cold_scores(
                self._features, self._pipeline, _cold_queries(evidence), evidence.unread
            )
            order = _best_first(scores, unread)
            return Ranked(order, scores[order].astype(np.float32), cold_start=True, warm=False)
        warm = self._fits.warm
        last = self._fit(evidence, rows, y)
        order = self._arrange(_best_first(last.scores, unread), last, evidence, y)
        return Ranked(
            order,
            last.scores[order].astype(np.float32),
            cold_start=False,
            warm=warm,
            head_starts=last.blend.weights,
        )

    def _fit(self, evidence: Evidence, rows: Index, y: NDArray[np.bool_]) -> _Fit:
        try:
            views = self._fits.fit(rows, y)
        except BaseException:
            self._last = None
            raise
        blend = self._blend(views, evidence, rows[y])
        scores = blend.total(views, blend.start_scores)
        unread_mean = float(scores[evidence.unread].mean()) if evidence.unread.any() else 0.0
        self._last = _Fit(rows, y, scores, unread_mean, views, blend)
        return self._last

    def _arrange(self, order: Index, last: _Fit, evidence: Evidence, y: NDArray[np.bool_]) -> Index:
        """Vary the first places at the start of a review, and interleave late in it."""
        variety, tail = self._pipeline.variety, self._pipeline.tail
        if variety is not None and needs_variety(y, variety):
            order = diversify(order, last.scores, self._features["embedding"], variety)
        if tail is not None and is_late(evidence.y, tail):
            first = max(_SHARED_OUT, int(_SHARED_OUT_SHARE * len(order)))
            order = interleave(
                order,
                _best_few(last.views[0], np.flatnonzero(evidence.unread), first),
                every=tail.every,
                start=len(evidence.rows),
                first=first,
            )
        return order

    def score(self, evidence: Evidence, others: Features) -> NDArray[np.float64]:
        """Scores of documents outside the pool, on the pool's scale, shape (n_others,).

        The pool's order does not change. A document of the pool would get its own score again.

        Args:
            evidence: what is known about the pool; if the last ranking used other evidence, the
                pool is ranked with this first.
            others: see ``model.features.build_outside``.
        """
        rows, y = _training_set(evidence)
        if _one_sided(y):
            return cold_scores(
                self._features,
                self._pipeline,
                _cold_queries(evidence),
                evidence.unread,
                others=others,
            )
        last = self._last
        if last is None or not (np.array_equal(last.rows, rows) and np.array_equal(last.y, y)):
            self.rank(evidence)
            last = self._last
        assert last is not None
        starts = [scores for _, _, scores in self._starts(evidence.queries, others)]
        return last.blend.total(self._fits.score(rows, y, others), starts)

    def curve(self) -> Curve | None:
        """What the scores of the last ranking mean, see ``model.score_calibration``.

        None before a fit, or if too few decisions of either kind were scored beforehand.
        """
        if self._last is None:
            return None
        scores = self._scores_before_decision[self._last.rows]
        scored = ~np.isnan(scores)
        return fit_curve(scores[scored], self._last.y[scored], rest=self._last.unread_mean)

    def explain(self, row: int) -> Explanation | None:
        """Explain the place that the last ranking gave a row; None before a fit.

        Args:
            row: any row of the pool, decided or not.

        Raises:
            ValueError: the pipeline's solver keeps no fit to explain.
        """
        last = self._last
        if last is None:
            return None
        if not self._fits.warm:
            raise ValueError(f"solver {self._pipeline.solver!r} keeps no fit to explain")
        at = np.array([row], np.int64)
        adds = last.blend.parts(
            [scores[at] for scores in last.views],
            [scores[at] for scores in last.blend.start_scores],
        )
        parts = [
            self._explain_view(last, number, row, adds=float(adds[number][0]))
            for number in range(len(last.views))
        ]
        parts += [
            Part(name, float(added[0]))
            for name, added in zip(last.blend.starts, adds[len(parts) :], strict=True)
        ]
        return Explanation(float(last.scores[row]), tuple(parts))

    def _explain_view(self, last: _Fit, number: int, row: int, *, adds: float) -> Part:
        view = self._pipeline.views[number]
        if view.features in ("embedding", STUDY_AXES):
            matrix = self._features[view.features]
            return Part(
                view.features, adds, nearest=nearest_decided(matrix, row, last.rows, last.y)
            )
        _, spread, weight = last.blend.views[number]
        terms = strongest_terms(
            self._features, view, self._fits.weights(number), row=row, scale=weight / spread
        )
        return Part(view.features, adds, terms=terms)

    def _note_scores(self, rows: Index) -> None:
        """Note how the last ranking scored the rows that have been decided since."""
        if self._last is None:
            return
        undecided = np.ones(self._features.size, bool)
        undecided[self._last.rows] = False
        undecided &= np.isnan(self._scores_before_decision)
        newly_decided = rows[undecided[rows]]
        self._scores_before_decision[newly_decided] = self._last.scores[newly_decided]

    def catch_up(self, evidence: Evidence) -> None:
        """Rank as if the decisions had come one by one; does nothing after the first ranking.

        A process that starts in the middle of a review does not know how earlier rankings scored
        the records decided so far. So it fits at a few points of the sequence, each about 15 %
        further on, and uses each fit to score what was decided before the next.
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

    def _blend(
        self, views: list[NDArray[np.float64]], evidence: Evidence, relevant: Index
    ) -> Blend:
        """How the views' scores and the head starts make one score.

        A single view without head starts keeps its raw scores: standardising would not change its
        order.
        """
        starts = [*self._starts(evidence.queries)]
        # With every row decided there is nothing to order, but decisions can still be explained.
        among = evidence.unread if evidence.unread.any() else np.ones(self._features.size, bool)
        alone = len(views) == 1 and not starts
        return Blend(
            views=[
                (0.0, 1.0, 1.0) if alone else (*mean_and_spread(scores, among), view.weight)
                for view, scores in zip(self._pipeline.views, views, strict=True)
            ],
            starts={
                name: (faded_weight(scores[relevant], start), scores)
                for name, start, scores in starts
            },
        )

    def _starts(
        self, queries: Index, others: Features | None = None
    ) -> Iterator[tuple[str, HeadStart, NDArray[np.float64]]]:
        """Name, constants and scores of each head start that can be used.

        The scores are of the pool's rows, or of others if given.
        """
        pipeline = self._pipeline
        prior = (self._features if others is None else others).prior
        if pipeline.study_language is not None and prior is not None:
            yield "study-language", pipeline.study_language, prior.astype(np.float64)
        if pipeline.question is not None and len(queries):
            scores = (
                self._question_scores(queries)
                if others is None
                else self._closeness(queries, others)
            )
            yield "question", pipeline.question, scores

    def _question_scores(self, queries: Index) -> NDArray[np.float64]:
        """Closeness of each row to the queries, -3 to 3; cached, since queries seldom change."""
        key = queries.tobytes()
        if self._question is None or self._question[0] != key:
            self._question = key, self._closeness(queries, None)
        return self._question[1]

    def _closeness(self, queries: Index, others: Features | None) -> NDArray[np.float64]:
        all_rows = np.ones(self._features.size, bool)
        scores = cold_scores(self._features, self._pipeline, queries, all_rows)
        mean, spread = mean_and_spread(scores, all_rows)
        if others is not None:
            scores = cold_scores(self._features, self._pipeline, queries, all_rows, others=others)
        closeness: NDArray[np.float64] = np.clip((scores - mean) / spread, -_LIMIT, _LIMIT)
        return closeness
