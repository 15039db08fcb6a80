"""Choosing likely misses: the worker's part."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from api.services.ranking import RELEVANT, Ranker
from model.misses import likely_misses
from store import decisions, rechecks
from store.session import Store

KIND = "likely misses"


def choose(
    ranker: Ranker,
    store: Store,
    review_id: int,
    recheck_id: int,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Put likely misses and random excludes on a list, mixed; gives how many.

    The likely ones are scored by fits that did not see their own label.

    Raises:
        ValueError: nothing is settled as excluded, or nothing as included.
    """
    material = ranker.material(review_id, progress)
    with store.read() as session:
        likely, random, seed = rechecks.wanted(session, recheck_id)
        labels = decisions.labels(session, review_id)
        fine = set(rechecks.candidates(session, review_id))
    known = [label for label in labels if label.report_id in material.row_of]
    rows = np.array([material.row_of[label.report_id] for label in known], np.int64)
    said = np.array([label.decision in RELEVANT for label in known], bool)
    if not fine or not said.any():
        raise ValueError("there are no included and excluded records yet to compare")
    report_of = {row: report for report, row in material.row_of.items()}
    order = likely_misses(
        material.features,
        rows,
        said,
        material.pipeline,
        queries=tuple(material.queries.tolist()),
        seed=seed,
        progress=progress,
    )
    ranked = [report_of[row] for row in order.tolist() if report_of[row] in fine]
    chosen = ranked[:likely]
    rng = np.random.default_rng([seed, recheck_id])
    rest = sorted(set(ranked[likely:]))
    drawn = [rest[at] for at in rng.permutation(len(rest))[:random].tolist()]
    items = [*((report, True) for report in chosen), *((report, False) for report in drawn)]
    mixed = [items[at] for at in rng.permutation(len(items)).tolist()]
    with store.write() as session:
        rechecks.fill(session, recheck_id, mixed)
    return len(mixed)
