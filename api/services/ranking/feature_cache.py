"""Features of reviews kept in memory, so that a new decision costs only one fit."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from api import resources
from api.services.ranking.encoding import get_vectors_folder, make_encoder
from api.services.ranking.encoding_progress import EncodingProgress, Progress
from api.services.ranking.review_features import (
    Documents,
    Meaning,
    ReviewFeatures,
    ReviewTexts,
    TrainingLabels,
    get_review_texts,
    get_stamp,
    get_training_labels,
    order_documents,
)
from api.services.ranking.waiting_texts import COMPLETE, RECORDS, WaitingTexts
from api.settings import Settings
from model.cache import VectorCache
from model.encode import Vectors
from model.features import build, find_known
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
        waiting: takes the texts that are still to be encoded, and features are built from what
            there is; None to encode them here, and to wait for that.

    Attributes:
        turn: hold it while using features, since a fit changes them. Threads take turns.
        pipeline: what the settings name; a protocol may leave its prior out.
    """

    def __init__(
        self, store: Store, settings: Settings, waiting: WaitingTexts | None = None
    ) -> None:
        self.turn = threading.RLock()
        self.pipeline: Pipeline = resources.pipeline(settings.pipeline)
        self._store = store
        self._settings = settings
        self._reviews: OrderedDict[int, ReviewFeatures] = OrderedDict()
        self._vectors: VectorCache | None = None
        self._waiting = waiting

    @property
    def vectors(self) -> VectorCache:
        """Vectors of the encoder that the settings name."""
        if self._vectors is None:
            encoder = make_encoder(self._settings.encoder)
            self._vectors = VectorCache(get_vectors_folder(self._settings), encoder)
        return self._vectors

    @property
    def encoder(self) -> str | None:
        """Which encoder the pipeline reads texts with; None if it needs none."""
        return self.vectors.encoder.identity if self.pipeline.needs_encoder else None

    @property
    def prior(self) -> StudyPrior:
        """The study-language prior for this encoder."""
        return resources.study_prior().for_encoder(self.encoder)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts outside a review's records.

        Raises:
            OSError: the encoder's process has to encode them first.
        """
        if self._waiting is None:
            return self.vectors.vectors(texts)
        vectors = self.vectors.known(texts)
        if not find_known(vectors).all():
            raise OSError("vectors that were there are missing; they are made again")
        return vectors

    def has(self, review_id: int) -> bool:
        """Whether a review's features are there, so that a decision costs only one fit."""
        with self._store.read() as session:
            stamp = get_stamp(session, review_id)
        with self.turn:
            cached = self._reviews.get(review_id)
            return cached is not None and cached.stamp == stamp

    def get_step(self, review_id: int) -> int:
        """The step that a review's features have reached; -1 if there are none."""
        with self.turn:
            cached = self._reviews.get(review_id)
            return -1 if cached is None else cached.step

    @contextmanager
    def using(
        self, review_id: int, progress: Progress | None = None
    ) -> Iterator[tuple[ReviewFeatures, TrainingLabels] | None]:
        """A review's features and decisions, both of one moment; None if it has no records.

        The features are built again if records, protocol or known relevant records have changed.
        Other reviews may be ranked meanwhile; within the block, it is this review's turn.
        """
        while True:
            with self.turn:
                current = self._find(review_id)
                if current is not None:
                    yield current
                    return
            if not self.prepare(review_id, progress):
                yield None
                return

    def _find(self, review_id: int) -> tuple[ReviewFeatures, TrainingLabels] | None:
        cached = self._reviews.get(review_id)
        if cached is None:
            return None
        with self._store.read() as session:
            if cached.stamp != get_stamp(session, review_id):
                del self._reviews[review_id]
                return None
            self._reviews.move_to_end(review_id)
            return cached, get_training_labels(session, review_id)

    def prepare(self, review_id: int, progress: Progress | None = None) -> bool:
        """Build a review's features from what there is now; False if it has no records.

        This may take long, and it holds neither a transaction nor the turn.
        """
        with self._store.read() as session:
            review = get_review_texts(session, review_id, get_stamp(session, review_id))
            training = get_training_labels(session, review_id)
        with self.turn:
            earlier = self._reviews.get(review_id)
        if not review.texts:
            with self.turn:
                self._reviews.pop(review_id, None)
            return False
        if earlier is not None and earlier.stamp != review.stamp:
            earlier = None
        built = self._build(review_id, review, earlier, training, progress)
        with self.turn:
            kept = self._reviews.get(review_id)
            # Another thread may have begun later and been quicker, with more vectors.
            if kept is None or kept.stamp != built.stamp or kept.step <= built.step:
                self._reviews[review_id] = built
            self._reviews.move_to_end(review_id)
            while len(self._reviews) > _RESIDENT:
                self._reviews.popitem(last=False)
        return True

    def _build(
        self,
        review_id: int,
        review: ReviewTexts,
        earlier: ReviewFeatures | None,
        training: TrainingLabels,
        progress: Progress | None,
    ) -> ReviewFeatures:
        rows = order_documents(review)
        pipeline = self.pipeline
        if not review.protocol.ranking.study_language:
            pipeline = pipeline.without_prior()
        vectors = meaning = None
        step = COMPLETE
        if pipeline.needs_encoder:
            texts = [document.prose for document in rows.documents]
            if self._waiting is None:
                vectors = self._encode(review_id, texts, progress)
                meaning = Meaning(len(rows.report_ids), len(rows.report_ids), True, True)
            else:
                vectors, meaning, step = self._take_vectors(review_id, rows, training)
                if not meaning.used:
                    pipeline = pipeline.without_encoder()
        features = build(
            rows.documents,
            pipeline,
            None if vectors is None else lambda _: vectors,
            self.prior,
            None if earlier is None else earlier.features,
        )
        ranker = PoolRanker(features, pipeline, seed=self._settings.seed)
        built = ReviewFeatures(
            stamp=review.stamp,
            rows=rows,
            pipeline=pipeline,
            features=features,
            ranker=ranker,
            seed=self._settings.seed,
            meaning=meaning,
            step=step,
        )
        # The first fits take longest; they are done here, where nobody waits for them.
        ranker.catch_up(built.evidence_of(training))
        return built

    def _encode(self, review_id: int, texts: list[str], progress: Progress | None) -> Vectors:
        encoding = EncodingProgress(self._store, review_id, progress)
        with encoding.running() as report:
            vectors = self.vectors.vectors(texts, report)
        encoding.end("done")
        return vectors

    def _take_vectors(
        self, review_id: int, rows: Documents, training: TrainingLabels
    ) -> tuple[Vectors, Meaning, int]:
        """The vectors that there are; the other texts are given to the encoder's process.

        Half of the records must have a vector, and so must what the review is looking for:
        compared with too few, a record is unusual only because it was encoded.
        """
        assert self._waiting is not None
        part = (review_id, RECORDS)
        texts = [document.prose for document in rows.documents]
        vectors = self.vectors.known(texts)
        known = find_known(vectors)
        reports = len(rows.report_ids)
        n_known = int(known[:reports].sum())
        if known.all():
            self._waiting.forget(part)
            return vectors, Meaning(n_known, reports, True, True), COMPLETE
        decided = [rows.row_of[o.report_id] for o in training.labels if o.report_id in rows.row_of]
        first = [*rows.queries.tolist(), *rows.seeds.tolist(), *decided]
        step = self._waiting.ask(
            part,
            [texts[row] for row in np.flatnonzero(~known)],
            of=len(set(texts)),
            first=[texts[row] for row in first],
        )
        sought = known[rows.queries].all() and known[rows.seeds].all()
        return vectors, Meaning(n_known, reports, bool(step > 0 and sought), False), step
