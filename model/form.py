"""Features of how a record is written, whatever its topic. Unit-length word features miss this.

A review of trials includes records with long abstracts full of numbers; a review of methods does
not. The review's own decisions teach the model which it is, as with any view.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

FORM_NAMES: Final = (
    "length of the abstract",
    "numbers in the abstract",
    "length of the title",
    "a colon in the title",
    "a question in the title",
    "a structured abstract",
    "comparisons such as p < 0.05",
)
_LIMIT: Final = 3.0
# A digit at the start of a word. Looking back from a digit is faster than \b at every character.
_NUMBER: Final = re.compile(r"\d(?<!\w\d)")
_HEADING: Final = re.compile(r"\b(methods?|results?|conclusions?|objectives?)\s*:", re.IGNORECASE)
_COMPARISONS: Final = "<>="


def _row(title: str, abstract: str) -> tuple[float, ...]:
    size = len(abstract) + 1
    return (
        float(np.log1p(len(abstract))),
        float(np.sqrt(len(_NUMBER.findall(abstract)) / size)),
        float(np.log1p(len(title))),
        float(":" in title),
        float("?" in title),
        float(_HEADING.search(abstract) is not None),
        float(np.sqrt(sum(map(abstract.count, _COMPARISONS)) / size)),
    )


# Columns that are undefined without an abstract.
_OF_ABSTRACTS: Final = (0, 1, 5, 6)


@dataclass(frozen=True, slots=True)
class FormScale:
    """Typical values over the texts of a pool, each of shape (7,), columns as in ``FORM_NAMES``.

    Attributes:
        usual: values assumed for a record without an abstract.
        mean: over the texts.
        spread: standard deviation over the texts.
    """

    usual: NDArray[np.float64]
    mean: NDArray[np.float64]
    spread: NDArray[np.float64]

    def rows(self, titles: Sequence[str], abstracts: Sequence[str]) -> NDArray[np.float32]:
        """Form features of texts outside the pool, on the pool's scale."""
        return self.scale(_fill_gaps(_count(titles, abstracts), abstracts, self.usual))

    def scale(self, rows: NDArray[np.float64]) -> NDArray[np.float32]:
        """Standardise and bound rows without gaps, shape (n_texts, 7)."""
        centred = rows - self.mean
        scaled = np.divide(
            centred, self.spread, out=np.zeros_like(centred), where=self.spread > 1e-9
        )
        bounded = np.clip(scaled, -_LIMIT, _LIMIT) / np.sqrt(len(FORM_NAMES))
        features: NDArray[np.float32] = bounded.astype(np.float32)
        return features


def _count(titles: Sequence[str], abstracts: Sequence[str]) -> NDArray[np.float64]:
    rows = np.array([_row(*pair) for pair in zip(titles, abstracts, strict=True)], float)
    return rows.reshape(len(titles), len(FORM_NAMES))


def _fill_gaps(
    rows: NDArray[np.float64], abstracts: Sequence[str], usual: NDArray[np.float64]
) -> NDArray[np.float64]:
    without = np.array([not abstract for abstract in abstracts], bool)
    for column in _OF_ABSTRACTS:
        rows[without, column] = usual[column]
    return rows


def form(titles: Sequence[str], abstracts: Sequence[str]) -> tuple[NDArray[np.float32], FormScale]:
    """Form features of texts, each standardised over them and bounded at 3 standard deviations.

    If an abstract is missing, the features of abstracts get the mean: a source that does not
    deliver an abstract says nothing about the report.

    Returns:
        Shape (n_texts, 7), columns as in ``FORM_NAMES``, rows about 1 long; and the scale, for
        texts outside the pool.
    """
    rows = _count(titles, abstracts)
    with_abstract = np.array([bool(abstract) for abstract in abstracts], bool)
    usual = np.zeros(len(FORM_NAMES))
    for column in _OF_ABSTRACTS if with_abstract.any() else ():
        usual[column] = rows[with_abstract, column].mean()
    rows = _fill_gaps(rows, abstracts, usual)
    any_text = len(rows) > 0
    scale = FormScale(
        usual=usual,
        mean=rows.mean(axis=0) if any_text else usual,
        spread=rows.std(axis=0) if any_text else np.ones(len(FORM_NAMES)),
    )
    return scale.scale(rows), scale
