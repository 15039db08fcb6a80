"""Learn a study-language prior from finished reviews."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.prior import FINENESS, WORD, Floats, StudyPrior, term_rows

# A term counts in a review if at least this many of its records contain it,
_MIN_RECORDS: Final = 5
# and overall if it counts in this share of the reviews: a term of only a few reviews is a topic.
_MIN_SHARE_OF_REVIEWS: Final = 0.25
# Its weight is averaged with this many made-up reviews that give it weight 0.
_SHRINK: Final = 8
_MIN_RECORDS_OVERALL: Final = 15
_MAX_SHARE_OVERALL: Final = 0.8
_AXES: Final = 20


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished review: its texts, its labels, and its sentence vectors if there are any.

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
    """A balanced linear SVM's weights at unit scale, and the terms that count in the review."""
    from sklearn.svm import LinearSVC

    rows = term_rows(review.texts, vocabulary)
    counts = np.bincount(rows.indices, minlength=len(vocabulary)) >= _MIN_RECORDS
    # The solver visits records in random order; a fixed seed makes the prior reproducible.
    model = LinearSVC(C=0.1, class_weight="balanced", random_state=0).fit(rows, review.y)
    weights = model.coef_.ravel()
    scale = float(np.sqrt((weights[counts] ** 2).mean())) if counts.any() else 0.0
    return (weights / scale if scale > 0 else np.zeros_like(weights)), counts


def _direction(review: Finished) -> Floats:
    from sklearn.linear_model import LogisticRegression

    assert review.vectors is not None
    centred = review.vectors.astype(np.float64) - review.vectors.mean(axis=0, dtype=np.float64)
    model = LogisticRegression(C=1.0, class_weight="balanced", max_iter=300).fit(centred, review.y)
    direction: Floats = model.coef_.ravel()
    return direction / np.linalg.norm(direction)


def _axes(weights: Floats) -> NDArray[np.float32]:
    """Principal axes of the reviews' weights; the longer an axis, the more reviews differ along it.

    Args:
        weights: shape (n_terms, n_reviews).

    Returns:
        Shape (n_terms, at most ``_AXES``), from -1 to 1.
    """
    left, lengths, _ = np.linalg.svd(weights, full_matrices=False)
    if not lengths.size or lengths[0] <= 0:
        return np.zeros((len(weights), 0), np.float32)
    axes = left[:, :_AXES] * lengths[:_AXES]
    # The sign of an axis is arbitrary, so the strongest term goes to the positive end.
    signs = np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    longest = float(np.abs(axes).max())
    scaled: NDArray[np.float32] = (axes * signs / longest).astype(np.float32)
    return scaled


def train(reviews: Sequence[Finished], *, encoder: str | None) -> StudyPrior:
    """Average the reviews' weights of each term, shrunk towards 0, and their vector directions.

    Args:
        reviews: finished reviews; those without vectors count for the terms only.
        encoder: identity of the vectors' encoder; None if there are no vectors.

    Raises:
        ValueError: there are no reviews.
    """
    if not reviews:
        raise ValueError("a prior needs at least one finished review")
    vocabulary = _vocabulary(reviews)
    review_weights = np.zeros((len(vocabulary), len(reviews)))
    n_reviews = np.zeros(len(vocabulary))
    for at, review in enumerate(reviews):
        weights, counts = _term_weights(review, vocabulary)
        review_weights[counts, at] = weights[counts]
        n_reviews[counts] += 1
    weights = review_weights.sum(axis=1) / (n_reviews + _SHRINK)
    kept = n_reviews >= _MIN_SHARE_OF_REVIEWS * len(reviews)
    directions = [_direction(review) for review in reviews if review.vectors is not None]
    return StudyPrior(
        terms={term: float(w) for term, w, k in zip(vocabulary, weights, kept, strict=True) if k},
        axes=_axes(review_weights[kept]),
        direction=np.mean(directions, axis=0).astype(np.float32) if directions else None,
        encoder=encoder if directions else None,
        trained_on=tuple(review.name for review in reviews),
    )


def save(prior: StudyPrior, path: Path) -> None:
    """Write a prior to a file that ``model.prior.load`` reads.

    Each line holds one term: its weight, then its place on each axis in thousandths.
    """
    direction = prior.direction
    head = {
        "what": "weights of study language in finished reviews; made by benchmarks/make_prior.py",
        "trained_on": list(prior.trained_on),
        "encoder": prior.encoder,
        "direction": None if direction is None else [round(float(v), 4) for v in direction],
    }
    lines = [
        f"  {json.dumps(term, ensure_ascii=False)}: "
        + json.dumps(
            [round(weight, 4), *(round(FINENESS * float(v)) for v in axes)], separators=(",", ":")
        )
        for (term, weight), axes in zip(prior.terms.items(), prior.axes, strict=True)
    ]
    body = json.dumps(head, indent=1, ensure_ascii=False).removesuffix("\n}")
    path.write_text(body + ',\n "terms": {\n' + ",\n".join(lines) + "\n }\n}\n", encoding="utf-8")
