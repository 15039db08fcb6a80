from __future__ import annotations

import numpy as np
import pytest

from model.evaluation.bootstrap import mean_interval


def test_the_interval_of_a_mean_is_that_of_the_normal_where_there_are_many() -> None:
    values = np.random.default_rng(1).normal(size=400)
    low, high = mean_interval(values)
    half = 1.96 * values.std() / 20
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.02)
