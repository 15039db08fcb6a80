"""A warm SVM over a fixed pool: every row has a score, and a new label costs a few steps."""

from __future__ import annotations

import numba
import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from model.dual import MAX_PASSES, Floats, descend
from model.features import Matrix

# Rows of inner products are kept in blocks, so that growing copies nothing.
_BLOCK = 256


@numba.njit(cache=True, nogil=True)
def _add(scores: Floats, block: NDArray[np.float32], changes: Floats) -> None:
    """Add the rows of a block, each times its change, and the bias with them."""
    for slot in range(len(changes)):
        change = changes[slot]
        if change != 0.0:
            for at in range(len(scores)):
                scores[at] += change * (block[slot, at] + 1.0)


class PoolSVM:
    """LinearSVC's problem on the labelled rows of a pool, with a score for each row of the pool.

    Only the inner products of labelled rows with the pool are made, when a row is first labelled:
    4 bytes a row of the pool, so 0.8 GB for 2,000 labels in a pool of 100,000. A label that is
    taken back or turned costs one step.

    Args:
        matrix: the pool, shape (n_rows, n_features), a scipy csr_matrix or a float32 array.
        tolerance: see ``model.dual.descend``.
        seed: order in which a fit visits the rows, with the number of labels.
    """

    def __init__(self, matrix: Matrix, *, tolerance: float = 1e-3, seed: int = 0) -> None:
        self.tolerance = tolerance
        self._seed = seed
        self._matrix = matrix
        self._columns = matrix.T.tocsr() if sp.issparse(matrix) else None
        self._size = int(matrix.shape[0])
        self._slot: dict[int, int] = {}
        self._pool_rows: list[int] = []
        self._blocks: list[NDArray[np.float32]] = []
        self._products = np.zeros((0, 0), np.float32)
        self._coefficients = np.zeros(0)
        self._scores = np.zeros(self._size)

    def fit(self, rows: NDArray[np.int64], y: NDArray[np.bool_], costs: Floats) -> Floats:
        """Fit to the labelled rows, from where the last fit ended.

        Args:
            rows: which rows of the pool are labelled, each once, shape (n,).
            y: their labels, shape (n,).
            costs: C_i of each, above 0, shape (n,).

        Returns:
            Decision values of all rows of the pool, shape (n_rows,); a copy.

        Raises:
            ValueError: only one class is present.
        """
        y = np.asarray(y, dtype=bool)
        if y.all() or not y.any():
            raise ValueError("fitting needs relevant and irrelevant records")
        self._learn([row for row in rows.tolist() if row not in self._slot])
        active = np.array([self._slot[row] for row in rows.tolist()], np.int64)
        signs = np.where(y, 1.0, -1.0)
        before = self._coefficients.copy()
        start = np.zeros_like(before)
        start[active] = before[active]
        start[active[start[active] * signs < 0]] = 0.0
        self._move(before, start)
        decisions = self._scores[self._pool_rows]
        new = start.copy()
        descend(
            self._products,
            active,
            signs,
            np.asarray(costs, np.float64),
            new,
            decisions,
            self.tolerance,
            MAX_PASSES,
            self._seed + len(active),
        )
        self._move(start, new)
        self._coefficients = new
        return self._scores.copy()

    def weights(self) -> Floats:
        """The fit's weight of each column of the matrix, shape (n_columns,), without the bias."""
        rows = self._matrix[self._pool_rows]
        return np.asarray(rows.T @ self._coefficients, np.float64).ravel()

    def _row(self, slot: int) -> NDArray[np.float32]:
        row: NDArray[np.float32] = self._blocks[slot // _BLOCK][slot % _BLOCK]
        return row

    def _move(self, before: Floats, after: Floats) -> None:
        changes = after - before
        for number, block in enumerate(self._blocks):
            _add(self._scores, block, changes[number * _BLOCK : (number + 1) * _BLOCK])

    def _learn(self, rows: list[int]) -> None:
        """Make the inner products of rows that are labelled for the first time."""
        for start in range(0, len(rows), _BLOCK):
            self._learn_few(rows[start : start + _BLOCK])

    def _learn_few(self, rows: list[int]) -> None:
        if not rows:
            return
        if self._columns is None:
            found = self._matrix[rows] @ self._matrix.T
        else:
            found = (self._matrix[rows] @ self._columns).toarray()
        known = len(self._pool_rows)
        for row, products in zip(rows, found, strict=True):
            slot = len(self._pool_rows)
            if slot % _BLOCK == 0:
                self._blocks.append(np.empty((_BLOCK, self._size), np.float32))
            self._row(slot)[:] = products
            self._slot[row] = slot
            self._pool_rows.append(row)
        total = len(self._pool_rows)
        if total > len(self._products):
            grown = np.zeros((2 * total, 2 * total), np.float32)
            grown[:known, :known] = self._products[:known, :known]
            self._products = grown
        places = np.array(self._pool_rows)
        for slot in range(known, total):
            products = self._row(slot)[places]
            self._products[slot, :total] = products
            self._products[:total, slot] = products
        self._coefficients = np.concatenate([self._coefficients, np.zeros(total - known)])
