"""A warm SVM over a fixed pool: every row has a score, and a new label costs a few steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model.dual import MAX_PASSES, Floats, descend
from model.features import Matrix
from model.linear import add_products, scorer

Index = NDArray[np.int64]


class PoolSVM:
    """LinearSVC's problem on the labelled rows of a pool, with a score for each row of the pool.

    A fit goes on from the one before, so a new label costs a few steps, and so does one that is
    taken back or turned.

    Args:
        matrix: the pool, shape (n_rows, n_features), a scipy csr_matrix or a float32 array.
        tolerance: see ``model.dual.descend``.
        seed: order in which a fit visits the rows, with the number of labels.
    """

    def __init__(self, matrix: Matrix, *, tolerance: float = 3e-3, seed: int = 0) -> None:
        self.tolerance = tolerance
        self._seed = seed
        self._matrix = matrix
        self._scorer = scorer(matrix)
        # Which slot each row of the pool has; -1 before it is labelled.
        self._slot = np.full(int(matrix.shape[0]), -1, np.int64)
        self._pool_rows = np.zeros(0, np.int64)
        # Of the rows that were ever labelled: inner products and coefficients.
        self._products = np.zeros((0, 0), np.float32)
        self._coefficients = np.zeros(0)
        # The fit's bias: what a row of zeros would score.
        self.bias = 0.0

    def fit(self, rows: Index, y: NDArray[np.bool_], costs: Floats) -> Floats:
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
        self._learn(rows[self._slot[rows] < 0])
        active = self._slot[rows]
        signs = np.where(y, 1.0, -1.0)
        before = self._coefficients
        new = np.zeros_like(before)
        new[active] = before[active]
        new[active[new[active] * signs < 0]] = 0.0
        known = len(before)
        decisions = self._scorer.scores[self._pool_rows] + (self.bias + (new - before).sum())
        add_products(decisions, self._products[:known, :known], new - before)
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
        self._scorer.move(new, new - before)
        self._coefficients = new
        self.bias = float(new.sum())
        return self._scorer.scores + self.bias

    def weights(self) -> Floats:
        """The fit's weight of each column of the matrix, shape (n_columns,), without the bias."""
        rows = self._matrix[self._pool_rows]
        return np.asarray(rows.T @ self._coefficients, np.float64).ravel()

    def _learn(self, rows: Index) -> None:
        """Make the inner products of rows that are labelled for the first time."""
        if not len(rows):
            return
        known, total = len(self._pool_rows), len(self._pool_rows) + len(rows)
        self._slot[rows] = np.arange(known, total)
        self._pool_rows = np.concatenate([self._pool_rows, rows])
        if total > len(self._products):
            grown = np.zeros((2 * total, 2 * total), np.float32)
            grown[:known, :known] = self._products[:known, :known]
            self._products = grown
        for slot, products in enumerate(self._scorer.learn(rows), known):
            self._products[slot, : slot + 1] = products
            self._products[: slot + 1, slot] = products
        self._coefficients = np.concatenate([self._coefficients, np.zeros(len(rows))])
