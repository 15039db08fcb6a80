"""What included records have in common across finished reviews: how studies are reported.

It knows no topic. It says that "randomized", "participants" or "weeks" have more often stood in
records that reviews kept than "case", "commentary" or "will". Before a review's own decisions say
more, that is worth a head start; where they contradict it (reviews of methods, of qualitative
work), its weight goes to nothing by itself, see ``model.blend.faded``.
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

from model.words import counted_among, weighed, weighed_as

Floats = NDArray[np.float64]

SHIPPED: Final = Path(__file__).parent / "study_language.json"
# A word of letters and hyphens; numbers are about the topic.
WORD: Final = r"(?u)\b[a-zA-Z][a-zA-Z\-]+\b"
# Share of the sentence vectors' opinion beside the terms', as found on other reviews.
_DIRECTION_SHARE: Final = 0.7
_LIMIT: Final = 3.0
# A file has the places on the axes, from -1 to 1, as whole numbers of this fineness: half the size.
_FINENESS: Final = 1000


@dataclass(frozen=True, slots=True)
class StudyScale:
    """What is usual among the texts of a pool: each mean and standard deviation, see ``scores``.

    Attributes:
        terms: of the terms' opinion.
        vector: mean of the sentence vectors, shape (dimension,); None where they were not asked.
        direction: of the direction's opinion.
        both: of the two together.
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
        axes: along which reviews differed in what they kept, shape (n_terms, n_axes), the weightier
            the longer; see ``places``.
        direction: unit vector in the encoder's space, or None.
        encoder: identity of the encoder that the direction belongs to; vectors of another are not
            asked.
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
        way = b"" if self.direction is None else self.direction.tobytes()
        terms = json.dumps(self.terms, sort_keys=True).encode()
        return hashlib.sha256(terms + self.axes.tobytes() + way).hexdigest()

    def for_encoder(self, identity: str | None) -> StudyPrior:
        """This prior, without its direction where vectors are another encoder's."""
        return self if identity == self.encoder else replace(self, direction=None, encoder=None)

    def rows(self, texts: Sequence[str]) -> Any:
        """Texts by the terms that are known here, shape (n_texts, n_terms), a scipy csr_matrix.

        Args:
            texts: title and abstract of each record.
        """
        return term_rows(texts, list(self.terms))

    def rows_beside(self, texts: Sequence[str], among: NDArray[np.int64], number: int) -> Any:
        """Texts outside a pool by the terms, as rare as they are in the pool; see ``rows``.

        Args:
            texts: title and abstract of each record.
            among: in how many of the pool's texts each term stands, shape (n_terms,).
            number: how many texts the pool has.
        """
        counts = counted_among(texts, list(self.terms), WORD)
        return weighed_as(counts, among, number) if texts and self.terms else counts

    def places(self, rows: Any) -> Floats:
        """Where texts stand along the axes.

        One review keeps trials, another what people told of their lives; most differ in a few such
        ways. A view on these few columns finds this review's way from a few decisions, where one
        on all words needs many: the low-dimensional structure shared by tasks of Ando and Zhang
        2005, JMLR 6:1817, here the principal axes of finished reviews' own weights.

        Args:
            rows: see ``rows``.

        Returns:
            Shape (n_texts, n_axes); one column of zeros where there are no axes.
        """
        if not self.axes.size:
            return np.zeros((rows.shape[0], 1))
        return np.asarray(rows @ self.axes.astype(np.float64))

    def scores(
        self, rows: Any, vectors: NDArray[np.float32] | None = None
    ) -> tuple[NDArray[np.float32], StudyScale]:
        """How much each text reads like what reviews kept, from -3 to 3, mean about 0.

        Args:
            rows: see ``rows``.
            vectors: their sentence vectors, shape (n_texts, dimension), not centred; None where
                there are none or they are of another encoder.

        Returns:
            Shape (n_texts,), and the scale, by which other texts can be set beside these.
        """
        of_terms = rows @ np.array([*self.terms.values()])
        terms, middle, along = _spread(of_terms), None, (0.0, 1.0)
        found = _standard(of_terms, terms)
        if self.direction is not None and vectors is not None:
            middle = vectors.mean(axis=0, dtype=np.float64)
            way = (vectors.astype(np.float64) - middle) @ self.direction
            along = _spread(way)
            found = found + _DIRECTION_SHARE * _standard(way, along)
        both = _spread(found)
        return _bounded(found, both), StudyScale(terms, middle, along, both)

    def scores_beside(
        self, scale: StudyScale, rows: Any, vectors: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """Scores of texts outside a pool on the scale of its own, see ``scores``.

        Args:
            scale: the pool's.
            rows: weighed as the pool's were.
            vectors: as for the pool.
        """
        found = _standard(rows @ np.array([*self.terms.values()]), scale.terms)
        if self.direction is not None and vectors is not None and scale.vector is not None:
            way = (vectors.astype(np.float64) - scale.vector) @ self.direction
            found = found + _DIRECTION_SHARE * _standard(way, scale.direction)
        return _bounded(found, scale.both)


def term_rows(texts: Sequence[str], vocabulary: Sequence[str]) -> Any:
    """TF-IDF of given single words, sublinear, rows of unit length; a scipy csr_matrix."""
    counts = counted_among(texts, vocabulary, WORD)
    return weighed(counts) if texts and vocabulary else counts


def _spread(values: Floats) -> tuple[float, float]:
    """Mean and standard deviation; the latter infinite where all values are equal."""
    spread = float(values.std()) if values.size else 0.0
    return (float(values.mean()), spread) if spread >= 1e-12 else (0.0, float("inf"))


def _standard(values: Floats, scale: tuple[float, float]) -> Floats:
    mean, spread = scale
    moved: Floats = (values - mean) / spread
    return moved


def _bounded(values: Floats, scale: tuple[float, float]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = np.clip(_standard(values, scale), -_LIMIT, _LIMIT).astype(
        np.float32
    )
    return found


def load(path: Path = SHIPPED) -> StudyPrior:
    """A prior from its file.

    Raises:
        ValueError: the file is not one of ours.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        direction = data["direction"]
        return StudyPrior(
            terms={str(term): float(weights[0]) for term, weights in data["terms"].items()},
            axes=(np.array([weights[1:] for weights in data["terms"].values()]) / _FINENESS).astype(
                np.float32
            ),
            direction=None if direction is None else np.array(direction, np.float32),
            encoder=data["encoder"],
            trained_on=tuple(data["trained_on"]),
        )
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        raise ValueError(f"{path} is no study-language prior: {error!r}") from error


def save(prior: StudyPrior, path: Path) -> None:
    """Write a prior to a file; ``load`` gives it back.

    A term a line: its weight, then its place on each axis in thousandths.
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
            [round(weight, 4), *(round(_FINENESS * float(v)) for v in axes)], separators=(",", ":")
        )
        for (term, weight), axes in zip(prior.terms.items(), prior.axes, strict=True)
    ]
    body = json.dumps(head, indent=1, ensure_ascii=False).removesuffix("\n}")
    path.write_text(body + ',\n "terms": {\n' + ",\n".join(lines) + "\n }\n}\n", encoding="utf-8")
