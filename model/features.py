"""Texts to features: word counts and centred vectors, one row a text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from model.form import FormScale, form
from model.pipeline import STUDY_AXES, Pipeline
from model.prior import StudyPrior, StudyScale
from model.words import (
    Terms,
    counted,
    counted_as,
    singular,
    texts_with,
    weighed,
    weighed_as,
)

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
class Frame:
    """What is usual in a pool, so that texts outside it can be set beside its own.

    Attributes:
        centres: mean of features that are centred, by name, shape (n_columns,).
        form: of form features.
        study: of the study-language prior's scores.
        prior_terms: in how many documents each of the prior's terms stands, shape (n_terms,).
    """

    centres: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    form: FormScale | None = None
    study: StudyScale | None = None
    prior_terms: NDArray[np.int64] | None = None


@dataclass(frozen=True, slots=True)
class Features:
    """Feature matrices of a pool of documents by name, each of shape (n_documents, ...).

    Attributes:
        prior: the study-language prior's scores, shape (n_documents,); None where it is not used.
        terms: what the columns of word features stand for.
        frame: by which other texts are read, see ``read_beside``.
    """

    matrices: dict[str, Matrix]
    size: int
    prior: NDArray[np.float32] | None = None
    terms: Mapping[str, Terms] = field(default_factory=dict)
    frame: Frame = field(default_factory=Frame)

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


def _weighed_beside(
    texts: Sequence[str], pool: sp.csr_matrix, terms: Terms, stem: Callable[[str], str] | None
) -> sp.csr_matrix:
    """TF-IDF of texts outside a pool by its words, as rare as they are there."""
    if not len(terms):
        return sp.csr_matrix((len(texts), 1), dtype=np.float64)
    counts = counted_as(texts, terms, stem=stem)
    return weighed_as(counts, texts_with(pool), pool.shape[0]) if len(texts) else counts


def centre_of(vectors: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Mean of the rows, shape (n_columns,); zeros where there is none."""
    if not len(vectors):
        return np.zeros(vectors.shape[1])
    centre: NDArray[np.float64] = vectors.mean(axis=0, dtype=np.float64)
    return centre


def centred(vectors: NDArray[np.floating[Any]], centre: NDArray[np.float64]) -> NDArray[np.float32]:
    """Vectors less a centre, of unit length: what sets a text apart within its pool."""
    moved = vectors.astype(np.float64) - centre
    length = np.linalg.norm(moved, axis=1, keepdims=True)
    unit: NDArray[np.float32] = (moved / (length + 1e-9)).astype(np.float32)
    return unit


def _vectors(
    documents: Sequence[Document],
    names: set[str],
    encode: Callable[[Sequence[str]], NDArray[np.float32]] | None,
) -> NDArray[np.float32] | None:
    if "embedding" not in names:
        return None
    if encode is None:
        raise ValueError("a view on embeddings needs an encoder")
    return encode([document.prose for document in documents])


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
    vectors = _vectors(documents, names, encode)
    words = [document.words for document in documents]
    titles = [document.title for document in documents]
    matrices: dict[str, Matrix] = {}
    centres: dict[str, NDArray[np.float64]] = {}
    if vectors is not None:
        centres["embedding"] = centre_of(vectors)
        matrices["embedding"] = centred(vectors, centres["embedding"])
    terms: dict[str, Terms] = {}
    if "words" in names:
        matrices["words"], terms["words"] = tfidf(words)
    if "title-words" in names:
        matrices["title-words"], terms["title-words"] = title_tfidf(titles)
    of_form = None
    if "form" in names:
        matrices["form"], of_form = form(titles, [document.abstract for document in documents])
    if not pipeline.needs_prior:
        return Features(matrices, len(documents), terms=terms, frame=Frame(centres, of_form))
    if prior is None:
        raise ValueError(f"pipeline {pipeline.name!r} needs a study-language prior")
    rows = prior.rows(words)
    if STUDY_AXES in names:
        places = prior.places(rows)
        centres[STUDY_AXES] = centre_of(places)
        matrices[STUDY_AXES] = centred(places, centres[STUDY_AXES])
    scores, of_study = prior.scores(rows, vectors) if pipeline.study_language else (None, None)
    frame = Frame(centres, of_form, of_study, texts_with(rows))
    return Features(matrices, len(documents), scores, terms, frame)


def read_beside(
    pool: Features,
    documents: Sequence[Document],
    encode: Callable[[Sequence[str]], NDArray[np.float32]] | None,
    prior: StudyPrior | None = None,
) -> Features:
    """Features of documents outside a pool, as they would be read were they in it.

    The pool stays as it is: what is usual is its own, and words that it has not count nothing. A
    document of the pool would have its own row again.

    Args:
        pool: as ``build`` made it.
        documents: others.
        encode: as for the pool.
        prior: as for the pool.

    Returns:
        Of these documents, in the columns of the pool's.

    Raises:
        ValueError: the pool has embeddings, or uses a prior, and none is given.
    """
    frame, names = pool.frame, set(pool.matrices)
    vectors = _vectors(documents, names, encode)
    words = [document.words for document in documents]
    titles = [document.title for document in documents]
    matrices: dict[str, Matrix] = {}
    if vectors is not None:
        matrices["embedding"] = centred(vectors, frame.centres["embedding"])
    if "words" in names:
        matrices["words"] = _weighed_beside(words, pool["words"], pool.terms["words"], None)
    if "title-words" in names:
        matrices["title-words"] = _weighed_beside(
            titles, pool["title-words"], pool.terms["title-words"], singular
        )
    if frame.form is not None:
        matrices["form"] = frame.form.rows(titles, [document.abstract for document in documents])
    if frame.prior_terms is None:
        return Features(matrices, len(documents), terms=pool.terms, frame=frame)
    if prior is None:
        raise ValueError("the pool was read with a study-language prior")
    rows = prior.rows_beside(words, frame.prior_terms, pool.size)
    if STUDY_AXES in names:
        matrices[STUDY_AXES] = centred(prior.places(rows), frame.centres[STUDY_AXES])
    scores = None if frame.study is None else prior.scores_beside(frame.study, rows, vectors)
    return Features(matrices, len(documents), scores, pool.terms, frame)
