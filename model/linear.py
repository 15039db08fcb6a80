"""Scores of a fixed pool under a linear fit to some of its rows, updated as the fit changes.

There are three ways, each the fastest for its kind of matrix (figures: ``benchmarks/speed.py``).
Dense rows and rows with few values are scored with the fit's weights. Rows with hundreds of words
are scored with their inner products with the labelled rows, which take less space than the matrix
of words.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Protocol

import numba
import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from model.features import Matrix

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Row = NDArray[np.float32]

# Inner products are kept in blocks of rows, so that adding rows copies nothing.
_BLOCK: Final = 256
# Rows with fewer values than this are scored with weights: a title has ten, an abstract hundreds.
_NARROW: Final = 64


class Scorer(Protocol):
    """Keeps the scores of a pool for a warm-started fit.

    Attributes:
        scores: decision value of every row without the bias, shape (n_rows,).
    """

    scores: Floats

    def learn(self, rows: Index) -> Iterator[Row]:
        """Add rows to the fit with coefficient 0.

        Yields:
            For each row, its inner products with all rows added so far, ending with itself.
        """

    def move(self, coefficients: Floats, changes: Floats) -> None:
        """Update the scores to new coefficients of the added rows.

        Args:
            coefficients: the new ones.
            changes: new less old ones.
        """


def create_scorer(matrix: Matrix) -> Scorer:
    """The scorer for a matrix of shape (n_rows, n_columns), a csr_matrix or float32 array."""
    if not sp.issparse(matrix):
        return _DenseScorer(matrix)
    if matrix.nnz <= _NARROW * matrix.shape[0]:
        return _NarrowScorer(matrix)
    return _WideScorer(matrix)


# fastmath lets the compiler add several products at once; the order of the sum stays the same from
# run to run.
@numba.njit(cache=True, nogil=True, fastmath=True)
def _multiply_rows(rows: NDArray[np.float32], vector: Row, products: Row) -> None:
    """Inner product of each row with one vector."""
    for at in range(len(rows)):
        total = np.float32(0.0)
        for column in range(len(vector)):
            total += rows[at, column] * vector[column]
        products[at] = total


@numba.njit(cache=True, nogil=True)
def _sum_rows(rows: NDArray[np.float32], coefficients: Floats) -> Row:
    """Sum of the rows, each times its coefficient."""
    total = np.zeros(rows.shape[1])
    for at in range(len(coefficients)):
        for column in range(len(total)):
            total[column] += coefficients[at] * rows[at, column]
    return total.astype(np.float32)


class _DenseScorer:
    """Scores dense rows with weights that are computed again at each fit.

    Its loops use one core, unlike BLAS, because the views of a ranking are fitted in parallel.
    """

    def __init__(self, matrix: NDArray[np.float32]) -> None:
        self.scores = np.zeros(len(matrix))
        self._matrix = np.ascontiguousarray(matrix)
        self._products = np.zeros(len(matrix), np.float32)
        self._added = np.zeros((_BLOCK, matrix.shape[1]), np.float32)
        self._number = 0

    def learn(self, rows: Index) -> Iterator[Row]:
        before, self._number = self._number, self._number + len(rows)
        if self._number > len(self._added):
            grown = np.zeros((2 * self._number, self._added.shape[1]), np.float32)
            grown[:before] = self._added[:before]
            self._added = grown
        self._added[before : self._number] = self._matrix[rows]
        for last in range(before, self._number):
            products = np.empty(last + 1, np.float32)
            _multiply_rows(self._added[: last + 1], self._added[last], products)
            yield products

    def move(self, coefficients: Floats, changes: Floats) -> None:
        weights = _sum_rows(self._added[: self._number], coefficients)
        _multiply_rows(self._matrix, weights, self._products)
        self.scores[:] = self._products


@numba.njit(cache=True, nogil=True)
def _add_rows(
    weights: Floats,
    changes: Floats,
    rows: Index,
    starts: NDArray[np.int32],
    columns: NDArray[np.int32],
    values: Floats,
) -> None:
    """Add rows of a matrix stored by rows, each times its change."""
    for slot in range(len(changes)):
        change = changes[slot]
        if change != 0.0:
            for at in range(starts[rows[slot]], starts[rows[slot] + 1]):
                weights[columns[at]] += change * values[at]


@numba.njit(cache=True, nogil=True)
def _multiply(
    row_columns: NDArray[np.int32],
    row_values: Floats,
    starts: NDArray[np.int32],
    rows: NDArray[np.int32],
    values: Row,
    products: Floats,
) -> None:
    """Inner products of a sparse row with a pool stored by columns."""
    products[:] = 0.0
    for at in range(len(row_columns)):
        value = row_values[at]
        for place in range(starts[row_columns[at]], starts[row_columns[at] + 1]):
            products[rows[place]] += value * values[place]


class _Columns:
    """A sparse pool stored by rows and by columns, and the rows added to the fit so far."""

    def __init__(self, matrix: Any) -> None:
        self.matrix = matrix
        self.rows = np.zeros(0, np.int64)
        # Products are kept in single precision, so more precision here would be lost.
        self._columns = matrix.astype(np.float32).tocsc()
        self._products = np.empty(matrix.shape[0])

    def learn(self, rows: Index) -> Iterator[Floats]:
        """Inner products of each of these rows with the whole pool; overwritten by the next."""
        matrix, columns = self.matrix, self._columns
        self.rows = np.concatenate([self.rows, rows])
        for row in rows.tolist():
            own = slice(matrix.indptr[row], matrix.indptr[row + 1])
            _multiply(
                matrix.indices[own],
                matrix.data[own],
                columns.indptr,
                columns.indices,
                columns.data,
                self._products,
            )
            yield self._products


class _NarrowScorer:
    """Scores sparse rows with weights that are updated by each change."""

    def __init__(self, matrix: Any) -> None:
        self.scores = np.zeros(matrix.shape[0])
        self._weights = np.zeros(matrix.shape[1])
        self._pool = _Columns(matrix)

    def learn(self, rows: Index) -> Iterator[Row]:
        before = len(self._pool.rows)
        for last, products in enumerate(self._pool.learn(rows), before):
            yield products[self._pool.rows[: last + 1]].astype(np.float32)

    def move(self, coefficients: Floats, changes: Floats) -> None:
        matrix = self._pool.matrix
        _add_rows(
            self._weights, changes, self._pool.rows, matrix.indptr, matrix.indices, matrix.data
        )
        self.scores[:] = matrix @ self._weights


@numba.njit(cache=True, nogil=True)
def add_products(scores: Floats, products: NDArray[np.float32], changes: Floats) -> None:
    """Add rows of inner products to the scores, each row times its change."""
    for slot in range(len(changes)):
        change = changes[slot]
        if change != 0.0:
            for at in range(len(scores)):
                scores[at] += change * products[slot, at]


class _WideScorer:
    """Scores sparse rows with the inner products of the labelled rows and the pool.

    Takes 4 bytes for each pair: 0.8 GB for 2,000 labels in a pool of 100,000.
    """

    def __init__(self, matrix: Any) -> None:
        self.scores = np.zeros(matrix.shape[0])
        self._pool = _Columns(matrix)
        self._blocks: list[NDArray[np.float32]] = []

    def learn(self, rows: Index) -> Iterator[Row]:
        before = len(self._pool.rows)
        for last, products in enumerate(self._pool.learn(rows), before):
            if last % _BLOCK == 0:
                self._blocks.append(np.empty((_BLOCK, len(self.scores)), np.float32))
            row = self._blocks[last // _BLOCK][last % _BLOCK]
            row[:] = products
            yield row[self._pool.rows[: last + 1]]

    def move(self, coefficients: Floats, changes: Floats) -> None:
        for number, block in enumerate(self._blocks):
            add_products(self.scores, block, changes[number * _BLOCK : (number + 1) * _BLOCK])
