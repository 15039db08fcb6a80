"""Comparisons checked against figures computed by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from model.evaluation.compare import compare, geometric_mean, mean_curve
from model.evaluation.simulate import Run

RUN = Run(
    data_set="a",
    pipeline="base",
    pipeline_hash="h",
    material="m",
    seed=0,
    refit="each",
    start="priors",
    records=10,
    relevant=2,
    loss=0.2,
    ndcg=0.5,
    wss95=0.3,
    wss100=0.3,
    recall_at_10=0.5,
    atd=0.2,
    work_to_last=0.5,
    fits=3,
    seconds=1.0,
    places=(1, 4),
)


def test_a_pipeline_is_compared_on_the_sets_and_seeds_it_shares_with_the_base() -> None:
    runs = [
        RUN,
        replace(RUN, seed=1, loss=0.4),
        replace(RUN, data_set="b", loss=0.1, work_to_last=0.6),
        replace(RUN, data_set="c"),
        replace(RUN, pipeline="ours", loss=0.1, wss95=0.4),
        replace(RUN, pipeline="ours", seed=1, loss=0.2, wss95=0.4),
        replace(RUN, pipeline="ours", seed=2, loss=9),
        replace(RUN, pipeline="ours", data_set="b", loss=0.2, work_to_last=0.8),
        replace(RUN, pipeline="ours", data_set="d"),
    ]
    (found,) = compare(runs, base="base")
    assert [each.data_set for each in found.sets] == ["a", "b"]
    # Set a: means 0.15 and 0.3, so 0.5; set b: 0.2 / 0.1 = 2. Their geometric mean is 1.
    assert [each.ratio for each in found.sets] == pytest.approx([0.5, 2])
    assert found.ratio == pytest.approx(1)
    assert (found.worst, found.worst_set, found.no_worse) == (2, "b", 0.5)
    # WSS@95: +0.1 on a, 0 on b. Work to last: 0 on a, +0.2 on b.
    assert found.wss95 == pytest.approx(0.05)
    assert found.work_to_last == pytest.approx(0.1)
    assert found.work_to_last_highest == pytest.approx(0.2)
    # Both seeds of set a have the ratio 0.5, so every draw of them has.
    assert found.sets[0].interval == pytest.approx((0.5, 0.5))
    # Draws of two sets from {0.5, 2}: 0.5, 1 or 2, a quarter each at the ends.
    assert found.interval == pytest.approx((0.5, 2))


def test_an_interval_over_sets_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    covered = 0
    for _ in range(30):
        runs = []
        for name in range(25):
            base = replace(RUN, data_set=str(name))
            runs += [base, replace(base, pipeline="ours", loss=0.2 * rng.lognormal(-0.2, 0.2))]
        (found,) = compare(runs, base="base")
        assert found.interval is not None
        covered += found.interval[0] <= np.exp(-0.2) <= found.interval[1]
    assert 25 <= covered <= 30


def test_one_set_has_no_interval_over_sets_and_a_perfect_base_cannot_be_beaten() -> None:
    perfect = replace(RUN, loss=0.0)
    (found,) = compare([perfect, replace(perfect, pipeline="ours")], base="base")
    assert (found.ratio, found.interval) == (1, None)
    (found,) = compare([perfect, replace(RUN, pipeline="ours")], base="base")
    assert found.ratio == np.inf
    assert compare([RUN], base="another") == []


def test_a_geometric_mean_weighs_halving_and_doubling_alike() -> None:
    assert geometric_mean([0.5, 2, 8, 0.125]) == pytest.approx(1)
    assert geometric_mean([0, 5]) == 0


def test_curves_are_the_recall_at_each_share_of_the_records() -> None:
    one, other = np.array([1, 0, 0, 1], bool), np.array([0, 1, 0, 0], bool)
    found = mean_curve([one, other], np.array([0, 0.25, 0.5, 1]))
    assert found["lowest"].tolist() == [0, 0, 0.5, 1]
    assert found["highest"].tolist() == [0, 0.5, 1, 1]
    assert found["mean"].tolist() == [0, 0.25, 0.75, 1]
