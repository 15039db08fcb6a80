"""A review beside what replays of finished reviews lead one to expect.

Two checks. With a gold standard: recall after a share of the records, beside that of the replays
(each with constants and a prior from reviews of the other half, so that none is flattered). Without
one: the relevant records that the rankings expected among the next fifty, beside those that came.
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

from model.compare import mean_curve
from model.simulate import Run

SHIPPED: Final = Path(__file__).parent / "expected_curves.json"
SHARES: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
# Replays are compared with a review by its share of relevant records: the nearest so many.
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
    """Recall after a share of the records: this review's, and that of like replays.

    Attributes:
        low: tenth percentile of the replays; ``middle`` their median, ``high`` the ninetieth.
    """

    share: float
    recall: float
    low: float
    middle: float
    high: float

    @property
    def below(self) -> bool:
        """Whether nine of ten like replays had more."""
        return self.recall < self.low


@dataclass(frozen=True, slots=True)
class Foreseen:
    """Relevant records that rankings expected, and those that came, over all checked spans.

    Attributes:
        records: decided in these spans.
        low: lower end of what 95 of 100 reviews would find if ``expected`` were right (Poisson);
            ``high`` the upper end.
    """

    records: int
    expected: float
    found: int
    low: int
    high: int

    @property
    def off(self) -> bool:
        """Whether what came lies outside."""
        return not self.low <= self.found <= self.high


def expected_of(runs: Sequence[Run]) -> list[Replayed]:
    """Mean recall of each data set's replays."""
    by_set: dict[str, list[Run]] = {}
    for run in runs:
        by_set.setdefault(run.data_set, []).append(run)
    shares = np.array(SHARES)
    return [
        Replayed(
            name,
            own[0].records,
            own[0].relevant / own[0].records,
            tuple(
                round(float(v), 4) for v in mean_curve([run.labels for run in own], shares)["mean"]
            ),
        )
        for name, own in sorted(by_set.items())
    ]


def save(replayed: Sequence[Replayed], path: Path) -> None:
    """Write expectations to a file; ``load`` gives them back."""
    body = {
        "what": "mean recall of replays after shares of the records; made by benchmarks/ranking.py",
        "shares": list(SHARES),
        "sets": [
            {
                "name": each.name,
                "records": each.records,
                "prevalence": round(each.prevalence, 5),
                "recall": list(each.recall),
            }
            for each in replayed
        ],
    }
    path.write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")


@functools.cache
def load(path: Path = SHIPPED) -> tuple[Replayed, ...]:
    """Expectations from their file.

    Raises:
        ValueError: the file is not one of ours.
    """
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if tuple(data["shares"]) != SHARES:
            raise ValueError(f"{path} was made for other shares; make it again")
        return tuple(
            Replayed(s["name"], s["records"], s["prevalence"], tuple(s["recall"]))
            for s in data["sets"]
        )
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} holds no expected curves: {error!r}") from error


def bands(
    labels: NDArray[np.bool_], replayed: Sequence[Replayed], *, read: int
) -> tuple[Band, ...]:
    """Recall after each share that is read, beside like replays.

    Args:
        labels: shape (n_records,), True where known relevant, in screening order; one at least.
        replayed: finished reviews.
        read: records decided so far; what lies beyond is not judged.
    """
    prevalence = float(labels.mean())
    alike = sorted(replayed, key=lambda each: abs(np.log(each.prevalence / prevalence)))[:_NEAREST]
    recalls = mean_curve([labels], np.array(SHARES))["mean"]
    found = []
    for at, share in enumerate(SHARES):
        if share * len(labels) > read:
            break
        low, middle, high = np.percentile([each.recall[at] for each in alike], [10, 50, 90])
        found.append(Band(share, float(recalls[at]), float(low), float(middle), float(high)))
    return tuple(found)


def foreseen(
    expectations: Sequence[tuple[int, float]], decided: NDArray[np.bool_], *, span: int
) -> Foreseen | None:
    """What rankings expected of the next ``span`` records, and what came; None before a full span.

    Spans do not overlap: after one is taken, the next begins with the first ranking made when it
    was over.

    Args:
        expectations: for rankings in their order, decisions that each knew and relevant records
            that it expected among the next ``span``.
        decided: shape (n_decisions,), True where relevant, in screening order.
        span: records that an expectation is of.
    """
    total, found, records, free_from = 0.0, 0, 0, 0
    for known, expected in expectations:
        if known < free_from or known + span > len(decided):
            continue
        total += expected
        found += int(decided[known : known + span].sum())
        records += span
        free_from = known + span
    if records == 0:
        return None
    low = next(k for k in range(records + 1) if _at_most(k, total) > 0.025)
    high = next((k for k in range(records + 1) if _at_most(k, total) >= 0.975), records)
    return Foreseen(records, total, found, low, high)


def _at_most(count: int, mean: float) -> float:
    return float(pdtr(count, mean))
