from __future__ import annotations

import numpy as np

from api import resources
from model.likely_misses import Decided, find_likely_misses
from tests.model.corpora import documents, features

PIPELINE = resources.pipeline("default")


def test_likely_misses_are_excluded_relevant_records() -> None:
    made, y = documents(30, 90, np.random.default_rng(3))
    pool = features(made, PIPELINE)
    rows = np.arange(len(y))
    labels = y.copy()
    missed = np.flatnonzero(y)[:5]
    labels[missed] = False
    order = find_likely_misses(pool, Decided(rows, labels), PIPELINE)
    assert len(order) == int((~labels).sum())
    assert set(missed) <= set(order[:10])
    alone = find_likely_misses(pool, Decided(rows[:4], np.zeros(4, bool)), PIPELINE)
    assert sorted(alone) == [0, 1, 2, 3]
