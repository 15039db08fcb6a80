"""Linear SVM by dual coordinate descent on inner products; it can start from an earlier fit.

The problem is LinearSVC's with squared hinge: minimise ``|w|^2 / 2 + b^2 / 2 + sum_i C_i max(0,
1 - y_i (w x_i + b))^2``. Its dual is solved one coefficient at a time (Hsieh et al. 2008,
doi:10.1145/1390156.1390208). scikit-learn's solver starts every fit from zero; a review is fitted
again after each decision, when all but one coefficient are nearly right already.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Far more than a fit needs (10 to 60); a limit for data that do not converge.
_MAX_PASSES = 1000


class Problem(NamedTuple):
    """The training set of one fit. A named tuple, because numba can read one.

    Attributes:
        products: inner products of all slots, shape (n, n) or larger, without the bias. A slot is
            a row that was labelled at any time.
        active: slots in the training set, shape (m,).
        signs: +1 or -1 for each active slot, shape (m,).
        costs: C_i of each active slot, above 0, shape (m,).
    """

    products: NDArray[np.float32]
    active: NDArray[np.int64]
    signs: Floats
    costs: Floats


@numba.njit(cache=True, nogil=True)
def _permute(order: NDArray[np.int64], state: np.uint64) -> np.uint64:
    """Shuffle in place (Fisher and Yates) with a xorshift generator; returns its next state."""
    for last in range(len(order) - 1, 0, -1):
        state ^= (state << np.uint64(13)) & np.uint64(0xFFFFFFFFFFFFFFFF)
        state ^= state >> np.uint64(7)
        state ^= (state << np.uint64(17)) & np.uint64(0xFFFFFFFFFFFFFFFF)
        other = np.int64(state % np.uint64(last + 1))
        order[last], order[other] = order[other], order[last]
    return state


@numba.njit(cache=True, nogil=True)
def descend(
    problem: Problem, coefficients: Floats, decisions: Floats, tolerance: float, seed: int
) -> int:
    """Descend until every projected gradient in a pass is below the tolerance.

    Args:
        problem: the training set.
        coefficients: signed dual coefficients of all slots, shape (n,); changed in place. Those of
            inactive slots must be 0.
        decisions: decision values of all slots under the coefficients; changed in place.
        tolerance: largest projected gradient at the end, above 0.
        seed: order of the visits.

    Returns:
        Number of passes; 1,000 if the tolerance was not reached.
    """
    products, active, signs, costs = problem
    order = np.arange(len(active))
    state = np.uint64(seed) * np.uint64(2654435769) + np.uint64(88172645463325252)
    for done in range(_MAX_PASSES):
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
            # A step far below the tolerance costs as much as any other and achieves nothing.
            if size < 0.3 * tolerance:
                continue
            new = max(own - gradient / (products[row, row] + 1.0 + spread), 0.0)
            change = (new - own) * sign
            if change != 0.0:
                coefficients[row] = new * sign
                # Inactive slots are updated too: a loop without gaps is faster.
                for other in range(len(decisions)):
                    decisions[other] += change * (products[row, other] + 1.0)
        if worst < tolerance:
            return done + 1
    return _MAX_PASSES
