"""Early in a review, keep near copies of one another apart in the order.

Several people can read from one order before the next fit. Early on, ten records that say the same
thing teach the model little more than one of them. The first record never changes.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.pipeline import Variety

Index = NDArray[np.int64]

# Candidates for each varied place: the first records of the order, this many times as many.
_CANDIDATES: Final = 4


def needs_variety(y: NDArray[np.bool_], variety: Variety) -> bool:
    """Whether few enough relevant records (True in ``y``) are known."""
    return int(y.sum()) < variety.relevant


def diversify(
    order: Index, scores: NDArray[np.float64], vectors: NDArray[np.float32], variety: Variety
) -> Index:
    """Change the first places of an order so that each record is unlike those before it.

    Maximal marginal relevance (Carbonell 1998, doi:10.1145/290941.291025): each place goes to the
    record with the highest score less the weighted cosine to the nearest record already placed.

    Args:
        order: row numbers, best first.
        scores: of every row of the pool.
        vectors: of every row, of unit length, shape (n_rows, dimension).
        variety: number of places, and the cost of similarity.

    Returns:
        The same rows, each once.
    """
    places = min(variety.places, len(order))
    candidates = order[: _CANDIDATES * places]
    if len(candidates) < 3:
        return order
    similarity = vectors[candidates] @ vectors[candidates].T
    value = scores[candidates]
    nearest = np.maximum(similarity[0], 0.0)
    free = np.ones(len(candidates), bool)
    free[0] = False
    chosen = [0]
    while len(chosen) < places:
        best = int(np.argmax(np.where(free, value - variety.weight * nearest, -np.inf)))
        chosen.append(best)
        free[best] = False
        nearest = np.maximum(nearest, similarity[best])
    return np.concatenate([candidates[chosen], candidates[free], order[len(candidates) :]])
