"""A linear classifier for one view, weighted so that the few relevant records count enough."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.svm import LinearSVC

from model.features import Matrix


def balanced_weights(y: NDArray[np.bool_], ratio: float) -> NDArray[np.float64]:
    """ASReview's "balanced" sample weights: relevant 1, irrelevant n1 / (ratio n0), mean 1.

    Args:
        y: shape (n_labelled,), both classes present.
        ratio: above 0.
    """
    relevant = int(y.sum())
    weights = np.where(y, 1.0, relevant / (ratio * (len(y) - relevant)))
    scaled: NDArray[np.float64] = weights * (len(y) / weights.sum())
    return scaled


class BalancedSVM(ClassifierMixin, BaseEstimator):  # type: ignore[misc] # sklearn has no types
    """Linear SVM with squared hinge loss and balanced weights, as in ASReview's ELAS u4.

    Args:
        C: inverse strength of regularisation.
        ratio: see ``balanced_weights``.
        random_state: order in which liblinear visits samples.
    """

    def __init__(self, C: float = 0.11, ratio: float = 9.8, random_state: int = 0) -> None:
        self.C = C
        self.ratio = ratio
        self.random_state = random_state

    def fit(self, X: Matrix, y: NDArray[np.bool_]) -> BalancedSVM:
        """Fit to labelled rows.

        Raises:
            ValueError: only one class is present.
        """
        y = np.asarray(y, dtype=bool)
        if y.all() or not y.any():
            raise ValueError("fitting needs relevant and irrelevant records")
        self._svm = LinearSVC(loss="squared_hinge", C=self.C, random_state=self.random_state)
        self._svm.fit(X, y, sample_weight=balanced_weights(y, self.ratio))
        self.classes_ = self._svm.classes_
        self.coef_ = self._svm.coef_
        self.intercept_ = self._svm.intercept_
        return self

    def decision_function(self, X: Matrix) -> NDArray[np.float64]:
        """Signed distance of each row from the boundary; positive on the relevant side."""
        scores: NDArray[np.float64] = np.asarray(X @ self.coef_.ravel()) + self.intercept_[0]
        return scores

    def predict(self, X: Matrix) -> NDArray[Any]:
        """The class of each row."""
        predicted: NDArray[Any] = self.classes_[(self.decision_function(X) > 0).astype(int)]
        return predicted
