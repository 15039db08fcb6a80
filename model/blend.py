"""Combine the scores of a pipeline's views and head starts into one score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.pipeline import HeadStart

# Made-up relevant records at the expected score, so that the first real ones do not decide alone.
_PSEUDO: Final = 3


def mean_and_spread(scores: NDArray[np.float64], among: NDArray[np.bool_]) -> tuple[float, float]:
    """Mean and standard deviation over some rows; the latter is infinite if all are equal."""
    chosen = scores[among]
    if chosen.size == 0:
        return 0.0, float("inf")
    mean = float(chosen.mean())
    spread = float(np.sqrt(np.square(chosen - mean).mean()))
    return mean, spread if spread >= 1e-12 else float("inf")


@dataclass(frozen=True, slots=True)
class Blend:
    """How a fit's views and head starts make one score.

    Attributes:
        views: of each view, mean and standard deviation over the unread, and weight.
        starts: of each head start, its current weight and its scores of all rows.
    """

    views: list[tuple[float, float, float]]
    starts: dict[str, tuple[float, NDArray[np.float64]]]

    @property
    def weights(self) -> dict[str, float]:
        """Weight of each head start."""
        return {name: weight for name, (weight, _) in self.starts.items()}

    @property
    def start_scores(self) -> list[NDArray[np.float64]]:
        """Each head start's scores of all rows."""
        return [scores for _, scores in self.starts.values()]

    def parts(
        self, views: Sequence[NDArray[np.float64]], starts: Sequence[NDArray[np.float64]]
    ) -> list[NDArray[np.float64]]:
        """What each view, then each head start, adds to the scores of some texts.

        Args:
            views: each view's scores of these texts.
            starts: each head start's scores of them, in the order of ``self.starts``.
        """
        view_parts = [
            weight * ((scores - mean) / spread)
            for scores, (mean, spread, weight) in zip(views, self.views, strict=True)
        ]
        start_parts = [
            weight * scores
            for (weight, _), scores in zip(self.starts.values(), starts, strict=True)
        ]
        return [*view_parts, *start_parts]

    def total(
        self, views: Sequence[NDArray[np.float64]], starts: Sequence[NDArray[np.float64]]
    ) -> NDArray[np.float64]:
        """Scores of some texts; arguments as for ``parts``."""
        total: NDArray[np.float64] = np.sum(self.parts(views, starts), axis=0)
        return total


def faded_weight(relevant_scores: NDArray[np.float64], start: HeadStart) -> float:
    """Weight of a head start once some relevant records are known.

    It follows the mean of its scores over them, together with three made-up scores at the value
    expected if the head start is right. So it falls to 0 if relevant records score no higher than
    the pool.

    Args:
        relevant_scores: its scores of the known relevant records, shape (n,).
        start: its initial weight and expected score.
    """
    total = _PSEUDO * start.expected + float(relevant_scores.sum())
    return start.weight * max(0.0, total / (_PSEUDO + len(relevant_scores)))
