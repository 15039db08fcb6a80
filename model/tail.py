"""Late in a review, a share of the reads by words alone: what the blend holds to be far off.

The last relevant records are often those whose vectors lie apart from the rest (another setting, a
title without an abstract, an odd wording). A blend that is sure of itself leaves them to the end.
Once little is found, every few places go to the best record by words alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model.pipeline import Tail

Index = NDArray[np.int64]


def reached(y: NDArray[np.bool_], tail: Tail) -> bool:
    """Whether enough is found, and little of late.

    Args:
        y: decisions in the order in which they were made, True where relevant.
        tail: when the tail begins.
    """
    if len(y) < tail.window or int(y.sum()) < tail.relevant:
        return False
    return bool(y[-tail.window :].mean() <= tail.rate)


def interleaved(order: Index, other: Index, *, every: int, start: int, first: int) -> Index:
    """An order in which every few places, counted from ``start``, go to another order's best.

    Args:
        order: row numbers, best first.
        other: the first of the same rows in another order, at least ``first`` of them or all.
        every: 2 takes them in turn, 3 gives the other a third.
        start: records read already: the turn goes on from one ranking to the next.
        first: so many places are shared out; what is left follows in its own order.

    Returns:
        The same rows, each once.
    """
    places = min(first, len(order))
    # Whatever was drawn from one order has a place: neither is drawn from more often than this.
    ours, theirs = iter(order[:places].tolist()), iter(other[:places].tolist())
    shared: dict[int, None] = {}
    for place in range(places):
        turn = theirs if (start + place) % every == 0 else ours
        shared[next(row for row in turn if row not in shared)] = None
    front = np.array([*shared], np.int64)
    rest = np.ones(int(order.max(initial=-1)) + 1, bool)
    rest[front] = False
    return np.concatenate([front, order[rest[order]]])
