"""Percentile bootstrap: how much a figure would vary with a different sample of records."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_DRAWS: Final = 2000


def resample(values: NDArray[Any], *, seed: int = 0) -> NDArray[Any]:
    """Bootstrap samples: each draws as many values as given, with replacement.

    Args:
        values: shape (n,), at least one.
        seed: of the draws.

    Returns:
        Shape (2000, n).
    """
    rng = np.random.default_rng(seed)
    samples: NDArray[Any] = values[rng.integers(len(values), size=(_DRAWS, len(values)))]
    return samples


def percentile_interval(figures: NDArray[np.float64]) -> tuple[float, float]:
    """The middle 95 % of a figure over the samples, shape (2000,)."""
    low, high = np.percentile(figures, [2.5, 97.5])
    return float(low), float(high)


def mean_interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """95 % interval of the mean of at least one value."""
    return percentile_interval(resample(values).mean(axis=1))
