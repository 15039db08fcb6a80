"""Scores of what waits in the pool: for leads to see, never for the queue."""

from __future__ import annotations

from collections.abc import Callable

from api.services.ranking import Ranker
from store import answers, pool
from store.session import ReadSession, Store

KIND = "pool"


def kept(session: ReadSession, review_id: int) -> dict[int, float]:
    """Scores by report, as they were last made; empty before the first."""
    found = answers.newest(session, review_id, KIND)
    return {} if found is None else {int(r): float(score) for r, score in found.body["scores"]}


def due(session: ReadSession) -> list[int]:
    """Reviews of whose pool something has no score by now."""
    found = []
    for review_id in pool.frozen(session):
        last = answers.newest(session, review_id, KIND)
        mark = pool.stamp(session, review_id)
        if mark != ("" if last is None else last.body["stamp"]):
            found.append(review_id)
    return found


def make(
    ranker: Ranker, store: Store, review_id: int, *, between: Callable[[], bool] = lambda: True
) -> dict[int, float] | None:
    """Score what waits, and keep the scores in place of the last ones.

    What comes meanwhile makes them due once more.

    Args:
        ranker: of this process.
        store: the database.
        review_id: the review.
        between: called while texts are encoded, see ``Ranker.encode_pool``.

    Returns:
        Scores by report; None where ``between`` ended the work: they stay due.
    """
    with store.read() as session:
        mark = pool.stamp(session, review_id)
    if mark and not ranker.encode_pool(review_id, between):
        return None
    scores = ranker.score_pool(review_id) if mark else {}
    body = {"stamp": mark, "scores": [list(each) for each in scores.items()]}
    with store.write() as session:
        answers.keep(session, review_id, KIND, body)
    return scores
