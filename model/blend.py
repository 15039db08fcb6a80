"""How the scores of views and of what was known beforehand make one score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.pipeline import HeadStart

_PSEUDO: Final = 3


def spread_of(scores: NDArray[np.float64], among: NDArray[np.bool_]) -> tuple[float, float]:
    """Mean and standard deviation among some rows; the latter infinite where all are equal."""
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
        views: of each, mean and standard deviation over the unread, and weight.
        starts: of each head start, its weight now and its scores of all rows.
    """

    views: list[tuple[float, float, float]]
    starts: dict[str, tuple[float, NDArray[np.float64]]]

    @property
    def weights(self) -> dict[str, float]:
        """Weight of each head start."""
        return {name: weight for name, (weight, _) in self.starts.items()}

    @property
    def starting(self) -> list[NDArray[np.float64]]:
        """Each head start's scores of all rows."""
        return [scores for _, scores in self.starts.values()]

    def parts(
        self, views: Sequence[NDArray[np.float64]], starting: Sequence[NDArray[np.float64]]
    ) -> list[NDArray[np.float64]]:
        """What each view, then each head start, adds to the scores of some texts.

        Args:
            views: each view's scores of these texts.
            starting: each head start's scores of them, in the order of ``starts``.
        """
        of_views = [
            weight * ((scores - mean) / spread)
            for scores, (mean, spread, weight) in zip(views, self.views, strict=True)
        ]
        of_starts = [
            weight * scores
            for (weight, _), scores in zip(self.starts.values(), starting, strict=True)
        ]
        return [*of_views, *of_starts]

    def total(
        self, views: Sequence[NDArray[np.float64]], starting: Sequence[NDArray[np.float64]]
    ) -> NDArray[np.float64]:
        """Scores of some texts, see ``parts``."""
        found: NDArray[np.float64] = np.sum(self.parts(views, starting), axis=0)
        return found


def faded(found: NDArray[np.float64], start: HeadStart) -> float:
    """Weight of a head start once some relevant records are known.

    The mean of its scores over them, with three made up at what is expected where it is right: it
    falls to 0 by itself where relevant records score no higher than the pool.

    Args:
        found: its scores of the relevant records known, shape (n,).
        start: its weight and what is expected of it.
    """
    mean = (_PSEUDO * start.expected + float(found.sum())) / (_PSEUDO + len(found))
    return start.weight * max(0.0, mean)
