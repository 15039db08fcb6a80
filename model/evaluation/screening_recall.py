"""Recall of screening: which known relevant records have been read, and where the rest come.

Recall is called an estimate only if it was computed from records that played no part in building
the ranking.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.evaluation import metrics
from model.evaluation.bootstrap import mean_interval, percentile_interval, resample
from model.evaluation.matching import EMPTY_NOTE, OWN_INCLUDES, Match

# Decisions that count a record as found.
FOUND = ("include", "maybe")
RANKING_NOTE = "used to build the ranking: not an estimate of how early the order reaches others"
OWN_INCLUDES_NOTE = "found by reading in ranked order: not an estimate"
_DEPTHS = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
_SHARES = (0.05, 0.1, 0.2, 0.5)


@dataclass(frozen=True, slots=True)
class Read:
    """A report in screening order.

    Attributes:
        decision: the one that counts; None if there is none yet.
        started: whether somebody has decided it, though no decision counts yet.
        ranked: whether it was read, or will be, because a ranking had placed it; False for reports
            of pilot rounds, imported decisions and bulk actions.
        imported: whether its first decision came with a file; such a report says nothing about the
            order, and is left out.
    """

    report_id: int
    decision: str | None
    started: bool = False
    ranked: bool = True
    imported: bool = False

    @property
    def read(self) -> bool:
        """Whether somebody has read it."""
        return self.started or self.decision is not None


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval, by bootstrap over the known relevant records.

    Attributes:
        low: lower end; ``high`` is the upper end. If all or none of the records are reached, every
            bootstrap sample is the same, so the interval is Wilson's instead.
        random: what a random order would give on average.
    """

    value: float
    low: float
    high: float
    random: float


@dataclass(frozen=True, slots=True)
class UnreadRelevant:
    """A known relevant record that nobody has read yet."""

    report_id: int
    place: int


@dataclass(frozen=True, slots=True)
class ScreeningRecall:
    """What screening has found so far, and what the order would find.

    Attributes:
        note: why the figures are no estimate for other relevant records; None if they are.
        relevant: held-out known records that are in scope and among the review's reports.
        seeds: seeds taken out of the order; they never count as found.
        imported: other reports taken out of the order because a file brought their decision.
        reports: reports in the order, without these two.
        read: of these, the ones that somebody has read.
        found: relevant ones that were read and included (or *maybe*).
        excluded: relevant ones that were read and excluded.
        places: places of the relevant ones in the order, from 1.
        recall_at: recall after a number of records ("100") or a share of them ("10%").
        atd: mean share of the records read by the time a relevant one is reached.
        late: relevant ones that have not been read, last place first.
    """

    note: str | None
    relevant: int
    held_out: int
    out_of_scope: int
    undated: int
    unplaced: int
    seeds: int
    imported: int
    reports: int
    read: int
    found: int
    excluded: tuple[int, ...]
    places: tuple[int, ...]
    recall_at: Mapping[str, Estimate]
    wss95: Estimate | None
    wss100: float | None
    atd: Estimate | None
    reads_to_95: int | None
    reads_to_100: int | None
    late: tuple[UnreadRelevant, ...]


def screening_recall(
    matches: Sequence[Match], order: Sequence[Read], *, depths: Sequence[int] = ()
) -> ScreeningRecall:
    """Screening recall of an order: reports already decided, then the current ranking.

    Figures come from *held out* records; seeds are taken out of the order.

    Args:
        matches: known relevant records.
        order: reports in screening order.
        depths: further numbers of records at which to give recall.
    """
    held_out = [m for m in matches if m.known.ranking_use == "held_out"]
    in_scope = [m for m in held_out if m.in_scope]
    kept, relevant_ids = find_judged(matches, order)
    imported = {entry.report_id for entry in order if entry.imported}
    seeds = find_seeds(matches)
    labels = np.array([entry.report_id in relevant_ids for entry in kept], dtype=bool)
    read = [entry for entry in kept if entry.read]
    relevant = int(labels.sum())
    places = np.flatnonzero(labels) + 1
    return ScreeningRecall(
        note=_note(matches, held_out, all_read=len(read) == len(kept), relevant=relevant),
        relevant=relevant,
        held_out=len(held_out),
        out_of_scope=len(held_out) - len(in_scope),
        undated=sum(not m.dated for m in in_scope),
        unplaced=len(in_scope)
        - relevant
        - len({m.report_id for m in in_scope if m.report_id in imported - seeds}),
        seeds=sum(entry.report_id in seeds for entry in order),
        imported=len(imported - seeds),
        reports=len(kept),
        read=len(read),
        found=sum(e.report_id in relevant_ids and e.decision in FOUND for e in read),
        excluded=tuple(
            e.report_id for e in read if e.report_id in relevant_ids and e.decision == "exclude"
        ),
        places=tuple(places.tolist()),
        recall_at=_recalls(places, len(kept), depths) if relevant else {},
        wss95=_wss95(places, len(kept)) if relevant else None,
        wss100=metrics.wss_at(labels, 1.0) if relevant else None,
        atd=_atd(places, len(kept)) if relevant else None,
        reads_to_95=metrics.reads_to(labels, 0.95) if relevant else None,
        reads_to_100=metrics.reads_to(labels, 1.0) if relevant else None,
        late=tuple(
            UnreadRelevant(kept[place - 1].report_id, place)
            for place in places.tolist()[::-1]
            if not kept[place - 1].read
        ),
    )


def find_seeds(matches: Sequence[Match]) -> set[int]:
    """Ids of the reports that the ranking was shown."""
    return {m.report_id for m in matches if m.known.ranking_use == "seed" and m.report_id}


def find_judged(matches: Sequence[Match], order: Sequence[Read]) -> tuple[list[Read], set[int]]:
    """The order without seeds and imported decisions, and the reports it is judged by."""
    left_out = find_seeds(matches) | {entry.report_id for entry in order if entry.imported}
    held_out = {
        m.report_id
        for m in matches
        if m.known.ranking_use == "held_out" and m.in_scope and m.report_id is not None
    }
    return [entry for entry in order if entry.report_id not in left_out], held_out - left_out


def _note(
    matches: Sequence[Match], held_out: Sequence[Match], *, all_read: bool, relevant: int
) -> str | None:
    """Why the figures are not an estimate of how early relevant records are reached; or None."""
    if not all_read and any(m.known.origin == OWN_INCLUDES for m in held_out):
        return OWN_INCLUDES_NOTE
    if matches and not held_out:
        return RANKING_NOTE
    return None if relevant else EMPTY_NOTE


def _recalls(places: NDArray[np.int64], reports: int, depths: Sequence[int]) -> dict[str, Estimate]:
    """Recall at fixed depths before the end, at the given depths and at shares of the records."""
    samples = resample(places)
    usual = [k for k in _DEPTHS if k < reports]
    depth_of = {str(k): k for k in sorted({*usual, *(min(k, reports) for k in depths)})}
    depth_of |= {f"{share:.0%}": int(share * reports) for share in _SHARES}
    recalls = {}
    for name, depth in depth_of.items():
        reached = int((places <= depth).sum())
        value = reached / len(places)
        low, high = percentile_interval((samples <= depth).mean(axis=1))
        if reached in (0, len(places)):
            low, high = metrics.wilson(reached, len(places)) or (low, high)
        recalls[name] = Estimate(value, low, high, random=depth / reports)
    return recalls


def _wss95(places: NDArray[np.int64], reports: int) -> Estimate:
    last = int(np.ceil(0.95 * len(places) - 1e-9)) - 1
    reads = np.sort(resample(places), axis=1)[:, last]
    value = 0.95 - float(places[last]) / reports
    low, high = percentile_interval(0.95 - reads / reports)
    return Estimate(value, low, high, random=0.0)


def _atd(places: NDArray[np.int64], reports: int) -> Estimate:
    shares = places / reports
    low, high = mean_interval(shares)
    return Estimate(float(shares.mean()), low, high, random=(reports + 1) / (2 * reports))
