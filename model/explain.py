"""Why a record stands where it does: what each view says, by terms or nearest decided records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from model.features import Features, Matrix
from model.form import FORM_NAMES
from model.pipeline import View

Index = NDArray[np.int64]

_TERMS: Final = 8
_NEAREST: Final = 3


@dataclass(frozen=True, slots=True)
class Near:
    """A decided row close to the one explained; ``closeness`` is a cosine, -1 to 1."""

    row: int
    relevant: bool
    closeness: float


@dataclass(frozen=True, slots=True)
class Part:
    """What one view or head start adds to a record's score.

    Attributes:
        name: of the view's features, or of the head start.
        adds: its part of the score, in standard deviations over the unread times its weight.
        terms: words or form features that add or take most, with what they do.
        nearest: decided rows that are closest, for views without words.
    """

    name: str
    adds: float
    terms: tuple[tuple[str, float], ...] = ()
    nearest: tuple[Near, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a row stands where it does.

    Attributes:
        score: sum of the parts.
        parts: views in the pipeline's order, then head starts.
    """

    score: float
    parts: tuple[Part, ...]


def _strongest(names: Sequence[str], values: NDArray[np.float64]) -> tuple[tuple[str, float], ...]:
    order = np.argsort(-np.abs(values), kind="stable")[:_TERMS]
    return tuple((names[at], float(values[at])) for at in order.tolist() if values[at] != 0)


def by_terms(
    features: Features, view: View, weights: NDArray[np.float64], *, row: int, scale: float
) -> tuple[tuple[str, float], ...]:
    """The words of a row that add or take most.

    Args:
        features: of the pool.
        view: one on words or on form.
        weights: the fit's weight of each column, shape (n_columns,).
        row: which row.
        scale: what one unit of the view's raw score is worth in the blend.
    """
    matrix = features[view.features]
    if not sp.issparse(matrix):
        return _strongest(FORM_NAMES, matrix[row].astype(np.float64) * weights * scale)
    own = matrix[[row]].tocsr()
    names = [features.term(view.features, column) for column in own.indices.tolist()]
    return _strongest(names, own.data * weights[own.indices] * scale)


def nearest(matrix: Matrix, row: int, decided: Index, y: NDArray[np.bool_]) -> tuple[Near, ...]:
    """The closest relevant and the closest irrelevant decided rows, closest first."""
    close = np.asarray(matrix[decided] @ matrix[row], np.float64)
    found = []
    for relevant in (True, False):
        kind = np.flatnonzero((y == relevant) & (decided != row))
        best = kind[np.argsort(-close[kind], kind="stable")[:_NEAREST]]
        found += [Near(int(decided[at]), relevant, float(close[at])) for at in best.tolist()]
    return tuple(sorted(found, key=lambda near: -near.closeness))
