from __future__ import annotations

import numpy as np
import pytest

from model.evaluation.drift import (
    SHARES,
    Replayed,
    compare_expectations,
    compare_recall,
    load,
)


def replayed(prevalence: float, recall: float) -> Replayed:
    return Replayed(f"p{prevalence}", 1000, prevalence, (recall,) * len(SHARES))


def labels(*places: int, size: int = 100) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    found = np.zeros(size, bool)
    found[np.array(places) - 1] = True
    return found


def test_a_review_is_compared_with_replays_of_its_own_prevalence_as_far_as_it_is_read() -> None:
    alike = [replayed(0.02 + 0.0001 * n, 0.5 + 0.01 * n) for n in range(15)]
    unlike = [replayed(0.5, 0.0) for _ in range(15)]
    found = compare_recall(labels(5, 90), [*unlike, *alike], read=20)
    assert [band.share for band in found] == [0.01, 0.02, 0.05, 0.1, 0.2]
    assert [band.recall for band in found] == [0, 0, 0.5, 0.5, 0.5]
    assert found[0].middle == pytest.approx(0.57)
    assert found[0].low == pytest.approx(0.514)
    assert not compare_recall(labels(1, 2), alike, read=20)[-1].below


def test_a_few_late_records_are_no_sign_but_many_are() -> None:
    alike = [replayed(0.02 + 0.0001 * n, 0.5 + 0.01 * n) for n in range(15)]
    # None of two: the upper end of Wilson's interval is 0.66, and nine in ten replays have 0.51.
    few = compare_recall(labels(80, 90), alike, read=20)
    assert [(band.counted, band.below) for band in few] == [(2, False)] * 5
    # None of ten: 0.28.
    many = compare_recall(labels(*range(80, 90)), alike, read=20)
    assert [(band.counted, band.below) for band in many] == [(10, True)] * 5


def test_spans_do_not_overlap_and_only_full_ones_count() -> None:
    decided = labels(1, 2, 3, 30, size=40)
    expectations = [(0, 3.0), (5, 9.0), (12, 1.0), (25, 4.0), (35, 99.0)]
    found = compare_expectations(expectations, decided, span=10)
    assert found is not None
    assert (found.records, found.expected, found.found) == (30, 8.0, 4)
    # Of a Poisson count with mean 8, 2.5 % lie below 3 and 97.5 % at or below 14.
    assert (found.low, found.high) == (3, 14)
    assert not found.off
    assert compare_expectations([(35, 1.0)], decided, span=10) is None
    far = compare_expectations([(0, 30.0)], labels(1, size=50), span=50)
    assert far is not None
    assert far.off


def test_the_shipped_expectations_are_of_finished_reviews() -> None:
    found = load()
    assert len(found) == 41
    for each in found:
        assert 0 < each.prevalence < 0.5
        assert list(each.recall) == sorted(each.recall)
        assert each.recall[-1] > 0.9
