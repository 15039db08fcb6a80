"""The study-language prior: how included records of finished reviews report their studies.

It knows no topic. It knows that "randomized", "participants" or "weeks" are more frequent in
records that reviews included, and "case", "commentary" or "will" in those they excluded. That is
worth a head start until a review's own decisions say more. If they contradict it (reviews of
methods or of qualitative work), its weight falls to zero, see ``model.blend.faded_weight``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.word_counts import count_vocabulary, weigh, weigh_by

Floats = NDArray[np.float64]

SHIPPED: Final = Path(__file__).parent / "study_language.json"
# A word of letters and hyphens; numbers are about the topic.
WORD: Final = r"(?u)\b[a-zA-Z][a-zA-Z\-]+\b"
# Weight of the score by sentence vectors relative to the score by terms; chosen on other reviews.
_DIRECTION_SHARE: Final = 0.7
_LIMIT: Final = 3.0
# Places on the axes, -1 to 1, are stored as whole thousandths, which halves the file.
FINENESS: Final = 1000


@dataclass(frozen=True, slots=True)
class StudyScale:
    """Means and standard deviations over the texts of a pool, see ``StudyPrior.scores``.

    Attributes:
        terms: of the scores by terms.
        vector: mean of the sentence vectors, shape (dimension,); None if they are not used.
        direction: of the scores by the direction.
        both: of the two combined.
    """

    terms: tuple[float, float]
    vector: Floats | None
    direction: tuple[float, float]
    both: tuple[float, float]


@dataclass(frozen=True, slots=True)
class StudyPrior:
    """Weights of terms and a direction among sentence vectors, learned on finished reviews.

    Attributes:
        terms: weight of each term in a TF-IDF of single words.
        axes: directions in which reviews differed in what they included, shape (n_terms, n_axes);
            the longer an axis, the more they differed along it. See ``places``.
        direction: unit vector in the encoder's space, or None.
        encoder: identity of the encoder that the direction belongs to; another encoder's vectors
            are not used.
        trained_on: names of the finished reviews.
    """

    terms: dict[str, float]
    axes: NDArray[np.float32]
    direction: NDArray[np.float32] | None
    encoder: str | None
    trained_on: tuple[str, ...]

    @property
    def hash(self) -> str:
        """SHA-256 (hex) of everything that changes a score."""
        direction = b"" if self.direction is None else self.direction.tobytes()
        terms = json.dumps(self.terms, sort_keys=True).encode()
        return hashlib.sha256(terms + self.axes.tobytes() + direction).hexdigest()

    def for_encoder(self, identity: str | None) -> StudyPrior:
        """This prior; without its direction if the encoder is another one."""
        return self if identity == self.encoder else replace(self, direction=None, encoder=None)

    def rows(self, texts: Sequence[str]) -> Any:
        """TF-IDF of the prior's terms in texts, shape (n_texts, n_terms), a scipy csr_matrix.

        Args:
            texts: title and abstract of each record.
        """
        return term_rows(texts, list(self.terms))

    def rows_outside(self, texts: Sequence[str], frequencies: NDArray[np.int64], pool: int) -> Any:
        """TF-IDF as ``rows``, for texts outside a pool but with its document frequencies.

        Args:
            texts: title and abstract of each record.
            frequencies: number of the pool's texts that hold each term, shape (n_terms,).
            pool: number of texts in the pool.
        """
        counts = count_vocabulary(texts, list(self.terms), WORD)
        return weigh_by(counts, frequencies, pool) if texts and self.terms else counts

    def places(self, rows: Any) -> Floats:
        """Places of texts along the axes.

        One review includes trials, another people's accounts of their lives; most reviews differ
        in a few such ways. A view on these few columns learns this review's preference from a few
        decisions; a view on all words needs many. This is the low-dimensional structure shared by
        tasks of Ando and Zhang 2005, JMLR 6:1817; here it is the principal axes of the weights
        that finished reviews give to terms.

        Args:
            rows: see ``rows``.

        Returns:
            Shape (n_texts, n_axes); one column of zeros if there are no axes.
        """
        if not self.axes.size:
            return np.zeros((rows.shape[0], 1))
        return np.asarray(rows @ self.axes.astype(np.float64))

    def scores(
        self, rows: Any, vectors: NDArray[np.float32] | None = None
    ) -> tuple[NDArray[np.float32], StudyScale]:
        """How much each text reads like included records, from -3 to 3, mean about 0.

        Args:
            rows: see ``rows``.
            vectors: the texts' sentence vectors, shape (n_texts, dimension), not centred; None if
                there are none or they are another encoder's.

        Returns:
            Scores, shape (n_texts,), and the scale, for texts outside the pool.
        """
        by_terms = rows @ np.array([*self.terms.values()])
        terms, centre, direction = _mean_and_spread(by_terms), None, (0.0, 1.0)
        scores = _standardise(by_terms, terms)
        if self.direction is not None and vectors is not None:
            centre = vectors.mean(axis=0, dtype=np.float64)
            by_direction = (vectors.astype(np.float64) - centre) @ self.direction
            direction = _mean_and_spread(by_direction)
            scores = scores + _DIRECTION_SHARE * _standardise(by_direction, direction)
        both = _mean_and_spread(scores)
        return _bound(scores, both), StudyScale(terms, centre, direction, both)

    def scores_outside(
        self, scale: StudyScale, rows: Any, vectors: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """Scores of texts outside a pool on the pool's scale, see ``scores``.

        Args:
            scale: the pool's.
            rows: see ``rows_outside``.
            vectors: as for the pool.
        """
        scores = _standardise(rows @ np.array([*self.terms.values()]), scale.terms)
        if self.direction is not None and vectors is not None and scale.vector is not None:
            by_direction = (vectors.astype(np.float64) - scale.vector) @ self.direction
            scores = scores + _DIRECTION_SHARE * _standardise(by_direction, scale.direction)
        return _bound(scores, scale.both)


def term_rows(texts: Sequence[str], vocabulary: Sequence[str]) -> Any:
    """TF-IDF of given single words, sublinear, rows of unit length; a scipy csr_matrix."""
    counts = count_vocabulary(texts, vocabulary, WORD)
    return weigh(counts) if texts and vocabulary else counts


def _mean_and_spread(values: Floats) -> tuple[float, float]:
    """Mean and standard deviation; the latter is infinite if all values are equal."""
    spread = float(values.std()) if values.size else 0.0
    return (float(values.mean()), spread) if spread >= 1e-12 else (0.0, float("inf"))


def _standardise(values: Floats, scale: tuple[float, float]) -> Floats:
    mean, spread = scale
    standardised: Floats = (values - mean) / spread
    return standardised


def _bound(values: Floats, scale: tuple[float, float]) -> NDArray[np.float32]:
    clipped = np.clip(_standardise(values, scale), -_LIMIT, _LIMIT)
    bounded: NDArray[np.float32] = clipped.astype(np.float32)
    return bounded


def load(path: Path = SHIPPED) -> StudyPrior:
    """Read a prior from its file.

    Raises:
        ValueError: it is not such a file.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        direction = data["direction"]
        return StudyPrior(
            terms={str(term): float(weights[0]) for term, weights in data["terms"].items()},
            axes=(np.array([weights[1:] for weights in data["terms"].values()]) / FINENESS).astype(
                np.float32
            ),
            direction=None if direction is None else np.array(direction, np.float32),
            encoder=data["encoder"],
            trained_on=tuple(data["trained_on"]),
        )
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        raise ValueError(f"{path} is not a study-language prior: {error!r}") from error
