"""Texts to features: word counts and centred vectors, one row a text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from model.form import form
from model.pipeline import STUDY_AXES, Pipeline
from model.prior import StudyPrior
from model.words import Terms, counted, singular, weighed

# A scipy csr_matrix or a float32 array; scipy has no types to say it with.
Matrix: TypeAlias = Any

_MAX_DF: Final = 0.95


@dataclass(frozen=True, slots=True)
class Document:
    """What the model reads of a report."""

    title: str
    abstract: str

    @property
    def words(self) -> str:
        """Title and abstract for word features, joined as ASReview joins them."""
        return f"{self.title} {self.abstract}"

    @property
    def prose(self) -> str:
        """Title and abstract for an encoder."""
        return f"{self.title}. {self.abstract}" if self.title else self.abstract


@dataclass(frozen=True, slots=True)
class Features:
    """Feature matrices of a pool of documents by name, each of shape (n_documents, ...).

    Attributes:
        prior: the study-language prior's scores, shape (n_documents,); None where it is not used.
        terms: what the columns of word features stand for.
    """

    matrices: dict[str, Matrix]
    size: int
    prior: NDArray[np.float32] | None = None
    terms: Mapping[str, Terms] = field(default_factory=dict)

    def term(self, name: str, column: int) -> str:
        """What a column of word features stands for."""
        return self.terms[name][column]

    def __getitem__(self, name: str) -> Matrix:
        return self.matrices[name]


def tfidf(texts: Sequence[str]) -> tuple[sp.csr_matrix, Terms]:
    """TF-IDF of word 1-2-grams, sublinear, without words in over 95 % of texts (ELAS u4's).

    Returns:
        The matrix, shape (n_texts, n_terms), and its terms; one empty column, without a term,
        where the texts hold no usable word.
    """
    return _weighed(*counted(texts, max_df=_MAX_DF))


def title_tfidf(titles: Sequence[str]) -> tuple[sp.csr_matrix, Terms]:
    """TF-IDF of the single words of titles, singular and plural as one, that stand in two or more.

    A title is too short for pairs to come again, and "child" and "children's" too near to be two.

    Returns:
        As ``tfidf``.
    """
    return _weighed(*counted(titles, min_df=2, max_df=_MAX_DF, pairs=False, stem=singular))


def _weighed(counts: sp.csr_matrix, terms: Terms) -> tuple[sp.csr_matrix, Terms]:
    if not len(terms):
        return sp.csr_matrix((counts.shape[0], 1), dtype=np.float64), terms
    return weighed(counts), terms


def centred(vectors: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Vectors less their mean, of unit length: what sets a text apart within its pool."""
    moved = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    length = np.linalg.norm(moved, axis=1, keepdims=True)
    unit: NDArray[np.float32] = (moved / (length + 1e-9)).astype(np.float32)
    return unit


def build(
    documents: Sequence[Document],
    pipeline: Pipeline,
    encode: Callable[[Sequence[str]], NDArray[np.float32]] | None,
    prior: StudyPrior | None = None,
) -> Features:
    """The features that a pipeline's views and its prior need.

    Args:
        documents: the pool, in the order that labels refer to.
        pipeline: says which features are wanted.
        encode: texts to vectors; needed where a view reads embeddings.
        prior: the study-language prior; needed where the pipeline uses what it knows.

    Raises:
        ValueError: a view needs an encoder, or the pipeline a prior, and none is given.
    """
    names = {view.features for view in pipeline.views}
    vectors = None
    if "embedding" in names:
        if encode is None:
            raise ValueError(f"pipeline {pipeline.name!r} needs an encoder")
        vectors = encode([document.prose for document in documents])
    words = [document.words for document in documents]
    matrices: dict[str, Matrix] = {}
    if vectors is not None:
        matrices["embedding"] = centred(vectors)
    terms: dict[str, Terms] = {}
    if "words" in names:
        matrices["words"], terms["words"] = tfidf(words)
    if "title-words" in names:
        titles = [document.title for document in documents]
        matrices["title-words"], terms["title-words"] = title_tfidf(titles)
    if "form" in names:
        matrices["form"] = form(
            [document.title for document in documents],
            [document.abstract for document in documents],
        )
    if not pipeline.needs_prior:
        return Features(matrices, len(documents), terms=terms)
    if prior is None:
        raise ValueError(f"pipeline {pipeline.name!r} needs a study-language prior")
    rows = prior.rows(words)
    if STUDY_AXES in names:
        matrices[STUDY_AXES] = centred(prior.places(rows))
    scores = prior.scores(rows, vectors) if pipeline.study_language else None
    return Features(matrices, len(documents), scores, terms)
