"""Linear SVM by dual coordinate descent on inner products, which can go on from an earlier fit.

The problem is LinearSVC's with squared hinge: least ``|w|^2 / 2 + b^2 / 2 + sum_i C_i max(0,
1 - y_i (w x_i + b))^2``. Its dual is descended one coefficient at a time (Hsieh et al. 2008,
doi:10.1145/1390156.1390208). scikit-learn's solver starts cold at each fit; a review is refitted
after each decision, where all but one coefficient are nearly right already.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Far more than a fit needs (10 to 60); a bound for data that no fit describes.
MAX_PASSES = 1000


@numba.njit(cache=True, nogil=True)
def _permute(order: NDArray[np.int64], state: np.uint64) -> np.uint64:
    """Shuffle in place (Fisher and Yates) by a xorshift generator; gives its next state."""
    for last in range(len(order) - 1, 0, -1):
        state ^= (state << np.uint64(13)) & np.uint64(0xFFFFFFFFFFFFFFFF)
        state ^= state >> np.uint64(7)
        state ^= (state << np.uint64(17)) & np.uint64(0xFFFFFFFFFFFFFFFF)
        other = np.int64(state % np.uint64(last + 1))
        order[last], order[other] = order[other], order[last]
    return state


@numba.njit(cache=True, nogil=True)
def descend(
    products: NDArray[np.float32],
    active: NDArray[np.int64],
    signs: Floats,
    costs: Floats,
    coefficients: Floats,
    decisions: Floats,
    tolerance: float,
    passes: int,
    seed: int,
) -> int:
    """Descend until no coefficient of a pass is off by more than the tolerance.

    Args:
        products: inner products of the known rows, shape (n, n) or larger, without the bias.
        active: which of the known rows are in the training set, shape (m,).
        signs: +1 or -1 for each of the active, shape (m,).
        costs: C_i of each of the active, above 0, shape (m,).
        coefficients: signed dual coefficients of the known rows, shape (n,); changed in place.
            Those of rows that are not active must be 0.
        decisions: decision values of the known rows under the coefficients; changed in place.
        tolerance: largest projected gradient at the end, above 0.
        passes: at most so many passes over the active.
        seed: order of the visits.

    Returns:
        Passes made; ``passes`` where the tolerance was not reached.
    """
    order = np.arange(len(active))
    state = np.uint64(seed) * np.uint64(2654435769) + np.uint64(88172645463325252)
    for done in range(passes):
        state = _permute(order, state)
        worst = 0.0
        for at in order:
            row = active[at]
            sign = signs[at]
            spread = 0.5 / costs[at]
            own = coefficients[row] * sign
            gradient = sign * decisions[row] - 1.0 + spread * own
            if own <= 0.0 and gradient >= 0.0:
                continue
            size = abs(gradient)
            worst = max(worst, size)
            # A step far below the tolerance costs as much as any and moves nothing.
            if size < 0.3 * tolerance:
                continue
            new = max(own - gradient / (products[row, row] + 1.0 + spread), 0.0)
            change = (new - own) * sign
            if change != 0.0:
                coefficients[row] = new * sign
                # Rows that are not active are carried along: a loop without gaps is the faster.
                for other in range(len(decisions)):
                    decisions[other] += change * (products[row, other] + 1.0)
        if worst < tolerance:
            return done + 1
    return passes
