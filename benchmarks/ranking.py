"""Compare the ranking with ELAS u4 on every labelled set: tuned on one half, reported on the other.

Run: python -m benchmarks.ranking [--quick] [--jobs N]. After an interruption it goes on where it
stopped (runs are kept in benchmarks/results/ranking-runs/). Protocol: one relevant and one
irrelevant record are known; a fit after each of the first 200 labels, then after every 1 % of the
set's records, to the last relevant record; 10 seeds for sets under 3,000 records, otherwise 3. ELAS
u4 is fitted on the same schedule by our own solver; benchmarks.replay shows that this gives
ASReview's order.

The sets are split in two halves (A and B, alternating by size; two sets of one review stay
together). What a set is scored with comes only from the other half: the study-language prior and,
in the row "held out", the choice among a few pipelines. The row "default" is the pipeline that
ships, its prior trained on all sets: in-sample.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from joblib import Parallel, delayed

from api import resources
from api.services.ranking.replaying import LabelledSet, RunLog, Task, read_labelled_set, run_all
from api.settings import load
from benchmarks.expected_curves import save, summarise_replays
from benchmarks.measuring import DATA, RESULTS, write
from benchmarks.train_prior import Finished, train
from model.cache import VectorCache
from model.encode import Encoder, Vectors
from model.evaluation.compare import Comparison, SetComparison, compare, geometric_mean, summarise
from model.evaluation.drift import SHARES
from model.evaluation.drift import SHIPPED as EXPECTED
from model.evaluation.simulate import Plan, Run, Schedule
from model.pipeline import HeadStart, Pipeline, View
from model.prior import StudyPrior

BASE = "elas-u4"
HELD_OUT = "held out"
LARGE = 3000
QUICK = ("SYNERGY_Sep_2021", "SYNERGY_Donners_2021", "Cohen_2006_NSAIDS")
DENSE = 0.07
SMALLEST = 12
# Two selections of one review, which stay on one side of every split.
TOGETHER = {"SYNERGY_Chou_2004": "Cohen_2006_SkeletalMuscleRelaxants"}
TUNING_SEEDS = 3
LONGEST_TAIL = 0.10
LOG = RESULTS / "ranking-runs"


def _candidate(*, embedding: float, form: float, axes: float, every: int | None) -> Pipeline:
    """``every``: every such place in the tail goes to words alone; None for no tail."""
    default = resources.pipeline("default")
    assert default.tail is not None
    views = [View("words"), View("embedding", embedding, 0.1), View("title-words", 0.3)]
    if form:
        views.append(View("form", form, 0.1))
    if axes:
        views.append(View("study-axes", axes, 0.1))
    tail = f"tail {every}" if every else "no tail"
    name = f"embedding {embedding:g}, form {form:g}, axes {axes:g}, {tail}"
    return Pipeline(
        name,
        tuple(views),
        study_language=HeadStart(0.6, 0.6),
        variety=default.variety,
        tail=dataclasses.replace(default.tail, every=every) if every else None,
    )


def candidates() -> list[Pipeline]:
    """The few pipelines from which each half chooses one for the other."""
    return [
        _candidate(embedding=0.5, form=0.0, axes=0.0, every=None),
        _candidate(embedding=1.0, form=0.0, axes=0.0, every=None),
        _candidate(embedding=1.0, form=0.5, axes=0.0, every=4),
        _candidate(embedding=0.5, form=0.5, axes=0.4, every=4),
        _candidate(embedding=1.0, form=0.5, axes=0.4, every=3),
        _candidate(embedding=1.0, form=0.5, axes=0.4, every=4),
    ]


def u4() -> Pipeline:
    """ASReview's default, fitted by our solver: the same problem, 7 to 24 times as fast."""
    return dataclasses.replace(resources.pipeline(BASE), solver="dual")


def halves(sizes: dict[str, int]) -> dict[str, str]:
    """The half that each set is in, "A" or "B", alternating by size."""
    ordered = sorted(sizes, key=lambda name: (sizes[name], name))
    half = {name: "AB"[place % 2] for place, name in enumerate(ordered)}
    for one, other in TOGETHER.items():
        if one in half and other in half:
            half[one] = half[other]
    return half


@dataclasses.dataclass(frozen=True)
class Material:
    """The sets with their vectors, and the priors of each half and of all sets."""

    sets: dict[str, LabelledSet]
    vectors: dict[str, Vectors]
    half: dict[str, str]
    priors: dict[str, StudyPrior]

    def prior_for(self, name: str) -> StudyPrior:
        """The prior that was trained without the set."""
        return self.priors["B" if self.half[name] == "A" else "A"]

    def seeds(self, name: str) -> int:
        """The seeds that the protocol asks for."""
        return 10 if len(self.sets[name].y) < LARGE else 3


def finished(data: LabelledSet, vectors: Vectors) -> Finished:
    """A labelled set in the form that the prior is trained on."""
    return Finished(data.name, [document.words for document in data.documents], data.y, vectors)


def material(names: Sequence[str] | None = None) -> Material:
    """Read and encode the sets, split them and train the priors."""
    paths = sorted(DATA.glob("*.csv.gz"))
    read = [read_labelled_set(path) for path in paths]
    sets = {data.name: data for data in read if not names or data.name in names}
    encoder = Encoder()
    cache = VectorCache(load().data_dir / "vectors", encoder)
    start = time.perf_counter()
    vectors = {
        name: cache.vectors([document.prose for document in data.documents])
        for name, data in sets.items()
    }
    print(f"vectors: {time.perf_counter() - start:.0f} s", flush=True)
    half = halves({name: len(data.y) for name, data in sets.items()})
    priors = {
        side: train(
            [finished(sets[name], vectors[name]) for name in sorted(sets) if half[name] in side],
            encoder=encoder.identity,
        )
        for side in ("A", "B", "AB")
    }
    return Material(sets, vectors, half, priors)


def chosen_material(what: str) -> tuple[Material, bool]:
    """The material that a benchmark's command line asks for, and whether it is the quick slice.

    Args:
        what: the benchmark's help.
    """
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--quick", action="store_true", help="three small sets")
    quick = parser.parse_args().quick
    if not DATA.is_dir():
        sys.exit(f"skipped: the labelled sets are not at {DATA}")
    return material(QUICK if quick else None), quick


def priors_without(stuff: Material, names: Iterable[str], *, jobs: int) -> dict[str, StudyPrior]:
    """For each set, the prior learned on all others, which is what a new review gets."""
    twins = TOGETHER | {other: one for one, other in TOGETHER.items()}
    done = {name: finished(stuff.sets[name], stuff.vectors[name]) for name in stuff.sets}
    encoder = stuff.priors["AB"].encoder
    ordered = sorted(names)
    trained = Parallel(n_jobs=jobs)(
        delayed(train)(
            [done[each] for each in sorted(done) if each not in (name, twins.get(name))],
            encoder=encoder,
        )
        for name in ordered
    )
    return dict(zip(ordered, trained, strict=True))


def _tasks(
    stuff: Material,
    pipelines: Iterable[Pipeline],
    *,
    seeds: Callable[[str], int],
    names: Iterable[str],
    refit: Schedule = "thinning",
    prior: Callable[[str], StudyPrior] | None = None,
) -> list[Task]:
    chosen = prior or stuff.prior_for
    return [
        Task(
            data=stuff.sets[name],
            pipeline=pipeline,
            plan=Plan(seed, refit=refit),
            vectors=stuff.vectors[name] if pipeline.needs_encoder else None,
            prior=chosen(name) if pipeline.needs_prior else None,
        )
        # The largest first, so that no job is left with a long one at the end.
        for name in sorted(names, key=lambda name: -len(stuff.sets[name].y))
        for pipeline in pipelines
        for seed in range(seeds(name))
    ]


def choose(runs: Sequence[Run], names: set[str]) -> str:
    """The candidate with the lowest geometric mean of loss ratios on some sets.

    Candidates that lengthen any set's work to the last relevant record by more than the bar do not
    count, unless all of them do.
    """
    found = compare([run for run in runs if run.data_set in names], base=BASE)
    bearable = [each for each in found if each.work_to_last_highest <= LONGEST_TAIL]
    return min(bearable or found, key=lambda each: each.ratio).pipeline


def joined(parts: Sequence[Comparison], pipeline: str) -> Comparison:
    """Join comparisons of different sets."""
    sets = [each for part in parts for each in part.sets]
    return summarise(pipeline, BASE, sets, rng=np.random.default_rng(0))


def _of(runs: Sequence[Run], pipeline: str, names: set[str]) -> Comparison:
    kept = [r for r in runs if r.data_set in names and r.pipeline in (BASE, pipeline)]
    return compare(kept, base=BASE)[0]


def _figures(found: Comparison, stuff: Material) -> dict[str, Any]:
    """A comparison as JSON, with the sets above 7 % relevant listed separately."""
    share = {name: float(data.y.mean()) for name, data in stuff.sets.items()}
    dense = [each.ratio for each in found.sets if share[each.data_set] > DENSE]
    sparse = [each.ratio for each in found.sets if share[each.data_set] <= DENSE]
    body = dataclasses.asdict(found)
    return body | {
        "ratio_above_7_percent": geometric_mean(dense) if dense else None,
        "ratio_up_to_7_percent": geometric_mean(sparse) if sparse else None,
        "sets": [_set_figures(each, stuff) for each in found.sets],
    }


def _set_figures(found: SetComparison, stuff: Material) -> dict[str, Any]:
    data = stuff.sets[found.data_set]
    return dataclasses.asdict(found) | {
        "records": len(data.y),
        "relevant": int(data.y.sum()),
        "half": stuff.half[found.data_set],
    }


def main() -> None:
    """Measure and write benchmarks/results/ranking.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the six smallest sets, two seeds")
    parser.add_argument("--jobs", type=int, default=2)
    chosen = parser.parse_args()
    if not DATA.is_dir():
        sys.exit(f"skipped: the labelled sets are not at {DATA}")
    stuff = material()
    names = set(stuff.sets)
    if chosen.quick:
        names = set(sorted(names, key=lambda name: len(stuff.sets[name].y))[:6])
    name = "ranking-quick" if chosen.quick else "ranking"
    write(name, measure_all(stuff, names, quick=chosen.quick, jobs=chosen.jobs))


def _runner(quick: bool, jobs: int) -> Callable[[str, list[Task]], list[Run]]:
    LOG.mkdir(parents=True, exist_ok=True)

    def run(what: str, tasks: list[Task]) -> list[Run]:
        start = time.perf_counter()
        said = 0

        def progress(done: int, total: int) -> None:
            nonlocal said
            if done == total or done - said >= 50:
                said = done
                print(f"{what}: {done}/{total}, {time.perf_counter() - start:.0f} s", flush=True)

        log = RunLog(LOG / f"{what}{'-quick' if quick else ''}.csv")
        return run_all(tasks, jobs=jobs, log=log, progress=progress)

    return run


def measure_all(stuff: Material, names: set[str], *, quick: bool, jobs: int) -> dict[str, Any]:
    """Every comparison of the benchmark."""
    run = _runner(quick, jobs)
    all_seeds = (lambda _: 2) if quick else stuff.seeds
    tuning_seeds = lambda name: min(TUNING_SEEDS, all_seeds(name))  # noqa: E731 - one line
    few = candidates()
    base = run("u4", _tasks(stuff, [u4()], seeds=all_seeds, names=names))
    tuning = base + run("candidates", _tasks(stuff, few, seeds=tuning_seeds, names=names))
    sides = {side: {name for name in names if stuff.half[name] == side} for side in "AB"}
    # Chosen on one half, used on the other.
    picked = {"A": choose(tuning, sides["B"]), "B": choose(tuning, sides["A"])}
    parts, apart = [], []
    for side, name in picked.items():
        pipeline = next(each for each in few if each.name == name)
        found = run("candidates", _tasks(stuff, [pipeline], seeds=all_seeds, names=sides[side]))
        parts.append(_of(base + found, name, sides[side]))
        apart += [each for each in found if each.pipeline == name and each.data_set in sides[side]]
    curves = summarise_replays(apart)
    if not quick:
        save(curves, EXPECTED)
    default = resources.pipeline("default")
    everything = lambda _: stuff.priors["AB"]  # noqa: E731 - one line
    shipped = run(
        "default", _tasks(stuff, [default], seeds=all_seeds, names=names, prior=everything)
    )
    smallest = set(sorted(names, key=lambda name: len(stuff.sets[name].y))[:SMALLEST])
    return {
        "protocol": {
            "start": "1 relevant and 1 irrelevant record",
            "refit": "each label to 200, then every 1 % of the records",
            "seeds": "10 under 3,000 records, else 3; tuning 3",
            "sets": len(names),
        },
        "chosen": {"for_A": picked["A"], "for_B": picked["B"]},
        "candidates": [
            _figures(found, stuff) | {"sets": None} for found in compare(tuning, base=BASE)
        ],
        "held_out": _figures(joined(parts, HELD_OUT), stuff),
        "default": _figures(_of(base + shipped, default.name, names), stuff),
        "left_out": _left_out(stuff, names, base, seeds=all_seeds, run=run, jobs=jobs),
        "curves": {
            "shares": list(SHARES),
            "held_out": {each.name: each.recall for each in curves},
            "u4": {each.name: each.recall for each in summarise_replays(base)},
        },
        "each_label": _each_label(stuff, smallest, picked=picked, run=run, quick=quick),
    }


def _left_out(
    stuff: Material,
    names: set[str],
    base: list[Run],
    *,
    seeds: Callable[[str], int],
    run: Callable[[str, list[Task]], list[Run]],
    jobs: int,
) -> dict[str, Any]:
    """The default pipeline, with study language learned on all sets except the one replayed."""
    start = time.perf_counter()
    others = priors_without(stuff, names, jobs=jobs)
    print(f"priors without each set: {time.perf_counter() - start:.0f} s", flush=True)
    default = resources.pipeline("default")
    tasks = _tasks(stuff, [default], seeds=seeds, names=names, prior=lambda name: others[name])
    return _figures(_of(base + run("left-out", tasks), default.name, names), stuff)


def _each_label(
    stuff: Material,
    names: set[str],
    *,
    picked: dict[str, str],
    run: Callable[[str, list[Task]], list[Run]],
    quick: bool,
) -> dict[str, Any]:
    """Replay the smallest sets again, with a fit after every label."""
    seeds = (lambda _: 2) if quick else stuff.seeds
    runs = run("each-u4", _tasks(stuff, [u4()], seeds=seeds, names=names, refit="each"))
    parts = []
    for side, name in picked.items():
        own = {each for each in names if stuff.half[each] == side}
        pipeline = next(each for each in candidates() if each.name == name)
        if own:
            tasks = _tasks(stuff, [pipeline], seeds=seeds, names=own, refit="each")
            parts.append(_of(runs + run(f"each-held-out-{side}", tasks), name, own))
    return _figures(joined(parts, HELD_OUT), stuff)


if __name__ == "__main__":
    main()
