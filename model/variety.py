"""Early in a review, near copies of one another do not follow each other.

Several people read from one order before the next fit. While little is known, ten records that say
the same teach little more than one of them. Which record comes first never changes.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.pipeline import Variety

Index = NDArray[np.int64]

# Records that may move up into the varied places, for each of these.
_AMONG: Final = 4


def wanted(y: NDArray[np.bool_], variety: Variety) -> bool:
    """Whether few enough relevant records are known, True in ``y``."""
    return int(y.sum()) < variety.relevant


def varied(
    order: Index, scores: NDArray[np.float64], vectors: NDArray[np.float32], variety: Variety
) -> Index:
    """An order whose first places hold records that are unlike those before them.

    Maximal marginal relevance (Carbonell 1998, doi:10.1145/290941.291025): each place goes to the
    highest score less the weighted cosine to the nearest record already placed.

    Args:
        order: row numbers, best first.
        scores: of every row of the pool.
        vectors: of every row, of unit length, shape (n_rows, dimension).
        variety: how many places, and what likeness costs.

    Returns:
        The same rows, each once.
    """
    places = min(variety.places, len(order))
    candidates = order[: _AMONG * places]
    if len(candidates) < 3:
        return order
    likeness = vectors[candidates] @ vectors[candidates].T
    value = scores[candidates]
    nearest = np.maximum(likeness[0], 0.0)
    free = np.ones(len(candidates), bool)
    free[0] = False
    chosen = [0]
    while len(chosen) < places:
        best = int(np.argmax(np.where(free, value - variety.weight * nearest, -np.inf)))
        chosen.append(best)
        free[best] = False
        nearest = np.maximum(nearest, likeness[best])
    return np.concatenate([candidates[chosen], candidates[free], order[len(candidates) :]])
