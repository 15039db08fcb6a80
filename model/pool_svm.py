"""A warm-started SVM over a fixed pool: it scores every row, and a new label costs a few steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model.dual_svm import Floats, Problem, descend
from model.features import Matrix
from model.linear import add_products, create_scorer

Index = NDArray[np.int64]


class PoolSVM:
    """Solves LinearSVC's problem on the labelled rows of a pool and scores every row of the pool.

    Each fit starts from the one before, so a label that is new, withdrawn or changed costs a few
    steps.

    Args:
        matrix: the pool, shape (n_rows, n_features), a scipy csr_matrix or a float32 array.
        tolerance: see ``model.dual_svm.descend``.
        seed: with the number of labels, decides the order in which a fit visits the rows.
    """

    def __init__(self, matrix: Matrix, *, tolerance: float = 3e-3, seed: int = 0) -> None:
        self.tolerance = tolerance
        self._seed = seed
        self._matrix = matrix
        self._scorer = create_scorer(matrix)
        # Each row gets a slot when it is first labelled, and keeps it; -1 before.
        self._slot = np.full(int(matrix.shape[0]), -1, np.int64)
        self._pool_rows = np.zeros(0, np.int64)
        # Inner products and coefficients of the slots.
        self._products = np.zeros((0, 0), np.float32)
        self._coefficients = np.zeros(0)
        # Score of a row of zeros.
        self.bias = 0.0

    def fit(self, rows: Index, y: NDArray[np.bool_], costs: Floats) -> Floats:
        """Fit to the labelled rows, starting where the last fit ended.

        Args:
            rows: labelled rows of the pool, each once, shape (n,).
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
        slots = len(before)
        decisions = self._scorer.scores[self._pool_rows] + (self.bias + (new - before).sum())
        add_products(decisions, self._products[:slots, :slots], new - before)
        problem = Problem(self._products, active, signs, np.asarray(costs, np.float64))
        descend(problem, new, decisions, self.tolerance, self._seed + len(active))
        self._scorer.move(new, new - before)
        self._coefficients = new
        self.bias = float(new.sum())
        return self._scorer.scores + self.bias

    def weights(self) -> Floats:
        """The fit's weight for each column of the matrix, shape (n_columns,), without the bias."""
        rows = self._matrix[self._pool_rows]
        return np.asarray(rows.T @ self._coefficients, np.float64).ravel()

    def _learn(self, rows: Index) -> None:
        """Give slots to rows that are labelled for the first time, and compute their products."""
        if not len(rows):
            return
        before, total = len(self._pool_rows), len(self._pool_rows) + len(rows)
        self._slot[rows] = np.arange(before, total)
        self._pool_rows = np.concatenate([self._pool_rows, rows])
        if total > len(self._products):
            grown = np.zeros((2 * total, 2 * total), np.float32)
            grown[:before, :before] = self._products[:before, :before]
            self._products = grown
        for slot, products in enumerate(self._scorer.learn(rows), before):
            self._products[slot, : slot + 1] = products
            self._products[: slot + 1, slot] = products
        self._coefficients = np.concatenate([self._coefficients, np.zeros(len(rows))])
