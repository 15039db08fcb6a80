"""Scores of a fixed pool under a linear fit of some of its rows, kept up to date as the fit moves.

Three ways, each the soonest for its kind of matrix (figures: ``benchmarks/speed.py``): dense rows
and rows of few values are scored by the fit's weights; rows of hundreds of words by their inner
products with the labelled rows, since a matrix of words is larger than those.
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

# Inner products are kept in blocks of rows, so that growing copies nothing.
_BLOCK: Final = 256
# Rows with fewer values than this are scored by weights: a title has ten, an abstract hundreds.
_NARROW: Final = 64


class Scorer(Protocol):
    """What a warm fit asks of its pool.

    Attributes:
        scores: decision value of every row without the bias, shape (n_rows,).
    """

    scores: Floats

    def learn(self, rows: Index) -> Iterator[Row]:
        """Take rows into the fit, with coefficient 0.

        Yields:
            For each, its inner products with the rows that were taken in so far, itself the last.
        """

    def move(self, coefficients: Floats, changes: Floats) -> None:
        """Bring the scores to new coefficients of the rows taken in.

        Args:
            coefficients: what they are now.
            changes: what they are now less what they were.
        """


def scorer(matrix: Matrix) -> Scorer:
    """The way that suits a matrix, shape (n_rows, n_columns): csr_matrix or float32 array."""
    if not sp.issparse(matrix):
        return _DenseScorer(matrix)
    if matrix.nnz <= _NARROW * matrix.shape[0]:
        return _NarrowScorer(matrix)
    return _WideScorer(matrix)


# A sum's order is free, so that several products are added at a time; it is the same each time.
@numba.njit(cache=True, nogil=True, fastmath=True)
def _multiply_rows(rows: NDArray[np.float32], by: Row, products: Row) -> None:
    """Inner product of each row with one vector."""
    for at in range(len(rows)):
        total = np.float32(0.0)
        for column in range(len(by)):
            total += rows[at, column] * by[column]
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
    """By weights, made afresh at each fit.

    Its loops run on one core, unlike a BLAS: the views of a ranking are fitted side by side.
    """

    def __init__(self, matrix: NDArray[np.float32]) -> None:
        self.scores = np.zeros(len(matrix))
        self._matrix = np.ascontiguousarray(matrix)
        self._products = np.zeros(len(matrix), np.float32)
        self._known = np.zeros((_BLOCK, matrix.shape[1]), np.float32)
        self._number = 0

    def learn(self, rows: Index) -> Iterator[Row]:
        known, self._number = self._number, self._number + len(rows)
        if self._number > len(self._known):
            grown = np.zeros((2 * self._number, self._known.shape[1]), np.float32)
            grown[:known] = self._known[:known]
            self._known = grown
        self._known[known : self._number] = self._matrix[rows]
        for last in range(known, self._number):
            products = np.empty(last + 1, np.float32)
            _multiply_rows(self._known[: last + 1], self._known[last], products)
            yield products

    def move(self, coefficients: Floats, changes: Floats) -> None:
        weights = _sum_rows(self._known[: self._number], coefficients)
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
    """Add sparse rows, each times its change."""
    for slot in range(len(changes)):
        change = changes[slot]
        if change != 0.0:
            for at in range(starts[rows[slot]], starts[rows[slot] + 1]):
                weights[columns[at]] += change * values[at]


@numba.njit(cache=True, nogil=True)
def _multiply(
    row: tuple[NDArray[np.int32], Floats],
    starts: NDArray[np.int32],
    rows: NDArray[np.int32],
    values: Row,
    products: Floats,
) -> None:
    """Inner products of a sparse row (its columns and values) with a pool given by columns."""
    products[:] = 0.0
    for at in range(len(row[0])):
        value = row[1][at]
        for place in range(starts[row[0][at]], starts[row[0][at] + 1]):
            products[rows[place]] += value * values[place]


class _Columns:
    """A sparse pool by rows and by columns, and which of its rows were taken in."""

    def __init__(self, matrix: Any) -> None:
        self.matrix = matrix
        self.rows = np.zeros(0, np.int64)
        # Products are kept in single precision: more in their factors would be lost.
        self._columns = matrix.astype(np.float32).tocsc()
        self._products = np.empty(matrix.shape[0])

    def learn(self, rows: Index) -> Iterator[Floats]:
        """Inner products of each of these rows with the whole pool; valid until the next."""
        matrix, columns = self.matrix, self._columns
        self.rows = np.concatenate([self.rows, rows])
        for row in rows.tolist():
            own = slice(matrix.indptr[row], matrix.indptr[row + 1])
            values = (matrix.indices[own], matrix.data[own])
            _multiply(values, columns.indptr, columns.indices, columns.data, self._products)
            yield self._products


class _NarrowScorer:
    """By weights, to which each change is added."""

    def __init__(self, matrix: Any) -> None:
        self.scores = np.zeros(matrix.shape[0])
        self._weights = np.zeros(matrix.shape[1])
        self._pool = _Columns(matrix)

    def learn(self, rows: Index) -> Iterator[Row]:
        known = len(self._pool.rows)
        for last, products in enumerate(self._pool.learn(rows), known):
            yield products[self._pool.rows[: last + 1]].astype(np.float32)

    def move(self, coefficients: Floats, changes: Floats) -> None:
        matrix = self._pool.matrix
        _add_rows(
            self._weights, changes, self._pool.rows, matrix.indptr, matrix.indices, matrix.data
        )
        self.scores[:] = matrix @ self._weights


@numba.njit(cache=True, nogil=True)
def add_products(scores: Floats, products: NDArray[np.float32], changes: Floats) -> None:
    """Add the rows of inner products, each times its change, to scores of as many rows."""
    for slot in range(len(changes)):
        change = changes[slot]
        if change != 0.0:
            for at in range(len(scores)):
                scores[at] += change * products[slot, at]


class _WideScorer:
    """By inner products of the labelled rows with the pool.

    4 bytes for each pair: 0.8 GB for 2,000 labels in a pool of 100,000.
    """

    def __init__(self, matrix: Any) -> None:
        self.scores = np.zeros(matrix.shape[0])
        self._pool = _Columns(matrix)
        self._blocks: list[NDArray[np.float32]] = []

    def learn(self, rows: Index) -> Iterator[Row]:
        known = len(self._pool.rows)
        for last, products in enumerate(self._pool.learn(rows), known):
            if last % _BLOCK == 0:
                self._blocks.append(np.empty((_BLOCK, len(self.scores)), np.float32))
            row = self._blocks[last // _BLOCK][last % _BLOCK]
            row[:] = products
            yield row[self._pool.rows[: last + 1]]

    def move(self, coefficients: Floats, changes: Floats) -> None:
        for number, block in enumerate(self._blocks):
            add_products(self.scores, block, changes[number * _BLOCK : (number + 1) * _BLOCK])
