"""Simulate what screening plans find and cost, with people who make mistakes at measured rates.

Run: python -m benchmarks.teams [--quick] (a quarter of an hour). Finished reviews are screened
again to the last record by two people. Their recall and specificity are those of single screeners
in dual-coded social-welfare reviews, measured against the decisions that the teams agreed on.
Conflicts are always settled correctly. Real mistakes are not independent of one another: two people
miss the same hard records more often than here, so the figures for two people are upper limits. The
study language is learned on the other half.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from joblib import Parallel, delayed

from api import resources
from api.services.ranking.replaying import Task, build_features
from benchmarks.measuring import write
from benchmarks.ranking import Material, chosen_material
from benchmarks.team_simulation import Pool, Screeners, TeamPlan, TeamResult, simulate_team
from model.evaluation.simulate import Plan

# Recall and specificity of one screener, pooled over a review's screeners, in 15 dual-coded
# reviews of VIVE and NIPH (MikkelVembye/screen_benchmarks).
SCREENERS = (
    *((0.773, 0.989), (0.806, 0.931), (0.893, 0.980), (0.830, 0.960), (0.767, 0.963)),
    *((0.842, 0.966), (0.757, 0.991), (0.925, 0.995), (0.869, 0.996), (0.791, 0.978)),
    *((0.790, 0.946), (0.749, 0.949), (0.752, 0.978), (0.775, 0.999), (0.750, 0.991)),
)
SETS = (
    "VIVE_child_ratio",
    "NIPH_WHO_chronic_pain_QES",
    "Nagtegaal_2019",
    "Kwok_2020",
    "SE_ESPLE",
    "Bannach-Brown_2019",
    "Cohen_2006_ACEInhibitors",
    "SYNERGY_Jeyaraman_2020",
)
PLANS: dict[str, TeamPlan] = {
    "single": TeamPlan(),
    "single, a second looks at the 5 % likeliest misses": TeamPlan(misses=0.05),
    "the first 20 % dual, then single": TeamPlan(first_dual=0.2),
    "20 % dual, a second looks at all other excludes": TeamPlan(dual_share=0.2, second_look=1.0),
    "single, a second looks at all excludes": TeamPlan(second_look=1.0),
    "dual": TeamPlan(dual_share=1.0),
}
ALL = {
    "dual, the ranking learns from every decision": TeamPlan(dual_share=1.0, learn="all"),
    "excludes looked at, the ranking learns from every decision": TeamPlan(
        second_look=1.0, learn="all"
    ),
}
_SEEDS = 3


def simulate_plans(stuff: Material, name: str, seeds: int) -> dict[str, list[dict[str, float]]]:
    """Run every plan on one set, each with the same people."""
    data, vectors = stuff.sets[name], stuff.vectors[name]
    pipeline = resources.pipeline("default")
    task = Task(data, pipeline, Plan(0, refit="thinning"), vectors, stuff.prior_for(name))
    features = build_features(task)
    pool = Pool(features, data.y, pipeline, tuple(range(len(data.y), features.size)))
    figures: dict[str, list[dict[str, float]]] = {}
    for kind, plan in {**PLANS, **ALL}.items():
        for seed in range(seeds):
            # Each set gets its own people; all plans get the same ones.
            at = (SETS.index(name) * _SEEDS + seed) % len(SCREENERS)
            recall, specificity = SCREENERS[at]
            screeners = Screeners((recall,) * 2, (specificity,) * 2)
            result = simulate_team(pool, screeners, plan, seed=seed)
            figures.setdefault(kind, []).append(_figures(result))
    return figures


def _figures(result: TeamResult) -> dict[str, float]:
    return {
        "found": result.found / result.relevant,
        "false_per_100_found": 100 * result.false / max(1, result.found),
        "decisions_per_record": result.decisions / result.records,
        "adjudications_per_1000": 1000 * result.adjudications / result.records,
        "found_after_half": result.found_after(result.records // 2),
        "found_after_one_each": result.found_after(result.records),
        "missed_found": result.missed_found / result.relevant,
    }


def main() -> None:
    """Measure and write benchmarks/results/teams.json."""
    stuff, quick = chosen_material(str(__doc__))
    names = [name for name in SETS if name in stuff.sets]
    start = time.perf_counter()
    by_set = dict(
        zip(
            names,
            Parallel(n_jobs=2)(
                delayed(simulate_plans)(stuff, name, 1 if quick else _SEEDS) for name in names
            ),
            strict=True,
        )
    )
    print(f"simulations: {time.perf_counter() - start:.0f} s", flush=True)
    body: dict[str, Any] = {
        "sets": {name: {"records": len(stuff.sets[name].y)} for name in names},
        "seeds": 1 if quick else _SEEDS,
        "recall": [recall for recall, _ in SCREENERS],
        "specificity": [specificity for _, specificity in SCREENERS],
        "plans": {},
    }
    for kind in (*PLANS, *ALL):
        own = {name: by_set[name][kind] for name in names}
        means = {
            name: {figure: float(np.mean([each[figure] for each in runs])) for figure in runs[0]}
            for name, runs in own.items()
        }
        body["plans"][kind] = {
            "mean": {
                figure: float(np.mean([each[figure] for each in means.values()]))
                for figure in next(iter(means.values()))
            },
            "lowest_found": min(each["found"] for each in means.values()),
            "highest_found": max(each["found"] for each in means.values()),
            "sets": means,
        }
    write("teams-quick" if quick else "teams", body)


if __name__ == "__main__":
    main()
