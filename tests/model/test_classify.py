from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.svm import LinearSVC

from model.classify import BalancedSVM, balanced_weights
from model.features import tfidf
from tests.model.corpora import documents


def test_weights_are_asreviews() -> None:
    y = np.array([True, True, False, False, False, False])
    # Irrelevant: 2 / (2 * 4) = 0.25; sum 2 + 1 = 3; scaled to mean 1: times 6 / 3.
    assert balanced_weights(y, 2.0) == pytest.approx([2, 2, 0.5, 0.5, 0.5, 0.5])


def test_the_classifier_is_liblinears() -> None:
    made, y = documents(10, 30, np.random.default_rng(1))
    X, _ = tfidf([document.words for document in made])
    ours = BalancedSVM(C=0.11, ratio=9.8).fit(X, y)
    theirs = LinearSVC(C=0.11, random_state=0).fit(X, y, sample_weight=balanced_weights(y, 9.8))
    assert ours.decision_function(X) == pytest.approx(theirs.decision_function(X))
    assert (ours.predict(X) == theirs.predict(X)).all()
    assert clone(ours).get_params() == {"C": 0.11, "ratio": 9.8, "random_state": 0}
    with pytest.raises(ValueError, match="relevant and irrelevant"):
        BalancedSVM().fit(X, np.ones(40, bool))
