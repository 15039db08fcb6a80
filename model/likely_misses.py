"""Find excluded records that read most like included ones, for a second person to check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.features import Features
from model.order import Evidence, PoolRanker
from model.pipeline import Pipeline

_FOLDS: Final = 5
_NO_SEEDS: Final = np.array([], np.int64)


@dataclass(frozen=True, slots=True)
class Decided:
    """The decided rows of a pool.

    Attributes:
        rows: row numbers, shape (n,).
        labels: shape (n,), True where included.
        queries: rows of the features that hold the protocol's question and criteria.
    """

    rows: NDArray[np.int64]
    labels: NDArray[np.bool_]
    queries: tuple[int, ...] = ()


def find_likely_misses(
    features: Features,
    decided: Decided,
    pipeline: Pipeline,
    *,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> NDArray[np.int64]:
    """Excluded rows, likeliest miss first, scored by fits that did not see the row's own label.

    There are five folds. Each fold's rows are scored by a fit to the other folds. Scores of
    different fits have no common scale, so rows are compared by their place among the fold's
    excluded rows.

    Args:
        features: of all records, then of the queries.
        decided: the decided rows and their labels.
        pipeline: used for scoring.
        seed: of the folds and fits.
        progress: called with (folds done, folds); may raise to interrupt.
    """
    rows, labels = decided.rows, decided.labels
    fold = np.random.default_rng([seed, 71]).permutation(len(rows)) % _FOLDS
    # Place of each excluded row among its fold's, 0 to 1; infinite if its fold was not scored.
    share = np.full(len(rows), np.inf)
    for number in range(_FOLDS):
        if progress:
            progress(number, _FOLDS)
        inside = fold == number
        excluded = np.flatnonzero(inside & ~labels)
        training = labels[~inside]
        if not len(excluded) or training.all() or not training.any():
            continue
        unread = np.zeros(features.size, bool)
        unread[rows[excluded]] = True
        queries = np.array(decided.queries, np.int64)
        evidence = Evidence(rows[~inside], training, unread, queries, _NO_SEEDS)
        order = PoolRanker(features, pipeline, seed=seed).rank(evidence).order
        place = {int(row): at for at, row in enumerate(order)}
        for at in excluded:
            share[at] = (place[int(rows[at])] + 0.5) / len(excluded)
    excluded = np.flatnonzero(~labels)
    likeliest: NDArray[np.int64] = rows[excluded[np.argsort(share[excluded], kind="stable")]]
    return likeliest
