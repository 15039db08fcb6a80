"""Turn texts into features: word weights, centred vectors and form, one row for each text."""

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
from model.word_counts import (
    Terms,
    count_given_terms,
    count_terms,
    document_frequencies,
    singular,
    weigh,
    weigh_by,
)

# A scipy csr_matrix or a float32 array; scipy has no types to express this.
Matrix: TypeAlias = Any
Encode: TypeAlias = Callable[[Sequence[str]], NDArray[np.float32]]

_MAX_DF: Final = 0.95


@dataclass(frozen=True, slots=True)
class Document:
    """The fields of a report that the model reads."""

    title: str
    abstract: str

    @property
    def words(self) -> str:
        """Title and abstract for word features, joined as in ASReview."""
        return f"{self.title} {self.abstract}"

    @property
    def prose(self) -> str:
        """Title and abstract for an encoder."""
        return f"{self.title}. {self.abstract}" if self.title else self.abstract


@dataclass(frozen=True, slots=True)
class Frame:
    """Statistics of a pool that put texts outside it on the same scale.

    Attributes:
        centres: mean of the features that are centred, by name, shape (n_columns,).
        form: scale of the form features.
        study: scale of the study-language prior's scores.
        prior_terms: number of documents that hold each of the prior's terms, shape (n_terms,).
    """

    centres: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    form: FormScale | None = None
    study: StudyScale | None = None
    prior_terms: NDArray[np.int64] | None = None


@dataclass(frozen=True, slots=True)
class Features:
    """Feature matrices of a pool of documents by name, each of shape (n_documents, ...).

    Attributes:
        prior: the study-language prior's scores, shape (n_documents,); None if it is not used.
        terms: the columns of word features.
        frame: puts other texts on the same scale, see ``build_outside``.
    """

    matrices: dict[str, Matrix]
    size: int
    prior: NDArray[np.float32] | None = None
    terms: Mapping[str, Terms] = field(default_factory=dict)
    frame: Frame = field(default_factory=Frame)

    def term(self, name: str, column: int) -> str:
        """The term behind a column of word features."""
        return self.terms[name][column]

    def __getitem__(self, name: str) -> Matrix:
        return self.matrices[name]


def tfidf(texts: Sequence[str]) -> tuple[sp.csr_matrix, Terms]:
    """TF-IDF of word 1-2-grams, sublinear, without words in over 95 % of texts (ELAS u4's).

    Returns:
        The matrix, shape (n_texts, n_terms), and its terms; if the texts hold no usable word, one
        empty column without a term.
    """
    return _weigh(*count_terms(texts, max_df=_MAX_DF))


def title_tfidf(titles: Sequence[str]) -> tuple[sp.csr_matrix, Terms]:
    """TF-IDF of single title words in two or more titles, with singular and plural merged.

    Pairs seldom recur in texts as short as titles, and "child" and "children's" are too close to
    count as two words.

    Returns:
        As ``tfidf``.
    """
    return _weigh(*count_terms(titles, min_df=2, max_df=_MAX_DF, pairs=False, stem=singular))


def _weigh(counts: sp.csr_matrix, terms: Terms) -> tuple[sp.csr_matrix, Terms]:
    if not len(terms):
        return sp.csr_matrix((counts.shape[0], 1), dtype=np.float64), terms
    return weigh(counts), terms


def _tfidf_outside(
    texts: Sequence[str], pool: sp.csr_matrix, terms: Terms, stem: Callable[[str], str] | None
) -> sp.csr_matrix:
    """TF-IDF of texts outside a pool, with the pool's terms and document frequencies."""
    if not len(terms):
        return sp.csr_matrix((len(texts), 1), dtype=np.float64)
    counts = count_given_terms(texts, terms, stem=stem)
    return weigh_by(counts, document_frequencies(pool), pool.shape[0]) if len(texts) else counts


def mean_vector(vectors: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Mean of the rows, shape (n_columns,); zeros if there are no rows."""
    if not len(vectors):
        return np.zeros(vectors.shape[1])
    mean: NDArray[np.float64] = vectors.mean(axis=0, dtype=np.float64)
    return mean


def centre(vectors: NDArray[np.floating[Any]], mean: NDArray[np.float64]) -> NDArray[np.float32]:
    """Subtract a mean and scale to unit length: what sets a text apart within its pool."""
    centred = vectors.astype(np.float64) - mean
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    unit: NDArray[np.float32] = (centred / (length + 1e-9)).astype(np.float32)
    return unit


def find_known(vectors: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which rows are vectors, and not nan because there is none yet; shape (n_rows,)."""
    known: NDArray[np.bool_] = ~np.isnan(vectors.sum(axis=1))
    return known


def _centre_known(
    vectors: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float32]]:
    """Centre the vectors that are known; the others count as average.

    Args:
        vectors: rows of nan where there is none yet.

    Returns:
        The vectors with the mean in place of the unknown ones; the mean of the known ones; and the
        centred vectors, which are zero where unknown.
    """
    known = find_known(vectors)
    mean = mean_vector(vectors[known])
    if known.all():
        return vectors, mean, centre(vectors, mean)
    filled = np.where(known[:, None], vectors, mean.astype(np.float32))
    centred = centre(filled, mean)
    centred[~known] = 0.0
    return filled, mean, centred


def _encode(
    documents: Sequence[Document], names: set[str], encode: Encode | None
) -> NDArray[np.float32] | None:
    if "embedding" not in names:
        return None
    if encode is None:
        raise ValueError("a view on embeddings needs an encoder")
    return encode([document.prose for document in documents])


def build(
    documents: Sequence[Document],
    pipeline: Pipeline,
    encode: Encode | None,
    prior: StudyPrior | None = None,
    earlier: Features | None = None,
) -> Features:
    """Build the features that a pipeline's views and its prior need.

    Args:
        documents: the pool, in the order that labels refer to.
        pipeline: says which features are needed.
        encode: texts to vectors; needed if a view reads embeddings. A text without a vector has a
            row of nan; it gets the mean of the others.
        prior: the study-language prior; needed if the pipeline uses it.
        earlier: features of the same documents from when fewer vectors were known; what does not
            come from vectors is taken from these.

    Raises:
        ValueError: a view needs an encoder, or the pipeline a prior, and it is missing.
    """
    names = {view.features for view in pipeline.views}
    vectors = _encode(documents, names, encode)
    words = [document.words for document in documents]
    titles = [document.title for document in documents]
    matrices: dict[str, Matrix] = {}
    centres: dict[str, NDArray[np.float64]] = {}
    if vectors is not None:
        vectors, centres["embedding"], matrices["embedding"] = _centre_known(vectors)
    terms: dict[str, Terms] = {}
    form_scale = None
    if earlier is not None:
        matrices |= {n: m for n, m in earlier.matrices.items() if n in names and n != "embedding"}
        terms |= earlier.terms
        form_scale = earlier.frame.form
    if "words" in names - matrices.keys():
        matrices["words"], terms["words"] = tfidf(words)
    if "title-words" in names - matrices.keys():
        matrices["title-words"], terms["title-words"] = title_tfidf(titles)
    if "form" in names - matrices.keys():
        matrices["form"], form_scale = form(titles, [document.abstract for document in documents])
    if not pipeline.needs_prior:
        return Features(matrices, len(documents), terms=terms, frame=Frame(centres, form_scale))
    if prior is None:
        raise ValueError(f"pipeline {pipeline.name!r} needs a study-language prior")
    rows = prior.rows(words)
    if STUDY_AXES in names:
        places = prior.places(rows)
        centres[STUDY_AXES] = mean_vector(places)
        matrices[STUDY_AXES] = centre(places, centres[STUDY_AXES])
    scores, study_scale = prior.scores(rows, vectors) if pipeline.study_language else (None, None)
    frame = Frame(centres, form_scale, study_scale, document_frequencies(rows))
    return Features(matrices, len(documents), scores, terms, frame)


def build_outside(
    pool: Features,
    documents: Sequence[Document],
    encode: Encode | None,
    prior: StudyPrior | None = None,
) -> Features:
    """Build features of documents outside a pool as if they were in it.

    The pool does not change: its own statistics apply, and words that it does not have are
    ignored. A document of the pool would get its own row again.

    Args:
        pool: as ``build`` made it.
        documents: the others.
        encode: as for the pool.
        prior: as for the pool.

    Returns:
        Features of these documents, in the pool's columns.

    Raises:
        ValueError: the pool has embeddings but no encoder is given, or it uses a prior and none is
            given.
    """
    frame, names = pool.frame, set(pool.matrices)
    vectors = _encode(documents, names, encode)
    words = [document.words for document in documents]
    titles = [document.title for document in documents]
    matrices: dict[str, Matrix] = {}
    if vectors is not None:
        matrices["embedding"] = centre(vectors, frame.centres["embedding"])
    if "words" in names:
        matrices["words"] = _tfidf_outside(words, pool["words"], pool.terms["words"], None)
    if "title-words" in names:
        matrices["title-words"] = _tfidf_outside(
            titles, pool["title-words"], pool.terms["title-words"], singular
        )
    if frame.form is not None:
        matrices["form"] = frame.form.rows(titles, [document.abstract for document in documents])
    if frame.prior_terms is None:
        return Features(matrices, len(documents), terms=pool.terms, frame=frame)
    if prior is None:
        raise ValueError("the ranked records have a study-language prior, so these need it too")
    rows = prior.rows_outside(words, frame.prior_terms, pool.size)
    if STUDY_AXES in names:
        matrices[STUDY_AXES] = centre(prior.places(rows), frame.centres[STUDY_AXES])
    scores = None if frame.study is None else prior.scores_outside(frame.study, rows, vectors)
    return Features(matrices, len(documents), scores, pool.terms, frame)
