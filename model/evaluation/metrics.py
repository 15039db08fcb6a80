"""Metrics of a screening order. Labels are boolean, in the order in which records are read."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.bool_]


def _relevant(labels: Labels) -> int:
    relevant = int(labels.sum())
    if relevant == 0:
        raise ValueError("no record is relevant, so recall is undefined")
    return relevant


def recall_at(labels: Labels, k: int) -> float:
    """Share of the relevant records among the first k read.

    Args:
        labels: shape (n_records,), True where relevant, in screening order.
        k: number of records read, 0 or more; beyond the end it means all of them.

    Raises:
        ValueError: no record is relevant, or k is negative.
    """
    if k < 0:
        raise ValueError(f"k must be 0 or more, not {k}")
    return int(labels[:k].sum()) / _relevant(labels)


def reads_to(labels: Labels, recall: float) -> int:
    """How many records must be read to reach a recall.

    Args:
        labels: shape (n_records,), True where relevant, in screening order.
        recall: above 0, at most 1.

    Raises:
        ValueError: no record is relevant, or the recall is out of range.
    """
    if not 0 < recall <= 1:
        raise ValueError(f"recall must be above 0 and at most 1, not {recall}")
    # 0.95 * 20 is 19.000000000000004 in binary; the right number is 19.
    needed = math.ceil(recall * _relevant(labels) - 1e-9)
    return int(np.searchsorted(np.cumsum(labels), needed)) + 1


def wss_at(labels: Labels, recall: float = 0.95) -> float:
    """Work saved over sampling at a recall (Cohen 2006, doi:10.1197/jamia.M1929).

    Args:
        labels: shape (n_records,), True where relevant, in screening order.
        recall: above 0, at most 1.

    Returns:
        (records left unread) / n_records - (1 - recall).

    Raises:
        ValueError: no record is relevant, or the recall is out of range.
    """
    return (len(labels) - reads_to(labels, recall)) / len(labels) - (1 - recall)


def atd(labels: Labels) -> float:
    """Average time to discovery: mean share of the records read when a relevant one is found.

    Ferdinands et al. 2023 (doi:10.1186/s13643-023-02257-7), as a share so that data sets of
    different sizes can be compared.

    Args:
        labels: shape (n_records,), True where relevant, in screening order.

    Raises:
        ValueError: no record is relevant.
    """
    _relevant(labels)
    return float((np.flatnonzero(labels) + 1).mean()) / len(labels)


def loss(labels: Labels) -> float:
    """Area between the recall curve and the perfect one, relative to the worst curve (ASReview 3).

    Args:
        labels: shape (n_records,), True where relevant, in screening order.

    Returns:
        0 for a perfect order, 1 for its reverse.

    Raises:
        ValueError: a class is missing from the labels.
    """
    relevant, n = int(labels.sum()), len(labels)
    if relevant in (0, n):
        raise ValueError("the loss needs relevant and irrelevant records")
    best = relevant * (n - (relevant - 1) / 2)
    return float((best - np.cumsum(labels).sum()) / (relevant * (n - relevant)))


def ndcg(labels: Labels) -> float:
    """Normalised discounted cumulative gain with binary gains (arXiv:1304.6480).

    Args:
        labels: shape (n_records,), True where relevant, in screening order.

    Raises:
        ValueError: no record is relevant.
    """
    relevant = _relevant(labels)
    places = np.arange(2, len(labels) + 2)
    gain = float((labels / np.log2(places)).sum())
    return gain / float((1 / np.log2(places[:relevant])).sum())


def wilson(found: int, counted: int, *, confidence: float = 0.95) -> tuple[float, float] | None:
    """Wilson's score interval of a share (Wilson 1927, J. Am. Stat. Assoc. 22:209).

    It treats the counted records as a random sample. None if there are none.

    Args:
        found: successes, from 0 to ``counted``.
        counted: trials.
        confidence: from 0 to 1.
    """
    if counted == 0:
        return None
    # Imported here: it is slow to import, and few callers of this module need it.
    from scipy.special import ndtri

    z = float(ndtri((1 + confidence) / 2))
    share, square = found / counted, z * z / counted
    middle = (share + square / 2) / (1 + square)
    half = z / (1 + square) * math.sqrt(share * (1 - share) / counted + square / (4 * counted))
    return max(0.0, middle - half), min(1.0, middle + half)
