"""Turn scores into probabilities: how many of the next records will be relevant?

A blended score has no scale of its own; the decisions show what it has meant so far. Each record
had a score in the ranking it was read from, before its decision was known. A logistic curve is
fitted to those scores and decisions (Platt 1999). The curve holds for scores like those read
recently, so for the next page or the next hundred records. Summed over all unread records it would
estimate what nobody has looked at, and only a stopping rule may do that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# A curve needs at least this many relevant and this many irrelevant decisions.
_ENOUGH: Final = 5
# Older decisions count less, because the meaning of a score changes as the easy records are found.
# A decision counts half as much as the newest once this share of all decisions is newer,
_HALF: Final = 0.1
# but not before this many are.
_LEAST_HALF: Final = 20
# Only the best records are ever read, so decisions do not show how fast the probability falls with
# the score. One more point says that the mean unread record is irrelevant, as nearly all are; its
# weight is this share of the decisions' weight. Chosen on the 41 labelled sets; without it a curve
# expects 1.5 times as many relevant records as come.
_REST: Final = 0.2
_STEPS: Final = 50
# Penalty on the slope: without it, scores that separate the classes would give a step.
_RIDGE: Final = 0.05


@dataclass(frozen=True, slots=True)
class Curve:
    """P(relevant) = 1 / (1 + exp(-(offset + slope * score))); the slope is 0 or more."""

    offset: float
    slope: float

    def chances(self, scores: Floats) -> Floats:
        """Probability that a record with each score is relevant, 0 to 1."""
        logits = np.clip(self.offset + self.slope * scores, -40, 40)
        chances: Floats = 1 / (1 + np.exp(-logits))
        return chances


def fit_curve(scores: Floats, y: NDArray[np.bool_], *, rest: float = 0.0) -> Curve | None:
    """Fit a curve to scores and decisions by Newton's method; None with too few of either kind.

    Args:
        scores: of decided records before they were decided, in the order decided, shape (n,).
        y: the decisions, shape (n,).
        rest: mean score of the unread records.
    """
    if min(int(y.sum()), int((~y).sum())) < _ENOUGH:
        return None
    age = np.arange(len(y), 0, -1, dtype=float)
    weights = 1 / (1 + age / max(_LEAST_HALF, _HALF * len(y)))
    # Platt's targets: neither 0 nor 1, so that a few decisions do not look like certainty.
    relevant, other = float(y.sum()), float((~y).sum())
    target = np.where(y, (relevant + 1) / (relevant + 2), 1 / (other + 2))
    target = np.append(target, 0.0)
    columns = np.column_stack([np.ones(len(target)), np.append(scores, rest)])
    weights = np.append(weights, _REST * weights.sum())
    ridge = np.diag([1e-9, _RIDGE])
    at = np.zeros(2)
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(columns @ at, -40, 40)))
        gradient = columns.T @ (weights * (chance - target)) + ridge @ at
        curvature = (columns * (weights * chance * (1 - chance))[:, None]).T @ columns
        step = np.linalg.solve(curvature + ridge, gradient)
        at -= step
        if np.abs(step).max() < 1e-6:
            break
    return Curve(float(at[0]), max(0.0, float(at[1])))
