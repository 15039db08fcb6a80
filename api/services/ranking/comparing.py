"""Replays of a review in other orders: when would each have reached the known relevant records?"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from api import resources
from api.services.ranking.ranker import Ranker
from api.services.ranking.review_features import ReviewFeatures
from model.evaluation.matching import Match
from model.evaluation.screening_recall import FOUND
from model.evaluation.simulate import Plan, replay
from store.core import jobs
from store.core.session import ReadSession, Store
from store.screening import decision_labels, model_answers
from store.screening.decision_labels import Label

KIND = "comparison"
NOTE = (
    "Replays start as the review did, from its protocol and seeds, and learn each decision when "
    "they reach its record. An unread record that is on no list counts as irrelevant."
)

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class OrderComparison:
    """Places at which other orders reach the known relevant records.

    Attributes:
        orders: places by pipeline, from 1, rising; seeds are left out.
        reports: records in each order.
        decisions: decisions that the comparison was made from.
        note: how to read it.
    """

    orders: Mapping[str, tuple[int, ...]]
    reports: int
    decisions: int
    note: str = field(default=NOTE, init=False)

    def recall_at(self, pipeline: str, depth: str) -> float:
        """Recall after a number of records ("100") or a share of them ("10%")."""
        share = depth.endswith("%")
        reads = int(float(depth[:-1]) / 100 * self.reports + 1e-9) if share else int(depth)
        places = self.orders[pipeline]
        return sum(place <= reads for place in places) / len(places)


_JSON = TypeAdapter(OrderComparison)


@dataclass(frozen=True, slots=True)
class _Truth:
    """What a replay knows about the rows of the reports.

    Attributes:
        held_out: rows of the held-out known relevant records.
        seeds: rows of the known relevant records that the ranking may use.
        y: rows that count as relevant.
    """

    held_out: NDArray[np.bool_]
    seeds: NDArray[np.bool_]
    y: NDArray[np.bool_]


def ask_for_comparison(store: Store, review_id: int) -> int:
    """Start the job that will compare the review's order with others."""
    with store.write() as session:
        return jobs.start_job(session, review_id, KIND)


def compare_orders(
    ranker: Ranker,
    store: Store,
    review_id: int,
    matches: Sequence[Match],
    *,
    progress: Progress | None = None,
) -> OrderComparison:
    """Replay a review with the pipeline that ranks it and with ELAS u4.

    Args:
        ranker: has the review's features, or builds them.
        store: the database.
        review_id: the review.
        matches: known relevant records, as the evaluation matched them.
        progress: called with (records read, records in both replays); may raise to interrupt.

    Raises:
        ValueError: no known relevant record is held out and among the records.
    """
    review = ranker.get_features(review_id, progress)
    with store.read() as session:
        labels = decision_labels.list_labels(session, review_id)
    truth = _find_truth(review.rows.row_of, matches, labels)
    elas_u4 = dataclasses.replace(resources.pipeline("elas-u4"), solver="dual")
    pipelines = [review.pipeline, elas_u4]
    n = len(truth.y)
    orders: dict[str, tuple[int, ...]] = {}
    for number, pipeline in enumerate(pipelines):

        def report(done: int, before: int = number * n) -> None:
            if progress:
                progress(before + done, len(pipelines) * n)

        plan = _plan(review)
        replayed = replay(review.features, truth.y, pipeline, plan, progress=report)
        read = [row for row in replayed.order if not truth.seeds[row]]
        places = (place for place, row in enumerate(read, start=1) if truth.held_out[row])
        orders[pipeline.name] = tuple(places)
    return OrderComparison(orders, int((~truth.seeds).sum()), len(labels))


def _find_truth(
    row_of: Mapping[int, int], matches: Sequence[Match], labels: Sequence[Label]
) -> _Truth:
    held_out = np.zeros(len(row_of), bool)
    seeds = np.zeros(len(row_of), bool)
    for matched in matches:
        row = None if matched.report_id is None else row_of.get(matched.report_id)
        if row is not None and matched.in_scope:
            (seeds if matched.known.ranking_use == "seed" else held_out)[row] = True
    held_out &= ~seeds
    if not held_out.any():
        raise ValueError("no known study that may check the order is among the review's records")
    # A listed record counts as relevant whatever the team decided; a replay could not reach it
    # otherwise.
    y = held_out | seeds
    for label in labels:
        if label.report_id in row_of:
            y[row_of[label.report_id]] |= label.decision in FOUND
    return _Truth(held_out, seeds, y)


def _plan(review: ReviewFeatures) -> Plan:
    return Plan(
        seed=review.seed,
        refit="thinning",
        priors=False,
        queries=tuple(review.rows.queries.tolist()),
        seeds=tuple(review.rows.seeds.tolist()),
    )


def store_comparison(store: Store, review_id: int, comparison: OrderComparison) -> None:
    """Store a comparison for the pages."""
    body = _JSON.dump_python(comparison, mode="json")
    with store.write() as session:
        model_answers.store_answer(session, review_id, KIND, body)


def get_comparison(session: ReadSession, review_id: int) -> OrderComparison | None:
    """The newest comparison; None if nobody asked for one."""
    answer = model_answers.get_answer(session, review_id, KIND)
    return None if answer is None else _JSON.validate_python(answer.body)
