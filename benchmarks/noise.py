"""Measure what a single screener's mistakes do to a ranking.

Run: python -m benchmarks.noise [--quick]. Each replay gets labels with as many mistakes
as single screeners make: a share of the relevant records is labelled irrelevant, and a few of the
others relevant. Figures use the true labels, to the last relevant record. The study language is
learned on the other half of the sets.
"""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np
from joblib import Parallel, delayed

from api import resources
from api.services.ranking.replaying import Task, build_features
from benchmarks.measuring import write
from benchmarks.ranking import LARGE, Material, chosen_material, u4
from model.evaluation.compare import geometric_mean
from model.evaluation.simulate import Plan, measure, replay
from model.pipeline import Pipeline

# Median of single screeners against the team's decision in 15 dual-coded social-welfare reviews.
RECALL, SPECIFICITY = 0.79, 0.975
_SEEDS = 3


def draw_mistakes(y: Any, seed: int) -> tuple[int, ...]:
    """Rows that one screener labels wrongly."""
    rng = np.random.default_rng([seed, 79])
    right = rng.random(len(y)) < np.where(y, RECALL, SPECIFICITY)
    return tuple(np.flatnonzero(~right).tolist())


def losses(stuff: Material, name: str, pipeline: Pipeline, seeds: int) -> dict[str, float]:
    """Mean loss and work to the last for one set, with right labels and with mistakes."""
    data, vectors = stuff.sets[name], stuff.vectors[name]
    needed = vectors if pipeline.needs_encoder else None
    plan = Plan(0, refit="thinning")
    pool = build_features(Task(data, pipeline, plan, needed, stuff.prior_for(name)))
    found: dict[str, list[float]] = {}
    for seed in range(seeds):
        for kind, mistakes in (("right", ()), ("mistaken", draw_mistakes(data.y, seed))):
            own = dataclasses.replace(plan, seed=seed, mistakes=mistakes)
            run = measure(name, pipeline, own, data.y, replay(pool, data.y, pipeline, own))
            found.setdefault(f"loss_{kind}", []).append(run.loss)
            found.setdefault(f"work_{kind}", []).append(run.work_to_last)
    return {figure: float(np.mean(values)) for figure, values in found.items()}


def main() -> None:
    """Measure and write benchmarks/results/noise.json."""
    stuff, quick = chosen_material(str(__doc__))
    names = [name for name, data in stuff.sets.items() if len(data.y) < LARGE]
    pipelines = {"default": resources.pipeline("default"), "elas-u4": u4()}
    start = time.perf_counter()
    made = Parallel(n_jobs=2)(
        delayed(losses)(stuff, name, pipeline, 1 if quick else _SEEDS)
        for name in names
        for pipeline in pipelines.values()
    )
    print(f"replays: {time.perf_counter() - start:.0f} s", flush=True)
    by_pipeline = {
        kind: dict(zip(names, made[at :: len(pipelines)], strict=True))
        for at, kind in enumerate(pipelines)
    }
    body = {
        "recall": RECALL,
        "specificity": SPECIFICITY,
        "sets": len(names),
        "seeds": 1 if quick else _SEEDS,
        "pipelines": {
            kind: {
                "loss_right": geometric_mean([each["loss_right"] for each in own.values()]),
                "loss_mistaken": geometric_mean([each["loss_mistaken"] for each in own.values()]),
                "work_right": float(np.mean([each["work_right"] for each in own.values()])),
                "work_mistaken": float(np.mean([each["work_mistaken"] for each in own.values()])),
            }
            for kind, own in by_pipeline.items()
        },
        "default_over_u4_mistaken": geometric_mean(
            [
                by_pipeline["default"][name]["loss_mistaken"]
                / by_pipeline["elas-u4"][name]["loss_mistaken"]
                for name in names
            ]
        ),
    }
    write("noise-quick" if quick else "noise", body)


if __name__ == "__main__":
    main()
