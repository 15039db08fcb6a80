"""Closeness to what the review is looking for: the order until a model can be fitted."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from model.blend import mean_and_spread
from model.features import Features, Matrix
from model.pipeline import STUDY_AXES, Pipeline

Index = NDArray[np.int64]


def cold_scores(
    features: Features,
    pipeline: Pipeline,
    queries: Index,
    unread: NDArray[np.bool_],
    *,
    others: Features | None = None,
) -> NDArray[np.float64]:
    """Closeness to the query rows, summed over the views; zeros without a query.

    Args:
        features: of the pool.
        pipeline: its views are used.
        queries: rows of the pool that are like what the review is looking for.
        unread: rows of the pool over which closeness is standardised.
        others: documents to score instead of the pool's, see ``model.features.build_outside``.
    """
    scored = features if others is None else others
    total = np.zeros(scored.size)
    if len(queries) == 0:
        return total
    for view in pipeline.views:
        # A question is not written like a record, so its form and study language say nothing.
        if view.features not in ("form", STUDY_AXES):
            matrix = features[view.features]
            target = _mean_row(matrix, queries)
            closeness = _closeness(matrix, target)
            mean, spread = mean_and_spread(closeness, unread)
            if others is not None:
                closeness = _closeness(others[view.features], target)
            total += view.weight * ((closeness - mean) / spread)
    return total


def _mean_row(matrix: Matrix, rows: Index) -> Matrix:
    mean = matrix[rows].mean(axis=0)
    return np.asarray(mean).ravel() if sp.issparse(matrix) else mean


def _closeness(matrix: Matrix, target: Matrix) -> NDArray[np.float64]:
    """Inner product of every row with a target; rows have unit length."""
    products: NDArray[np.float64] = np.asarray(matrix @ target).ravel().astype(np.float64)
    return products
