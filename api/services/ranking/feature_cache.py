"""Features of reviews kept in memory, so that a new decision costs only one fit."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence

from api import resources
from api.services.ranking.encoding import make_encoder
from api.services.ranking.encoding_progress import EncodingProgress, Progress
from api.services.ranking.review_features import (
    ReviewFeatures,
    ReviewTexts,
    TrainingLabels,
    get_review_texts,
    get_stamp,
    get_training_labels,
    order_documents,
)
from api.settings import Settings
from model.cache import VectorCache
from model.encode import Vectors
from model.features import Document, Features, build
from model.order import PoolRanker
from model.pipeline import Pipeline
from model.prior import StudyPrior
from store.core.session import Store

# Reviews whose features are kept. With more, those that were not used for longest go first.
_RESIDENT = 4


class FeatureCache:
    """Features of the reviews that were ranked last.

    Args:
        store: the database.
        settings: encoder, pipeline and seed.

    Attributes:
        turn: hold it while using features, since a fit changes them. Threads take turns.
        pipeline: what the settings name; a protocol may leave its prior out.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self.turn = threading.RLock()
        self.pipeline: Pipeline = resources.pipeline(settings.pipeline)
        self._store = store
        self._settings = settings
        self._reviews: OrderedDict[int, ReviewFeatures] = OrderedDict()
        self._vectors: VectorCache | None = None

    @property
    def vectors(self) -> VectorCache:
        """Vectors of the encoder that the settings name."""
        if self._vectors is None:
            encoder = make_encoder(self._settings.encoder)
            self._vectors = VectorCache(self._settings.data_dir / "vectors", encoder)
        return self._vectors

    @property
    def encoder(self) -> str | None:
        """Which encoder the pipeline reads texts with; None if it needs none."""
        return self.vectors.encoder.identity if self.pipeline.needs_encoder else None

    @property
    def prior(self) -> StudyPrior:
        """The study-language prior for this encoder."""
        return resources.study_prior().for_encoder(self.encoder)

    @property
    def encode(self) -> Callable[[Sequence[str]], Vectors] | None:
        """Texts to vectors; None if the pipeline needs none."""
        return self.vectors.vectors if self.pipeline.needs_encoder else None

    def get(
        self, review_id: int, progress: Progress | None = None
    ) -> tuple[ReviewFeatures, TrainingLabels] | None:
        """A review's features and decisions, both of one moment; None if it has no records.

        The features are built again if records, protocol or known relevant records have changed.
        Encoding may take hours, so it holds no transaction; if records have changed meanwhile, the
        features are built once more.
        """
        while True:
            with self._store.read() as session:
                stamp = get_stamp(session, review_id)
                cached = self._reviews.get(review_id)
                if cached is not None and cached.stamp == stamp:
                    self._reviews.move_to_end(review_id)
                    return cached, get_training_labels(session, review_id)
                review = get_review_texts(session, review_id, stamp)
            self._reviews.pop(review_id, None)
            if not review.texts:
                return None
            self._reviews[review_id] = self._build(review_id, review, progress)
            while len(self._reviews) > _RESIDENT:
                self._reviews.popitem(last=False)

    def _build(
        self, review_id: int, review: ReviewTexts, progress: Progress | None
    ) -> ReviewFeatures:
        rows = order_documents(review)
        study_language = review.protocol.ranking.study_language
        pipeline = self.pipeline if study_language else self.pipeline.without_prior()
        features = self._build_features(review_id, rows.documents, pipeline, progress)
        return ReviewFeatures(
            stamp=review.stamp,
            rows=rows,
            pipeline=pipeline,
            features=features,
            ranker=PoolRanker(features, pipeline, seed=self._settings.seed),
            seed=self._settings.seed,
        )

    def _build_features(
        self,
        review_id: int,
        documents: list[Document],
        pipeline: Pipeline,
        progress: Progress | None,
    ) -> Features:
        if not self.pipeline.needs_encoder:
            return build(documents, pipeline, None, self.prior)
        encoding = EncodingProgress(self._store, review_id, progress)
        with encoding.running() as report:
            features = build(
                documents, pipeline, lambda texts: self.vectors.vectors(texts, report), self.prior
            )
        encoding.end("done")
        return features
