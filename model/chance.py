"""Scores to chances: how many of the next records will be relevant.

A blend's score has no scale of its own. What it has meant so far is read off the decisions: each
record had a score in the ranking by which it was read, before its decision was known, and a
logistic curve is laid through scores and decisions (Platt 1999). The curve speaks for scores like
those read of late, so for the next page or the next hundred; summed over all that is left it would
be an estimate of what nobody has looked at, which only a stopping rule may give.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Relevant and irrelevant decisions that a curve needs.
ENOUGH: Final = 5
# A decision counts half as much as the newest where this share of all was made after it: what a
# score means changes as the easy ones are found.
_HALF: Final = 0.1
# But not before so many.
_LEAST_HALF: Final = 20
# Only the best are ever read, so that the decisions do not say how fast chances fall with the
# score. A share of their weight says that the mean unread record is irrelevant, as nearly all are.
# Chosen on the 41 labelled sets; without it a curve expects half as many again as come.
_REST: Final = 0.2
_STEPS: Final = 50
# On the slope: without it a curve through scores that a line separates would be a step.
_RIDGE: Final = 0.05


@dataclass(frozen=True, slots=True)
class Curve:
    """P(relevant) = 1 / (1 + exp(-(offset + slope * score))); the slope is 0 or more."""

    offset: float
    slope: float

    def chances(self, scores: Floats) -> Floats:
        """Chance of each score, 0 to 1."""
        logits = np.clip(self.offset + self.slope * scores, -40, 40)
        found: Floats = 1 / (1 + np.exp(-logits))
        return found


def fit_curve(scores: Floats, y: NDArray[np.bool_], *, rest: float = 0.0) -> Curve | None:
    """The curve through scores and decisions; None with too few of either kind.

    Args:
        scores: of decided records before they were decided, in the order decided, shape (n,).
        y: the decisions, shape (n,).
        rest: mean score of the unread records.
    """
    if min(int(y.sum()), int((~y).sum())) < ENOUGH:
        return None
    age = np.arange(len(y), 0, -1, dtype=float)
    weights = 1 / (1 + age / max(_LEAST_HALF, _HALF * len(y)))
    # Platt's targets: neither 0 nor 1, so that few decisions do not make certainties.
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
