"""Filling a list of likely misses: the worker's part."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from api.services.ranking.ranker import Ranker
from model.evaluation.screening_recall import FOUND
from model.likely_misses import Decided, find_likely_misses
from store.core.session import Store
from store.reviews import reviews
from store.screening.decision_labels import list_labels
from store.screening.likely_misses import fill_list, get_list_size, list_candidates

Progress = Callable[[int, int], None]


def choose_misses(
    ranker: Ranker,
    store: Store,
    review_id: int,
    list_id: int,
    *,
    progress: Progress | None = None,
) -> int:
    """Fill a list with likely misses and random excludes, mixed; returns how many.

    Likely misses are scored by fits that did not see the record's own decision.

    Raises:
        ValueError: no excluded record, or no included one, is settled.
    """
    ranked = _rank_candidates(ranker, store, review_id, list_id, progress=progress)
    with store.read() as session:
        size = get_list_size(session, list_id)
    rng = np.random.default_rng([size.seed, list_id])
    others = sorted(set(ranked[size.likely :]))
    drawn = [others[place] for place in rng.permutation(len(others))[: size.random].tolist()]
    items = [
        *((report_id, True) for report_id in ranked[: size.likely]),
        *((report_id, False) for report_id in drawn),
    ]
    mixed = [items[place] for place in rng.permutation(len(items)).tolist()]
    with store.write() as session:
        reviews.lock_review(session, review_id)
        fill_list(session, list_id, mixed)
    return len(mixed)


def _rank_candidates(
    ranker: Ranker, store: Store, review_id: int, list_id: int, *, progress: Progress | None
) -> list[int]:
    """Excluded reports that were on no list before, the likeliest miss first."""
    review = ranker.get_features(review_id, progress)
    with store.read() as session:
        size = get_list_size(session, list_id)
        labels = list_labels(session, review_id)
        candidates = set(list_candidates(session, review_id))
    usable = [label for label in labels if label.report_id in review.rows.row_of]
    rows = np.array([review.rows.row_of[label.report_id] for label in usable], np.int64)
    included = np.array([label.decision in FOUND for label in usable], bool)
    if not candidates or not included.any():
        raise ValueError("there are no included and excluded records yet to compare")
    order = find_likely_misses(
        review.features,
        Decided(rows, included, tuple(review.rows.queries.tolist())),
        review.pipeline,
        seed=size.seed,
        progress=progress,
    )
    report_of = {row: report_id for report_id, row in review.rows.row_of.items()}
    reports = (report_of[row] for row in order.tolist())
    return [report_id for report_id in reports if report_id in candidates]
