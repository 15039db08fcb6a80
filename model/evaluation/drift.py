"""Check a review's ranking against what replays of finished reviews lead us to expect.

There are two checks. With known relevant records: recall after a share of the records, compared
with the replays (each replayed with constants and a prior from the other half of the reviews, so
that no figure is flattered). Without them: how many relevant records the rankings expected among
the next fifty, compared with how many there were.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import pdtr

from model.evaluation.compare import mean_curve
from model.evaluation.shares import Share

SHIPPED: Final = Path(__file__).parent / "expected_curves.json"
SHARES: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
# A review is compared with this many replays: those nearest to it in share of relevant records.
_NEAREST: Final = 15


@dataclass(frozen=True, slots=True)
class Replayed:
    """A finished review: its share of relevant records and mean recall after each of ``SHARES``."""

    name: str
    records: int
    prevalence: float
    recall: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Band:
    """Recall after a share of the records: this review's, and that of similar replays.

    Attributes:
        recall: of the known relevant records in the order.
        counted: how many these are.
        low: tenth percentile of the replays; ``middle`` is their median, ``high`` the ninetieth.
    """

    share: float
    recall: float
    counted: int
    low: float
    middle: float
    high: float

    @property
    def below(self) -> bool:
        """Whether nine in ten similar replays had more, by more than chance.

        Of a few known records, a few can be late by chance: the upper end of Wilson's 95 % interval
        must lie below the replays too.
        """
        high = Share.of(round(self.recall * self.counted), self.counted).high
        return high is not None and high < self.low


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectationCheck:
    """How many relevant records the rankings expected, and how many came, over all checked spans.

    Attributes:
        records: decided in these spans.
        low: lower end of what 95 in 100 reviews would find if ``expected`` were right (Poisson);
            ``high`` is the upper end.
    """

    records: int
    expected: float
    found: int
    low: int
    high: int

    @property
    def off(self) -> bool:
        """Whether the number found lies outside that range."""
        return not self.low <= self.found <= self.high


@functools.cache
def load(path: Path = SHIPPED) -> tuple[Replayed, ...]:
    """Read expected curves from their file.

    Raises:
        ValueError: it is not such a file.
    """
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if tuple(data["shares"]) != SHARES:
            raise ValueError(
                f"{path} holds recall at other shares of the records; "
                "write it again with benchmarks/ranking.py"
            )
        return tuple(
            Replayed(s["name"], s["records"], s["prevalence"], tuple(s["recall"]))
            for s in data["sets"]
        )
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} holds no expected curves: {error!r}") from error


def compare_recall(
    labels: NDArray[np.bool_], replayed: Sequence[Replayed], *, read: int
) -> tuple[Band, ...]:
    """Recall after each share of the records that has been read, beside that of similar replays.

    Args:
        labels: shape (n_records,), True where known relevant, in screening order; at least one.
        replayed: finished reviews.
        read: records decided so far; shares beyond it are not judged.
    """
    prevalence = float(labels.mean())
    similar = sorted(replayed, key=lambda review: abs(np.log(review.prevalence / prevalence)))[
        :_NEAREST
    ]
    recalls = mean_curve([labels], np.array(SHARES))["mean"]
    bands = []
    for at, share in enumerate(SHARES):
        if share * len(labels) > read:
            break
        low, middle, high = np.percentile([review.recall[at] for review in similar], [10, 50, 90])
        bands.append(
            Band(
                share,
                recall=float(recalls[at]),
                counted=int(labels.sum()),
                low=float(low),
                middle=float(middle),
                high=float(high),
            )
        )
    return tuple(bands)


def compare_expectations(
    expectations: Sequence[tuple[int, float]], decided: NDArray[np.bool_], *, span: int
) -> ExpectationCheck | None:
    """Relevant records expected in the next ``span`` and found there; None before a full span.

    Spans do not overlap: each starts with the first ranking made after the one before has ended.

    Args:
        expectations: for each ranking in turn, the number of decisions it had learned from, and how
            many relevant records it expected among the next ``span``.
        decided: shape (n_decisions,), True where relevant, in screening order.
        span: number of records that an expectation covers.
    """
    total, found, records, free_from = 0.0, 0, 0, 0
    for learned_from, expected in expectations:
        if learned_from < free_from or learned_from + span > len(decided):
            continue
        total += expected
        found += int(decided[learned_from : learned_from + span].sum())
        records += span
        free_from = learned_from + span
    if records == 0:
        return None
    low = next(k for k in range(records + 1) if _poisson_cdf(k, total) > 0.025)
    high = next((k for k in range(records + 1) if _poisson_cdf(k, total) >= 0.975), records)
    return ExpectationCheck(records=records, expected=total, found=found, low=low, high=high)


def _poisson_cdf(count: int, mean: float) -> float:
    return float(pdtr(count, mean))
