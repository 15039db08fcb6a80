"""Scores of the records in the pool: leads see them, the queue does not use them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from api.services.ranking.encoding_progress import EncodingProgress
from api.services.ranking.ranker import Ranker
from api.services.ranking.review_features import document_of
from api.services.ranking.waiting_texts import POOL
from model.features import Document, build_outside
from store.core.session import ReadSession, Store
from store.reports import record_texts
from store.screening import model_answers
from store.searching import pool, pool_membership

KIND = "pool"


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


def score_pool(ranker: Ranker, store: Store, review_id: int) -> dict[int, float] | None:
    """Score the records in the pool, and store the scores in place of the last ones.

    Records that arrive meanwhile are scored the next time.

    Args:
        ranker: this process's ranker.
        store: the database.
        review_id: the review.

    Returns:
        Scores by report; None while texts wait for the encoder's process. The work stays due.
    """
    with store.read() as session:
        stamp = pool.get_stamp(session, review_id)
    if stamp and not _encode(ranker, store, review_id):
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


def _encode(ranker: Ranker, store: Store, review_id: int) -> bool:
    """Have the texts in the pool encoded; False if they wait for the encoder's process."""
    features, waiting = ranker.features, ranker.waiting
    if not features.pipeline.needs_encoder:
        return True
    part = (review_id, POOL)
    if waiting is not None and waiting.is_waiting(part):
        return False
    prose = [document.prose for _, document in _list_documents(store, review_id)]
    missing = features.vectors.missing(prose)
    if not missing:
        return True
    if waiting is not None:
        waiting.ask(part, missing, of=len(prose))
        return False
    encoding = EncodingProgress(store, review_id)
    with encoding.running() as report:
        features.vectors.vectors(missing, report)
    encoding.end("done")
    return True


def _score(ranker: Ranker, store: Store, review_id: int) -> dict[int, float]:
    """Scores of the records in the pool, by the review's own fit and on its scale.

    The review's features and order stay as they are: words of the pool carry no weight there.

    Returns:
        Scores by report, the highest first; empty if the review has no records to learn from.
    """
    features = ranker.features
    with features.using(review_id) as current:
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
        encode = features.encode if review.pipeline.needs_encoder else None
        outside = build_outside(review.features, documents, encode, features.prior)
        evidence = review.evidence_of(training)
        review.ranker.catch_up(evidence)
        scores = review.ranker.score(evidence, outside)
    best_first = np.argsort(-scores, kind="stable").tolist()
    return {pooled[at][0]: float(scores[at]) for at in best_first}
