"""Metrics checked against figures computed by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.evaluation.metrics import loss, ndcg, reads_to, recall_at, wss_at

# Ten records, relevant at places 1, 3 and 7.
HAND = np.array([1, 0, 1, 0, 0, 0, 1, 0, 0, 0], bool)


def test_recall_counts_the_relevant_among_the_first() -> None:
    assert [recall_at(HAND, k) for k in (0, 1, 3, 6, 7, 99)] == [0, 1 / 3, 2 / 3, 2 / 3, 1, 1]


def test_work_saved_is_the_unread_share_less_the_recall_given_up() -> None:
    # 95 % of 3 is 2.85, so all 3 are needed: 7 reads, 3 unread: 0.3 - 0.05.
    assert reads_to(HAND, 0.95) == 7
    assert wss_at(HAND, 0.95) == pytest.approx(0.25)
    assert wss_at(HAND, 1.0) == pytest.approx(0.3)
    # Two of three are 0.667: at recall 0.6 two suffice, found after 3 reads: 0.7 - 0.4.
    assert wss_at(HAND, 0.6) == pytest.approx(0.3)


def test_19_of_20_are_95_percent() -> None:
    labels = np.array([True] * 19 + [False] * 80 + [True])
    assert reads_to(labels, 0.95) == 19


def test_loss_is_the_area_above_the_curve() -> None:
    # Cumulated: 1 1 2 2 2 2 3 3 3 3 = 22. Perfect: 1 2 3 3 3 3 3 3 3 3 = 27. (27 - 22) / (3 * 7).
    assert loss(HAND) == pytest.approx(5 / 21)
    assert loss(np.sort(HAND)[::-1]) == 0
    assert loss(np.sort(HAND)) == pytest.approx(1)


def test_ndcg_discounts_by_the_logarithm_of_the_place() -> None:
    gained = 1 / math.log2(2) + 1 / math.log2(4) + 1 / math.log2(8)
    ideal = 1 / math.log2(2) + 1 / math.log2(3) + 1 / math.log2(4)
    assert ndcg(HAND) == pytest.approx(gained / ideal)


@pytest.mark.parametrize("metric", [ndcg, lambda y: recall_at(y, 1), lambda y: wss_at(y, 0.95)])
def test_without_a_relevant_record_nothing_is_measured(metric) -> None:  # type: ignore[no-untyped-def] # callables of labels
    with pytest.raises(ValueError, match="no record is relevant"):
        metric(np.zeros(5, bool))


@pytest.mark.parametrize("recall", [0, -1, 1.1])
def test_a_recall_out_of_range_is_refused(recall: float) -> None:
    with pytest.raises(ValueError, match="recall must be"):
        reads_to(HAND, recall)


@given(st.lists(st.booleans(), min_size=2, max_size=60).filter(lambda y: 0 < sum(y) < len(y)))
def test_loss_and_ndcg_are_fractions(labels: list[bool]) -> None:
    y = np.array(labels)
    assert 0 <= loss(y) <= 1
    assert 0 < ndcg(y) <= 1 + 1e-12
    assert recall_at(y, reads_to(y, 1.0)) == 1
