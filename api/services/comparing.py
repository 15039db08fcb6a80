"""What other orders would have reached: replays of this review by the default and by ELAS u4."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from api import resources
from api.services.ranking import RELEVANT, Ranker
from model.evaluate import Match
from model.simulate import Plan, replay
from store import answers, decisions
from store.session import ReadSession, Store

KIND = "comparison"
NOTE = (
    "Replays start as the review did, from its protocol and seeds, and know each decision when its "
    "record is reached; an unread record that no list names counts as irrelevant."
)


@dataclass(frozen=True, slots=True)
class Beside:
    """Places at which other orders reach the known relevant records.

    Attributes:
        orders: by pipeline, from 1, rising; seeds left out.
        reports: records in each order.
        decisions: decisions that were known when it was made.
    """

    orders: Mapping[str, tuple[int, ...]]
    reports: int
    decisions: int

    def recall_at(self, pipeline: str, depth: str) -> float:
        """Recall after a number of records ("100") or a share of them ("10%")."""
        share = depth.endswith("%")
        reads = int(float(depth[:-1]) / 100 * self.reports + 1e-9) if share else int(depth)
        places = self.orders[pipeline]
        return sum(place <= reads for place in places) / len(places)


def compare(
    ranker: Ranker,
    store: Store,
    review_id: int,
    matches: Sequence[Match],
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Beside:
    """Replay a review by the pipeline that ranks it and by ELAS u4.

    Args:
        ranker: holds or makes the review's features.
        store: the database.
        review_id: the review.
        matches: known relevant records, as the evaluation matched them.
        progress: called with (records read, records in both replays); may raise to interrupt.

    Raises:
        ValueError: no known relevant record is held out and among the records.
    """
    material = ranker.material(review_id, progress)
    with store.read() as session:
        labels = decisions.labels(session, review_id)
    rows = material.row_of
    wanted = np.zeros(len(rows), bool)
    seeds = np.zeros(len(rows), bool)
    for m in matches:
        if m.report_id in rows and m.in_scope:
            (seeds if m.known.ranking_use == "seed" else wanted)[rows[m.report_id]] = True
    wanted &= ~seeds
    if not wanted.any():
        raise ValueError("no known relevant record is held out and among the review's records")
    y = wanted | seeds
    for label in labels:
        if label.report_id in rows:
            # What a list names is relevant whatever the team said: else nothing could be reached.
            y[rows[label.report_id]] |= label.decision in RELEVANT
    plan = Plan(
        seed=material.seed,
        refit="thinning",
        priors=False,
        queries=tuple(material.queries.tolist()),
        seeds=tuple(material.seeds.tolist()),
    )
    pipelines = [
        material.pipeline,
        dataclasses.replace(resources.pipeline("elas-u4"), solver="dual"),
    ]
    orders: dict[str, tuple[int, ...]] = {}
    for number, pipeline in enumerate(pipelines):

        def told(done: int, before: int = number * len(rows)) -> None:
            if progress:
                progress(before + done, len(pipelines) * len(rows))

        order, _ = replay(material.features, y, pipeline, plan, progress=told)
        read = [row for row in order if not seeds[row]]
        orders[pipeline.name] = tuple(
            place for place, row in enumerate(read, start=1) if wanted[row]
        )
    return Beside(orders, int((~seeds).sum()), len(labels))


def keep(store: Store, review_id: int, beside: Beside) -> None:
    """Keep a comparison for the pages."""
    with store.write() as session:
        answers.keep(session, review_id, KIND, as_json(beside))


def kept(session: ReadSession, review_id: int) -> Beside | None:
    """The comparison that was asked for last; None where nobody asked."""
    found = answers.newest(session, review_id, KIND)
    if found is None:
        return None
    body = found.body
    orders = {name: tuple(places) for name, places in body["orders"].items()}
    return Beside(orders, body["reports"], body["decisions"])


def as_json(beside: Beside) -> dict[str, Any]:
    """A comparison as JSON."""
    return {
        "orders": {name: list(places) for name, places in beside.orders.items()},
        "reports": beside.reports,
        "decisions": beside.decisions,
        "note": NOTE,
    }
