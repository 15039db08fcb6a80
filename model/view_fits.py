"""The classifiers of a pipeline's views, fitted again and again as labels come in."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from model.features import Features
from model.pipeline import Pipeline, View

if TYPE_CHECKING:
    from model.classify import BalancedSVM
    from model.pool_svm import PoolSVM

Index = NDArray[np.int64]

_THREADS: Final = 2


class ViewFits:
    """One classifier for each view of a pipeline on one pool.

    With the "dual" solver each fit starts from the one before; with "liblinear" each is cold and
    nothing is kept.

    Args:
        features: of the pool.
        pipeline: its views and solver.
        seed: of the fits.
    """

    def __init__(self, features: Features, pipeline: Pipeline, *, seed: int) -> None:
        self._features = features
        self._pipeline = pipeline
        self._seed = seed
        self._fits: list[PoolSVM] = []
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="views")

    @property
    def warm(self) -> bool:
        """Whether the next fit starts from an earlier one."""
        return bool(self._fits)

    def fit(self, rows: Index, y: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
        """Fit to labelled rows.

        Returns:
            Each view's scores of all rows of the pool, shape (n_rows,).
        """
        try:
            if self._pipeline.solver == "liblinear":
                return [
                    self._cold_fit(view, rows, y).decision_function(self._features[view.features])
                    for view in self._pipeline.views
                ]
            return self._warm_fit(rows, y)
        except BaseException:
            # The next fit must not start from one that broke off half-way.
            self._fits = []
            raise

    def score(
        self, rows: Index, y: NDArray[np.bool_], others: Features
    ) -> list[NDArray[np.float64]]:
        """Each view's scores of documents outside the pool, by the last fit.

        Args:
            rows: the labelled rows of the last fit.
            y: their labels.
            others: see ``model.features.build_outside``.
        """
        views = self._pipeline.views
        if self._pipeline.solver == "liblinear":
            return [
                self._cold_fit(view, rows, y).decision_function(others[view.features])
                for view in views
            ]
        return [
            np.asarray(others[view.features] @ fit.weights()).ravel() + fit.bias
            for fit, view in zip(self._fits, views, strict=True)
        ]

    def weights(self, number: int) -> NDArray[np.float64]:
        """The last warm fit's weight of each column of a view, shape (n_columns,)."""
        return self._fits[number].weights()

    def _cold_fit(self, view: View, rows: Index, y: NDArray[np.bool_]) -> BalancedSVM:
        # Imported here: scikit-learn takes seconds, which a cold start or `--help` should not pay.
        from model.classify import BalancedSVM

        matrix = self._features[view.features]
        return BalancedSVM(view.C, view.ratio, random_state=self._seed).fit(matrix[rows], y)

    def _warm_fit(self, rows: Index, y: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
        # Imported here: see ``_cold_fit``.
        from model.classify import balanced_weights
        from model.pool_svm import PoolSVM

        views = self._pipeline.views
        if not self._fits:
            self._fits = [PoolSVM(self._features[view.features], seed=self._seed) for view in views]

        def fit_view(fit: PoolSVM, view: View) -> NDArray[np.float64]:
            return fit.fit(rows, y, view.C * balanced_weights(y, view.ratio))

        # Views are independent, and their loops run without the interpreter's lock.
        return list(self._threads.map(fit_view, self._fits, views))
