from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from api import resources
from api.services.ranking.replaying import (
    LabelledSet,
    RunLog,
    Task,
    read_labelled_set,
    run_all,
    with_question,
)
from harvest.errors import UnreadableFile
from model.evaluation.simulate import Plan
from tests.model.corpora import documents, hashed

U4 = resources.pipeline("elas-u4")


def _data(seed: int = 1) -> LabelledSet:
    made, y = documents(6, 30, np.random.default_rng(seed))
    return LabelledSet(f"set-{seed}", made, y)


def _tasks(seeds: int, *sets: LabelledSet) -> list[Task]:
    return [
        Task(data, U4, Plan(seed), None, None)
        for data in sets or (_data(),)
        for seed in range(seeds)
    ]


def test_runs_are_given_in_the_order_of_their_tasks(tmp_path: Path) -> None:
    tasks = _tasks(3, _data(1), _data(2))
    alone = run_all(tasks)
    together = run_all(tasks, jobs=2, log=RunLog(tmp_path / "runs.csv"))
    assert [(run.data_set, run.seed, run.order) for run in alone] == [
        (run.data_set, run.seed, run.order) for run in together
    ]


def test_an_interrupted_study_continues_where_it_stopped(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "runs.csv")
    first = run_all(_tasks(2), log=log)
    # Cut off in the middle of the third line, as a kill would do.
    with (tmp_path / "runs.csv").open("a") as stream:
        stream.write("set-1,elas-u4,abc")
    said: list[tuple[int, int]] = []
    runs = run_all(_tasks(4), log=log, progress=lambda done, total: said.append((done, total)))
    assert said[0] == (2, 4)
    assert said[-1] == (4, 4)
    assert [replace(run, order=()) for run in first] == runs[:2]
    assert len(log.read()) == 4
    # Nothing is left to do, so nothing is run again.
    assert run_all(_tasks(4), log=log)[3].seconds == runs[3].seconds


def test_runs_of_another_plan_or_pipeline_are_not_reused(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "runs.csv")
    data = _data()
    plans = [Plan(0), Plan(0, refit="thinning"), Plan(0, fit_until=5), Plan(1)]
    plans += [Plan(0, mistakes=(1,)), Plan(0, mistakes=(2,))]
    tasks = [Task(data, U4, plan, None, None) for plan in plans]
    tasks.append(Task(data, replace(U4, solver="dual"), Plan(0), None, None))
    run_all(tasks, log=log)
    # The same name with other labels is another set.
    tasks.append(Task(replace(data, y=data.y[::-1].copy()), U4, Plan(0), None, None))
    run_all(tasks, log=log)
    assert len({task.key for task in tasks}) == len(log.read()) == 8


def test_a_run_whose_line_was_cut_off_is_repeated(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    whole = run_all(_tasks(2), log=RunLog(path))
    # Every column is still there; only the last place has lost its last digit.
    path.write_bytes(path.read_bytes().rstrip()[:-1])
    assert len(RunLog(path).read()) == 1
    again = run_all(_tasks(2), log=RunLog(path))
    assert [run.places for run in again] == [run.places for run in whole]


def test_another_prior_makes_different_runs() -> None:
    data = _data()
    pipeline = resources.pipeline("default")
    vectors = hashed([document.prose for document in data.documents])
    prior = resources.study_prior().for_encoder(None)
    other = replace(prior, terms={"trial": 1.0})
    one, two = (Task(data, pipeline, Plan(0), vectors, each) for each in (prior, other))
    assert one.key != two.key
    # A pipeline without a prior gives the same result with any prior.
    assert Task(data, U4, Plan(0), None, prior).key == Task(data, U4, Plan(0), None, other).key


def test_a_file_that_is_no_log_is_refused_with_its_line_number(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("title,label\na,1\nb,0\n")
    with pytest.raises(UnreadableFile, match=r"line 2 of runs\.csv is not a run"):
        run_all(_tasks(1), log=RunLog(path))
    assert path.read_text().startswith("title,label")


def test_a_question_can_start_a_replay_without_any_label() -> None:
    data = with_question(_data(3), "integrated children social work and health care")
    pipeline = resources.pipeline("default")
    vectors = hashed([document.prose for document in data.texts])
    prior = resources.study_prior().for_encoder(None)
    cold, both = (Plan(0, priors=priors, queries=(len(data.y),)) for priors in (False, True))
    runs = run_all([Task(data, pipeline, plan, vectors, prior) for plan in (cold, both)])
    assert [run.start for run in runs] == ["question", "priors and question"]
    # Nothing is taken out beforehand, so all 36 records count; with priors, 34 do.
    assert [(run.records, run.relevant) for run in runs] == [(36, 6), (34, 5)]
    assert runs[0].loss < 0.2
    assert len(data.y) not in runs[0].order


def test_an_order_that_is_no_longer_fitted_still_reads_everything() -> None:
    (run,) = run_all([Task(_data(), U4, Plan(0, fit_until=3), None, None)])
    assert run.fits == 2
    assert run.relevant == len(run.places) == 5


def test_records_without_a_label_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "set.csv"
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows(
            [["title", "abstract", "label"], ["a", "b", "1"], ["c", "d", ""]]
        )
    with pytest.raises(UnreadableFile, match="record 2 has no relevance label"):
        read_labelled_set(path)
