"""Scores of the records in the pool: leads see them, the queue does not use them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from api.services.ranking.encoding_progress import EncodingProgress
from api.services.ranking.ranker import Ranker
from api.services.ranking.review_features import document_of
from model.features import Document, build_outside
from store.core.session import ReadSession, Store
from store.reports import record_texts
from store.screening import model_answers
from store.searching import pool, pool_membership

KIND = "pool"
# Texts that are encoded at a time, in some seconds on a small machine.
_PIECE = 64


def get_scores(session: ReadSession, review_id: int) -> dict[int, float]:
    """Scores by report, as they were stored last; empty before the first time."""
    answer = model_answers.get_answer(session, review_id, KIND)
    if answer is None or _stamp_of(answer.body) is None:
        return {}
    return {int(r): float(score) for r, score in answer.body["scores"]}


def _stamp_of(body: object) -> object:
    """The stamp in a stored answer; None if the answer is not one of ours, and so is made again."""
    return body.get("stamp") if isinstance(body, Mapping) and "scores" in body else None


def list_pools_to_score(session: ReadSession) -> list[int]:
    """Reviews whose pool has records without a score."""
    due = []
    for review_id in pool_membership.get_freeze_dates(session):
        answer = model_answers.get_answer(session, review_id, KIND)
        stamp = pool.get_stamp(session, review_id)
        if stamp != ("" if answer is None else _stamp_of(answer.body)):
            due.append(review_id)
    return due


def score_pool(
    ranker: Ranker, store: Store, review_id: int, *, between: Callable[[], bool] = lambda: True
) -> dict[int, float] | None:
    """Score the records in the pool, and store the scores in place of the last ones.

    Records that arrive meanwhile are scored the next time.

    Args:
        ranker: this process's ranker.
        store: the database.
        review_id: the review.
        between: called while texts are encoded, with nothing held; False ends the work.

    Returns:
        Scores by report; None if ``between`` ended the work, which stays due.
    """
    with store.read() as session:
        stamp = pool.get_stamp(session, review_id)
    if stamp and not _encode(ranker, store, review_id, between):
        return None
    scores = _score(ranker, store, review_id) if stamp else {}
    body = {"stamp": stamp, "scores": [list(score) for score in scores.items()]}
    with store.write() as session:
        model_answers.store_answer(session, review_id, KIND, body)
    return scores


def _list_documents(store: Store, review_id: int) -> list[tuple[int, Document]]:
    """Reports in the pool, with what the model reads of them."""
    with store.read() as session:
        record_ids = list(pool.get_reports_by_record(session, review_id))
        texts = record_texts.compose_report_texts(
            record_texts.get_texts(session, review_id, record_ids)
        )
    return [(text.report_id, document_of(text)) for text in texts]


def _encode(ranker: Ranker, store: Store, review_id: int, between: Callable[[], bool]) -> bool:
    """Encode the texts in the pool a few at a time, so that a decision does not wait for long.

    Returns:
        Whether all are encoded. The vectors of those that are, are kept in any case.
    """
    features = ranker.features
    if not features.pipeline.needs_encoder:
        return True
    with features.turn:
        prose = [document.prose for _, document in _list_documents(store, review_id)]
        missing = features.vectors.missing(prose)
    encoding = EncodingProgress(store, review_id)
    with encoding.running() as report:
        for start in range(0, len(missing), _PIECE):
            if not between():
                encoding.end("failed", "interrupted")
                return False
            with features.turn:
                features.vectors.vectors(missing[start : start + _PIECE])
            report(min(start + _PIECE, len(missing)), len(missing))
    encoding.end("done")
    return True


def _score(ranker: Ranker, store: Store, review_id: int) -> dict[int, float]:
    """Scores of the records in the pool, by the review's own fit and on its scale.

    The review's features and order stay as they are: words of the pool carry no weight there.

    Returns:
        Scores by report, the highest first; empty if the review has no records to learn from.
    """
    features = ranker.features
    with features.turn:
        current = features.get(review_id)
        if current is None:
            return {}
        review, training = current
        pooled = [
            (report_id, document)
            for report_id, document in _list_documents(store, review_id)
            if report_id not in review.rows.row_of
        ]
        if not pooled:
            return {}
        documents = [document for _, document in pooled]
        outside = build_outside(review.features, documents, features.encode, features.prior)
        evidence = review.evidence_of(training)
        review.ranker.catch_up(evidence)
        scores = review.ranker.score(evidence, outside)
    best_first = np.argsort(-scores, kind="stable").tolist()
    return {pooled[at][0]: float(scores[at]) for at in best_first}
