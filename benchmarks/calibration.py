"""Compare how many relevant records rankings expect among the next ones with how many come.

Run: python -m benchmarks.calibration [--quick]. The default pipeline replays the labelled sets and
reads on past the last relevant record, as a team does. Its study language is learned on the other
half of the sets. After some numbers of decisions, the number expected among the next 20, 50 and 100
records is compared with the number found there.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
from joblib import Parallel, delayed

from api import resources
from api.services.ranking.ranker import summarise_expectations
from api.services.ranking.replaying import Task, build_features
from benchmarks.measuring import write
from benchmarks.ranking import Material, chosen_material
from model.evaluation.simulate import Plan, draw_priors, reads_before_refit
from model.order import Evidence, PoolRanker

CHECKED = (10, 15, 20, 30, 40, 50, 60, 80, 100, 150, 200, 300, 400, 600, 800, 1200, 1600, 2400)
BANDS = (("to 50", 50), ("to 150", 150), ("to 400", 400), ("over 400", 10**9))
_SEEDS = 2
# (decisions, next so many, expected, found)
Check = tuple[int, int, float, int]


def checks(stuff: Material, name: str, seed: int) -> list[Check]:
    """Replay a set once, and check the order after the numbers of decisions in ``CHECKED``."""
    data = stuff.sets[name]
    pipeline = resources.pipeline("default")
    plan = Plan(seed, refit="thinning")
    pool = build_features(Task(data, pipeline, plan, stuff.vectors[name], stuff.prior_for(name)))
    ranker = PoolRanker(pool, pipeline, seed=seed)
    return [*_checks(ranker, data.y, plan)]


def _checks(ranker: PoolRanker, y: Any, plan: Plan) -> Iterator[Check]:
    labelled = [*draw_priors(y, np.random.default_rng(plan.seed))]
    unread = np.ones(len(y), bool)
    unread[labelled] = False
    none = np.array([], np.int64)
    left = [*CHECKED]
    while left and unread.any():
        rows = np.array(labelled, np.int64)
        ranked = ranker.rank(Evidence(rows, y[rows], unread, none, none))
        while left and len(labelled) - 2 >= left[0]:
            at = left.pop(0)
            for wanted, number in summarise_expectations(ranker.curve(), ranked).items():
                if int(wanted) <= len(ranked.order):
                    yield at, int(wanted), number, int(y[ranked.order[: int(wanted)]].sum())
        reads = reads_before_refit(plan.refit, len(labelled), len(y))
        new = ranked.order[:reads].tolist()
        labelled += new
        unread[new] = False


def figures(found: list[Check]) -> list[dict[str, Any]]:
    """Sums and errors, by how many records were looked at and how many decisions there were."""
    by: dict[tuple[int, str], list[Check]] = defaultdict(list)
    for check in found:
        band = next(name for name, most in BANDS if check[0] <= most)
        by[check[1], band].append(check)
        by[check[1], "all"].append(check)
    return [
        {
            "next": wanted,
            "decisions": band,
            "checks": len(own),
            "expected": sum(each[2] for each in own),
            "found": sum(each[3] for each in own),
            "mean_error": float(np.mean([abs(each[2] - each[3]) for each in own])),
        }
        for (wanted, band), own in sorted(
            by.items(), key=lambda pair: (pair[0][0], [*dict(BANDS), "all"].index(pair[0][1]))
        )
    ]


def main() -> None:
    """Measure and write benchmarks/results/calibration.json."""
    stuff, quick = chosen_material(str(__doc__))
    seeds = 1 if quick else _SEEDS
    start = time.perf_counter()
    runs = Parallel(n_jobs=2)(
        delayed(checks)(stuff, name, seed) for name in stuff.sets for seed in range(seeds)
    )
    print(f"replays: {time.perf_counter() - start:.0f} s", flush=True)
    body = {
        "sets": len(stuff.sets),
        "seeds": seeds,
        "figures": figures([check for run in runs for check in run]),
    }
    write("calibration-quick" if quick else "calibration", body)


if __name__ == "__main__":
    main()
