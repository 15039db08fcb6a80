from __future__ import annotations

import numpy as np
import pytest

from api import resources
from benchmarks.measuring import DATA
from model.evaluation.simulate import Plan, Replay, draw_priors, measure, replay, simulate
from model.features import build
from model.pipeline import Pipeline, View
from tests.model.corpora import documents, features
from tests.shared import needs_shared

U4 = resources.pipeline("elas-u4")


def test_a_replay_reads_every_relevant_record_once_and_stops_at_the_last() -> None:
    made, y = documents(8, 40, np.random.default_rng(2))
    replayed = replay(features(made, U4), y, U4, Plan(3))
    order = list(replayed.order)
    priors = draw_priors(y, np.random.default_rng(3))
    assert len(set(order)) == len(order)
    assert not set(order) & set(priors)
    assert y[order].sum() == 7
    assert y[order[-1]]
    assert replayed.fits == len(order)


def test_priors_are_one_of_each_and_change_with_the_seed() -> None:
    y = np.array([True] * 20 + [False] * 80)
    drawn = {draw_priors(y, np.random.default_rng(seed)) for seed in range(40)}
    assert all(y[one] and not y[other] for one, other in drawn)
    # 40 draws from 1,600 pairs: the distribution must not be stuck.
    assert len({one for one, _ in drawn}) > 10
    assert len({other for _, other in drawn}) > 20


def test_a_screeners_mistakes_change_the_order_but_not_what_is_relevant() -> None:
    made, y = documents(8, 40, np.random.default_rng(2))
    pool = features(made, U4)
    wrong = tuple(np.flatnonzero(y)[:4].tolist())
    right, mistaken = (replay(pool, y, U4, Plan(3, mistakes=rows)) for rows in ((), wrong))
    assert y[list(mistaken.order)].sum() == 7
    assert y[mistaken.order[-1]]
    assert mistaken.order != right.order


def test_figures_leave_the_priors_out() -> None:
    # 12 records, 3 relevant. One relevant and one irrelevant are priors: 10 are left, 2 relevant,
    # found at places 1 and 4.
    y = np.array([1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0], bool)
    run = measure("d", U4, Plan(0), y, Replay((1, 3, 4, 2), 4, 1.5))
    assert run.work_to_last == pytest.approx(0.4)
    assert run.wss100 == pytest.approx(0.6)
    assert run.wss95 == pytest.approx(0.55)
    assert run.recall_at_10 == pytest.approx(0.5)
    assert run.places == (1, 4)
    # Found when 1 and 4 of 10 were read.
    assert run.atd == pytest.approx(0.25)
    assert (run.labels == y[[1, 3, 4, 2, 5, 6, 7, 8, 9, 10]]).all()
    # Cumulated 1 1 1 2 2 2 2 2 2 2 = 17; perfect 1 2 2 … = 19; (19 - 17) / (2 * 8).
    assert run.loss == pytest.approx(2 / 16)


@pytest.mark.parametrize("name", resources.pipelines())
def test_the_same_seed_gives_the_same_replay(name: str) -> None:
    pipeline = resources.pipeline(name)
    made, y = documents(6, 30, np.random.default_rng(4))
    runs = [simulate("d", features(made, pipeline), y, pipeline, Plan(1)) for _ in range(2)]
    assert runs[0].order == runs[1].order
    assert runs[0].loss < 0.2


@pytest.mark.parametrize("labels", [[1, 0, 0], [1, 1], [0, 0]])
def test_a_review_too_small_for_a_replay_is_refused(labels: list[int]) -> None:
    with pytest.raises(ValueError, match="at least 2 relevant and 1 irrelevant"):
        draw_priors(np.array(labels, bool), np.random.default_rng(0))


@needs_shared
def test_a_replay_by_our_solver_has_liblinear_s_loss() -> None:
    from api.services.ranking.replaying import read_labelled_set

    data = read_labelled_set(DATA / "VIVE_foster_adoptive_SLICE.csv.gz")
    losses = []
    for solver in ("dual", "liblinear"):
        pipeline = Pipeline("test", (View("words"),), solver=solver)
        pool = build(data.documents, pipeline, None)
        losses.append(simulate("d", pool, data.y, pipeline, Plan(1)).loss)
    assert losses[0] == pytest.approx(losses[1], rel=0.01)


def test_a_thinning_schedule_reads_a_hundredth_between_fits() -> None:
    made, y = documents(30, 400, np.random.default_rng(6))
    # Labels that no text tells: the last relevant one is found late.
    y = np.random.default_rng(7).permutation(y)
    pipeline = Pipeline("test", (View("words"),))
    pool = build(made, pipeline, None)
    each = replay(pool, y, pipeline, Plan(2)).order
    thinned = replay(pool, y, pipeline, Plan(2, refit="thinning"))
    thin = thinned.order
    # Both stop at the last relevant one, and a set of 430 has its fits one by one to 200 labels.
    assert y[list(each)].sum() == y[list(thin)].sum() == 29
    assert each[:198] == thin[:198]
    assert thinned.fits < len(thin)
