"""Late in a review, give a share of the places to records that the blend rates low.

The last relevant records are often those whose vectors lie apart from the rest: another setting, a
title without an abstract, an unusual wording. A confident blend leaves them to the end. So once few
relevant records turn up, one place in every few goes to the best record by words alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model.pipeline import Tail

Index = NDArray[np.int64]


def is_late(y: NDArray[np.bool_], tail: Tail) -> bool:
    """Whether enough relevant records have been found, and few of them lately.

    Args:
        y: decisions in the order in which they were made, True where relevant.
        tail: says how many are enough and few.
    """
    if len(y) < tail.window or int(y.sum()) < tail.relevant:
        return False
    return bool(y[-tail.window :].mean() <= tail.rate)


def interleave(order: Index, other: Index, *, every: int, start: int, first: int) -> Index:
    """Give one place in every few, counted from ``start``, to another order's best.

    Args:
        order: row numbers, best first.
        other: the same rows in another order: at least the first ``first`` of them.
        every: 2 alternates the two orders, 3 gives the other one a third.
        start: records read already, so that the turns carry on from one ranking to the next.
        first: number of places to share out; the remaining rows follow in their own order.

    Returns:
        The same rows, each once.
    """
    places = min(first, len(order))
    # Every row drawn so far has a place, so neither order can run out before the places do.
    ours, theirs = iter(order[:places].tolist()), iter(other[:places].tolist())
    shared: dict[int, None] = {}
    for place in range(places):
        source = theirs if (start + place) % every == 0 else ours
        shared[next(row for row in source if row not in shared)] = None
    front = np.array([*shared], np.int64)
    rest = np.ones(int(order.max(initial=-1)) + 1, bool)
    rest[front] = False
    return np.concatenate([front, order[rest[order]]])
