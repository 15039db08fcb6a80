"""The resident ranker: features stay in memory, so that a new decision costs one fit."""

from __future__ import annotations

import logging
import threading
import time
from array import array
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from api import resources
from api.protocol import ProtocolBody
from api.services.encoding import encoder_of
from api.services.matching import held_of, known_of
from api.settings import Settings
from model.cache import VectorCache
from model.chance import Curve
from model.encode import Vectors
from model.evaluate import Limits, match
from model.explain import Explanation
from model.features import Document, Features, build, read_beside
from model.order import Evidence, PoolRanker, Ranked
from model.pipeline import Pipeline
from model.prior import StudyPrior
from store import decisions, gold, jobs, rankings, records, reviews, searches
from store import pool as pooled
from store.errors import NotFound
from store.records import Text
from store.session import ReadSession, Store

logger = logging.getLogger(__name__)

RELEVANT = ("include", "maybe")
# Reviews whose features are kept; a server with many lets the longest unused go.
_RESIDENT = 4
# Texts of the pool that are encoded at a time: some seconds on a small machine.
_PIECE = 64
# Depths at which the expected number of relevant records is told.
_NEXT = (20, 50, 100)

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class _Stamp:
    """Changes whenever the features of a review must be made anew."""

    records: tuple[int, ...]
    protocol: int
    gold: int


@dataclass(frozen=True, slots=True)
class _Decided:
    """The decisions of one moment: the review's revision, its labels, the newest line's id."""

    revision: int
    labels: list[decisions.Label]
    last: int | None


@dataclass(frozen=True, slots=True)
class _Pool:
    """A review's documents as the model reads them.

    Rows are reports in the order of their ids, then the protocol's texts, then seeds that are not
    among the reports.
    """

    stamp: _Stamp
    report_ids: np.ndarray[tuple[int], np.dtype[np.int64]]
    row_of: dict[int, int]
    queries: np.ndarray[tuple[int], np.dtype[np.int64]]
    seeds: np.ndarray[tuple[int], np.dtype[np.int64]]
    documents: list[Document]
    pipeline: Pipeline
    features: Features
    ranker: PoolRanker


@dataclass(frozen=True, slots=True)
class Explained:
    """An explanation with what its rows are.

    Attributes:
        place: in the order of the unread, from 1; None for a decided report.
        titles: of the near rows.
        reports: report ids of the near rows; a seed that is no report has none.
    """

    explanation: Explanation
    place: int | None
    title: str
    titles: dict[int, str]
    reports: dict[int, int]


@dataclass(frozen=True, slots=True)
class Material:
    """A review's features and where they start from; rows of reports come first."""

    features: Features
    pipeline: Pipeline
    row_of: dict[int, int]
    queries: np.ndarray[tuple[int], np.dtype[np.int64]]
    seeds: np.ndarray[tuple[int], np.dtype[np.int64]]
    seed: int


class Ranker:
    """Ranks reviews; keep one for a process's life. Threads take turns.

    Args:
        store: the database.
        settings: encoder, pipeline and seed.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._pools: OrderedDict[int, _Pool] = OrderedDict()
        self._cache: VectorCache | None = None
        self._turn = threading.RLock()
        self.pipeline: Pipeline = resources.pipeline(settings.pipeline)

    @property
    def cache(self) -> VectorCache:
        """Vectors of the encoder that the settings name."""
        if self._cache is None:
            encoder = encoder_of(self._settings.encoder)
            self._cache = VectorCache(self._settings.data_dir / "vectors", encoder)
        return self._cache

    def due(self) -> list[int]:
        """Reviews that need a new ranking."""
        with self._store.read() as session:
            return rankings.due(session)

    def rank(
        self, review_id: int, *, progress: Progress | None = None
    ) -> rankings.RankingInfo | None:
        """Make and store a review's ranking; None where there is nothing to rank.

        Args:
            review_id: the review.
            progress: called with (encoded, to encode) while texts are encoded.
        """
        with self._turn:
            return self._ranked(review_id, progress)

    def _ranked(self, review_id: int, progress: Progress | None) -> rankings.RankingInfo | None:
        found = self._current(review_id, progress)
        if found is None:
            return None
        start = time.perf_counter()
        pool, known = found
        evidence = _evidence(pool, known.labels)
        pool.ranker.catch_up(evidence)
        ranked = pool.ranker.rank(evidence)
        chances = expected(pool.ranker.curve(), ranked)
        new = rankings.NewRanking(
            revision=known.revision,
            pipeline=pool.pipeline.name,
            pipeline_hash=pool.pipeline.hash,
            encoder=self.cache.encoder.identity if self.pipeline.needs_encoder else None,
            seed=self._settings.seed,
            n_decisions=len(known.labels),
            n_include=sum(label.decision in RELEVANT for label in known.labels),
            last_decision_id=known.last,
            cold_start=ranked.cold_start,
            warm=ranked.warm,
            seconds=time.perf_counter() - start,
            detail={"head_starts": dict(ranked.head_starts), "expected": chances},
            report_ids=_ids(pool, ranked),
            scores=array("f", ranked.scores.tobytes()),
        )
        with self._store.write() as session:
            rankings.save(session, review_id, new)
            newest = rankings.newest(session, review_id)
        logger.info(
            "ranked review %s: %s reports from %s decisions in %.3f s",
            review_id,
            len(new.report_ids),
            new.n_decisions,
            new.seconds,
        )
        return newest

    def explain(
        self, review_id: int, report_id: int, *, progress: Progress | None = None
    ) -> Explained | None:
        """Why a report stands where it does, by a fit to the decisions as they are now.

        Nothing is stored. None while no model is fitted: before there is a relevant and an
        irrelevant decision, the order is closeness to the protocol's texts.

        Raises:
            NotFound: the review has no such report.
        """
        with self._turn:
            return self._explained(review_id, report_id, progress)

    def _explained(
        self, review_id: int, report_id: int, progress: Progress | None
    ) -> Explained | None:
        current = self._current(review_id, progress)
        if current is None or report_id not in current[0].row_of:
            raise NotFound(f"the review has no report {report_id}")
        pool, known = current
        evidence = _evidence(pool, known.labels)
        pool.ranker.catch_up(evidence)
        ranked = pool.ranker.rank(evidence)
        row = pool.row_of[report_id]
        found = pool.ranker.explain(row)
        if ranked.cold_start or found is None:
            return None
        places = {at: place for place, at in enumerate(ranked.order.tolist(), start=1)}
        near = {near.row for part in found.parts for near in part.nearest}
        return Explained(
            explanation=found,
            place=places.get(row),
            title=pool.documents[row].title,
            titles={at: pool.documents[at].title for at in sorted(near)},
            reports={
                at: int(pool.report_ids[at]) for at in sorted(near) if at < len(pool.report_ids)
            },
        )

    def material(self, review_id: int, progress: Progress | None = None) -> Material:
        """What replays of a review are made of.

        Raises:
            NotFound: the review has no records.
        """
        with self._turn:
            found = self._current(review_id, progress)
        if found is None:
            raise NotFound("the review has no records")
        pool, _ = found
        return Material(
            pool.features, pool.pipeline, pool.row_of, pool.queries, pool.seeds, self._settings.seed
        )

    def encode_pool(self, review_id: int, between: Callable[[], bool]) -> bool:
        """Encode what waits in the pool, a few texts at a time: a decision waits for no more.

        Args:
            review_id: the review.
            between: called before each piece, with nothing held; False ends the work.

        Returns:
            Whether all is encoded. What was encoded is kept in any case.
        """
        if not self.pipeline.needs_encoder:
            return True
        with self._turn:
            texts = [document.prose for _, document in self._waiting(review_id)]
            wanted = self.cache.missing(texts)
        reporter = _JobProgress(self._store, review_id, None)
        try:
            for start in range(0, len(wanted), _PIECE):
                if not between():
                    reporter.close("failed", "interrupted")
                    return False
                with self._turn:
                    self.cache.vectors(wanted[start : start + _PIECE])
                reporter.report(min(start + _PIECE, len(wanted)), len(wanted))
        except BaseException as error:
            reporter.close("failed", str(error) or type(error).__name__)
            raise
        reporter.close("done", None)
        return True

    def score_pool(self, review_id: int) -> dict[int, float]:
        """Scores of what waits in the pool, by the review's own fit and on its scale.

        The review's features and its order stay as they are: words of the pool weigh nothing there.

        Returns:
            Scores by report, the highest first; empty where the review has no records to learn
            from.
        """
        with self._turn:
            found = self._current(review_id, None)
            if found is None:
                return {}
            current, known = found
            inside = [each for each in self._waiting(review_id) if each[0] not in current.row_of]
            if not inside:
                return {}
            encode, prior = self._reading()
            others = read_beside(
                current.features, [document for _, document in inside], encode, prior
            )
            evidence = _evidence(current, known.labels)
            current.ranker.catch_up(evidence)
            scores = current.ranker.score(evidence, others)
        best_first = np.argsort(-scores, kind="stable").tolist()
        return {inside[at][0]: float(scores[at]) for at in best_first}

    def _waiting(self, review_id: int) -> list[tuple[int, Document]]:
        """Reports that wait in the pool, with what the model reads of them."""
        with self._store.read() as session:
            waiting = pooled.records(session, review_id)
            texts = records.shown(records.texts_of(session, review_id, list(waiting)))
        return [(text.report_id, _document(text)) for text in texts]

    def _current(self, review_id: int, progress: Progress | None) -> tuple[_Pool, _Decided] | None:
        """The review's pool, made anew where its records, protocol or gold list changed.

        Both are of one moment. The encoding may take hours, so it holds no transaction; where
        records came meanwhile, the features are made once more.
        """
        while True:
            with self._store.read() as session:
                stamp = _stamp(session, review_id)
                pool = self._pools.get(review_id)
                if pool is not None and pool.stamp == stamp:
                    self._pools.move_to_end(review_id)
                    return pool, _decided(session, review_id)
                held = records.copies(session, review_id)
                body = ProtocolBody.model_validate(reviews.protocol(session, review_id).body)
                known = gold.everything(session, review_id)
            self._pools.pop(review_id, None)
            if not held:
                return None
            self._pools[review_id] = self._build(review_id, stamp, held, body, known, progress)
            while len(self._pools) > _RESIDENT:
                self._pools.popitem(last=False)

    def _build(
        self,
        review_id: int,
        stamp: _Stamp,
        held: list[Text],
        body: ProtocolBody,
        known: list[gold.GoldInfo],
        progress: Progress | None,
    ) -> _Pool:
        texts = records.shown(held)
        documents = [_document(text) for text in texts]
        row_of = {text.report_id: row for row, text in enumerate(texts)}
        queries = list(range(len(documents), len(documents) + len(body.query_texts)))
        documents += [Document(text, "") for text in body.query_texts]
        seeds: list[int] = []
        chosen = [known_of(info) for info in known if info.ranking_use == "seed"]
        abstracts = {info.id: info.abstract or "" for info in known}
        for found in match(chosen, [held_of(text) for text in held], Limits()):
            if found.report_id is not None:
                seeds.append(row_of[found.report_id])
            elif found.known.title:
                seeds.append(len(documents))
                documents.append(Document(found.known.title, abstracts.get(found.known.number, "")))
        pipeline = self.pipeline
        if not body.ranking.study_language:
            pipeline = pipeline.alone()
        features = self._features(review_id, documents, pipeline, progress)
        return _Pool(
            stamp=stamp,
            report_ids=np.array([text.report_id for text in texts], np.int64),
            row_of=row_of,
            queries=np.array(queries, np.int64),
            seeds=np.unique(np.array(seeds, np.int64)),
            documents=documents,
            pipeline=pipeline,
            features=features,
            ranker=PoolRanker(features, pipeline, seed=self._settings.seed),
        )

    def _reading(self) -> tuple[Callable[[Sequence[str]], Vectors] | None, StudyPrior]:
        """What texts outside a review's records are read with."""
        if not self.pipeline.needs_encoder:
            return None, resources.study_prior().for_encoder(None)
        prior = resources.study_prior().for_encoder(self.cache.encoder.identity)
        return self.cache.vectors, prior

    def _features(
        self,
        review_id: int,
        documents: list[Document],
        pipeline: Pipeline,
        progress: Progress | None,
    ) -> Features:
        encode, prior = self._reading()
        if encode is None:
            return build(documents, pipeline, None, prior)
        reporter = _JobProgress(self._store, review_id, progress)
        try:
            features = build(
                documents,
                pipeline,
                lambda texts: self.cache.vectors(texts, reporter.report),
                prior,
            )
        except BaseException as error:
            reporter.close("failed", str(error) or type(error).__name__)
            raise
        reporter.close("done", None)
        return features


def expected(curve: Curve | None, ranked: Ranked) -> dict[str, float]:
    """How many of the next records are expected to be relevant, by how many these are.

    Empty where nothing can be said yet.
    """
    if curve is None or ranked.cold_start:
        return {}
    chances = curve.chances(ranked.scores[: max(_NEXT)].astype(np.float64))
    return {str(n): float(chances[:n].sum()) for n in _NEXT if n <= len(ranked.order)}


def _document(text: Text) -> Document:
    return Document(text.title or "", text.abstract or "")


def _decided(session: ReadSession, review_id: int) -> _Decided:
    return _Decided(
        reviews.by_id(session, review_id).revision,
        decisions.learned(session, review_id),
        decisions.last_id(session, review_id),
    )


def _stamp(session: ReadSession, review_id: int) -> _Stamp:
    return _Stamp(
        searches.stamp(session, review_id),
        reviews.protocol(session, review_id).version,
        hash(tuple(gold.everything(session, review_id))),
    )


class _JobProgress:
    """Tells the caller and the pages how far the encoding is; silent where all is cached."""

    def __init__(self, store: Store, review_id: int, progress: Progress | None) -> None:
        self._store = store
        self._review_id = review_id
        self._progress = progress
        self._job: int | None = None

    def report(self, done: int, total: int) -> None:
        if self._progress:
            self._progress(done, total)
        if total == 0:
            return
        with self._store.write() as session:
            if self._job is None:
                jobs.interrupted(session, kind="embedding", review_id=self._review_id)
                self._job = jobs.begin(session, self._review_id, "embedding", total=total)
            jobs.advance(session, self._job, done=done, total=total)

    def close(self, state: str, message: str | None) -> None:
        if self._job is not None:
            with self._store.write() as session:
                jobs.end(session, self._job, state=state, message=message)


def _evidence(pool: _Pool, labels: list[decisions.Label]) -> Evidence:
    """Decisions as the model sees them: rows in screening order, *maybe* as relevant."""
    known = [label for label in labels if label.report_id in pool.row_of]
    rows = np.array([pool.row_of[label.report_id] for label in known], np.int64)
    unread = np.zeros(len(pool.documents), bool)
    unread[: len(pool.report_ids)] = True
    unread[rows] = False
    return Evidence(
        rows=rows,
        y=np.array([label.decision in RELEVANT for label in known], bool),
        unread=unread,
        queries=pool.queries,
        seeds=pool.seeds,
    )


def _ids(pool: _Pool, ranked: Ranked) -> array[int]:
    return array("q", pool.report_ids[ranked.order].astype(np.int64).tobytes())
