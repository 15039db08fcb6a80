"""Explain a record's place: what each view adds, by terms or by the nearest decided records."""

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
class NearRecord:
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
        terms: words or form features that raise or lower the score most, and by how much.
        nearest: closest decided rows, for views without words.
    """

    name: str
    adds: float
    terms: tuple[tuple[str, float], ...] = ()
    nearest: tuple[NearRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """The parts of a row's score.

    Attributes:
        score: sum of the parts.
        parts: views in the pipeline's order, then head starts.
    """

    score: float
    parts: tuple[Part, ...]


def _strongest(names: Sequence[str], values: NDArray[np.float64]) -> tuple[tuple[str, float], ...]:
    order = np.argsort(-np.abs(values), kind="stable")[:_TERMS]
    return tuple((names[at], float(values[at])) for at in order.tolist() if values[at] != 0)


def strongest_terms(
    features: Features, view: View, weights: NDArray[np.float64], *, row: int, scale: float
) -> tuple[tuple[str, float], ...]:
    """The terms of a row that raise or lower its score most.

    Args:
        features: of the pool.
        view: a view of words or of form.
        weights: the fit's weight of each column, shape (n_columns,).
        row: row of the pool.
        scale: what one unit of the view's raw score adds to the blended score.
    """
    matrix = features[view.features]
    if not sp.issparse(matrix):
        return _strongest(FORM_NAMES, matrix[row].astype(np.float64) * weights * scale)
    own = matrix[[row]].tocsr()
    names = [features.term(view.features, column) for column in own.indices.tolist()]
    return _strongest(names, own.data * weights[own.indices] * scale)


def nearest_decided(
    matrix: Matrix, row: int, decided: Index, y: NDArray[np.bool_]
) -> tuple[NearRecord, ...]:
    """The closest relevant and the closest irrelevant decided rows, closest first."""
    closeness = np.asarray(matrix[decided] @ matrix[row], np.float64)
    nearest = []
    for relevant in (True, False):
        candidates = np.flatnonzero((y == relevant) & (decided != row))
        best = candidates[np.argsort(-closeness[candidates], kind="stable")[:_NEAREST]]
        nearest += [
            NearRecord(int(decided[at]), relevant, float(closeness[at])) for at in best.tolist()
        ]
    return tuple(sorted(nearest, key=lambda near: -near.closeness))
