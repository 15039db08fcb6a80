"""Excluded records that read most like included ones: where a second look is likeliest to pay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.features import Features
from model.order import Evidence, PoolRanker
from model.pipeline import Pipeline

_FOLDS: Final = 5
_NONE: Final = np.array([], np.int64)


def likely_misses(
    features: Features,
    rows: NDArray[np.int64],
    labels: NDArray[np.bool_],
    pipeline: Pipeline,
    *,
    queries: tuple[int, ...] = (),
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> NDArray[np.int64]:
    """Excluded rows, the likeliest miss first, by fits that did not see that row's label.

    In five folds: each fold's rows are scored by a fit to the others, and compared by their place
    among the fold's excluded rows, since scores of different fits have no common scale.

    Args:
        features: of all records, then of the queries.
        rows: the decided ones, shape (n,).
        labels: shape (n,), True where included.
        pipeline: what scores.
        queries: rows of the features that say what is sought.
        seed: of the folds and fits.
        progress: called with (folds done, folds); may raise to interrupt.
    """
    fold = np.random.default_rng([seed, 71]).permutation(len(rows)) % _FOLDS
    share = np.full(len(rows), np.inf)
    for number in range(_FOLDS):
        if progress:
            progress(number, _FOLDS)
        inside = fold == number
        wanted = np.flatnonzero(inside & ~labels)
        known = labels[~inside]
        if not len(wanted) or known.all() or not known.any():
            continue
        unread = np.zeros(features.size, bool)
        unread[rows[wanted]] = True
        evidence = Evidence(rows[~inside], known, unread, np.array(queries, np.int64), _NONE)
        order = PoolRanker(features, pipeline, seed=seed).rank(evidence).order
        place = {int(row): at for at, row in enumerate(order)}
        for at in wanted:
            share[at] = (place[int(rows[at])] + 0.5) / len(wanted)
    excluded = np.flatnonzero(~labels)
    found: NDArray[np.int64] = rows[excluded[np.argsort(share[excluded], kind="stable")]]
    return found
