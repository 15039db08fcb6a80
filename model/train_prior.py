"""Learn a study-language prior from finished reviews."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.prior import WORD, Floats, StudyPrior, term_rows

# A term counts in a review where at least so many of its records hold it, and overall where it
# counts in this share of the reviews: what only a few speak of is a topic. Its weight is shrunk by
# so many made-up reviews that say nothing.
_MIN_RECORDS: Final = 5
_MIN_SHARE_OF_REVIEWS: Final = 0.25
_SHRINK: Final = 8
_MIN_RECORDS_OVERALL: Final = 15
_MAX_SHARE_OVERALL: Final = 0.8
_AXES: Final = 20


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished review: its texts, what was relevant, and its sentence vectors if there are any.

    Attributes:
        texts: title and abstract of each record.
        y: shape (n_texts,), True where relevant; both classes present.
        vectors: shape (n_texts, dimension), or None.
    """

    name: str
    texts: Sequence[str]
    y: NDArray[np.bool_]
    vectors: NDArray[np.float32] | None


def _vocabulary(reviews: Sequence[Finished]) -> list[str]:
    from sklearn.feature_extraction.text import CountVectorizer

    texts = [text for review in reviews for text in review.texts]
    counter = CountVectorizer(
        token_pattern=WORD,
        min_df=min(_MIN_RECORDS_OVERALL, len(texts)),
        max_df=_MAX_SHARE_OVERALL,
        binary=True,
    )
    counter.fit(texts)
    return sorted(counter.vocabulary_)


def _term_weights(review: Finished, vocabulary: list[str]) -> tuple[Floats, NDArray[np.bool_]]:
    """A balanced linear SVM's weights at unit scale, and which terms the review speaks for."""
    from sklearn.svm import LinearSVC

    rows = term_rows(review.texts, vocabulary)
    known = np.bincount(rows.indices, minlength=len(vocabulary)) >= _MIN_RECORDS
    # The solver visits records at random: the same reviews must give the same prior.
    model = LinearSVC(C=0.1, class_weight="balanced", random_state=0).fit(rows, review.y)
    weights = model.coef_.ravel()
    scale = float(np.sqrt((weights[known] ** 2).mean())) if known.any() else 0.0
    return (weights / scale if scale > 0 else np.zeros_like(weights)), known


def _direction(review: Finished) -> Floats:
    from sklearn.linear_model import LogisticRegression

    assert review.vectors is not None
    moved = review.vectors.astype(np.float64) - review.vectors.mean(axis=0, dtype=np.float64)
    model = LogisticRegression(C=1.0, class_weight="balanced", max_iter=300).fit(moved, review.y)
    way: Floats = model.coef_.ravel()
    return way / np.linalg.norm(way)


def _axes(weights: Floats) -> NDArray[np.float32]:
    """Principal axes of reviews' weights, each as long as reviews differ along it.

    Args:
        weights: shape (n_terms, n_reviews).

    Returns:
        Shape (n_terms, at most ``_AXES``), from -1 to 1.
    """
    left, lengths, _ = np.linalg.svd(weights, full_matrices=False)
    if not lengths.size or lengths[0] <= 0:
        return np.zeros((len(weights), 0), np.float32)
    axes = left[:, :_AXES] * lengths[:_AXES]
    # An axis has no direction of its own: the strongest term is given the positive end.
    signs = np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    longest = float(np.abs(axes).max())
    found: NDArray[np.float32] = (axes * signs / longest).astype(np.float32)
    return found


def train(reviews: Sequence[Finished], *, encoder: str | None) -> StudyPrior:
    """Average what the reviews say of each term and of the vectors' space, shrunk towards nothing.

    Args:
        reviews: finished reviews; those without vectors speak for the terms alone.
        encoder: identity of the encoder of the vectors; None where there are none.

    Raises:
        ValueError: there is no review.
    """
    if not reviews:
        raise ValueError("a prior needs at least one finished review")
    vocabulary = _vocabulary(reviews)
    each = np.zeros((len(vocabulary), len(reviews)))
    counted = np.zeros(len(vocabulary))
    for at, review in enumerate(reviews):
        weights, known = _term_weights(review, vocabulary)
        each[known, at] = weights[known]
        counted[known] += 1
    weights = each.sum(axis=1) / (counted + _SHRINK)
    kept = counted >= _MIN_SHARE_OF_REVIEWS * len(reviews)
    ways = [_direction(review) for review in reviews if review.vectors is not None]
    return StudyPrior(
        terms={term: float(w) for term, w, k in zip(vocabulary, weights, kept, strict=True) if k},
        axes=_axes(each[kept]),
        direction=np.mean(ways, axis=0).astype(np.float32) if ways else None,
        encoder=encoder if ways else None,
        trained_on=tuple(review.name for review in reviews),
    )
