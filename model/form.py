"""How a record is written, whatever it is about: what word features of unit length cannot say.

A review of trials keeps records with long abstracts full of numbers; a review of methods does not.
Which way it goes is learned from the review's own decisions, as with any view.
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
# A digit that begins a word; looking back from the digit is sooner than \b at each character.
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


# Columns that say nothing about a record without an abstract.
_OF_ABSTRACTS: Final = (0, 1, 5, 6)


@dataclass(frozen=True, slots=True)
class FormScale:
    """What is usual among the texts of a pool, each of shape (7,), columns as in ``FORM_NAMES``.

    Attributes:
        usual: what a record without an abstract is taken to have.
        mean: over the texts.
        spread: standard deviation over the texts.
    """

    usual: NDArray[np.float64]
    mean: NDArray[np.float64]
    spread: NDArray[np.float64]

    def rows(self, titles: Sequence[str], abstracts: Sequence[str]) -> NDArray[np.float32]:
        """Form features of texts beside those of the pool, as ``form`` has them."""
        return self.scaled(_filled(_counted(titles, abstracts), abstracts, self.usual))

    def scaled(self, rows: NDArray[np.float64]) -> NDArray[np.float32]:
        """Rows without a gap, shape (n_texts, 7), standardised and bounded."""
        moved = rows - self.mean
        scaled = np.divide(moved, self.spread, out=np.zeros_like(moved), where=self.spread > 1e-9)
        bounded = np.clip(scaled, -_LIMIT, _LIMIT) / np.sqrt(len(FORM_NAMES))
        found: NDArray[np.float32] = bounded.astype(np.float32)
        return found


def _counted(titles: Sequence[str], abstracts: Sequence[str]) -> NDArray[np.float64]:
    rows = np.array([_row(*pair) for pair in zip(titles, abstracts, strict=True)], float)
    return rows.reshape(len(titles), len(FORM_NAMES))


def _filled(
    rows: NDArray[np.float64], abstracts: Sequence[str], usual: NDArray[np.float64]
) -> NDArray[np.float64]:
    without = np.array([not abstract for abstract in abstracts], bool)
    for column in _OF_ABSTRACTS:
        rows[without, column] = usual[column]
    return rows


def form(titles: Sequence[str], abstracts: Sequence[str]) -> tuple[NDArray[np.float32], FormScale]:
    """Form features of texts, each standardised over them and bounded at 3 standard deviations.

    What can only be said of an abstract has the mean where there is none: that a source did not
    hand one out says nothing about the report.

    Returns:
        Shape (n_texts, 7), columns as in ``FORM_NAMES``; rows about 1 long. And the scale, by which
        other texts can be set beside these.
    """
    rows = _counted(titles, abstracts)
    known = np.array([bool(abstract) for abstract in abstracts], bool)
    usual = np.zeros(len(FORM_NAMES))
    for column in _OF_ABSTRACTS if known.any() else ():
        usual[column] = rows[known, column].mean()
    rows = _filled(rows, abstracts, usual)
    some = len(rows) > 0
    scale = FormScale(
        usual=usual,
        mean=rows.mean(axis=0) if some else usual,
        spread=rows.std(axis=0) if some else np.ones(len(FORM_NAMES)),
    )
    return scale.scaled(rows), scale
