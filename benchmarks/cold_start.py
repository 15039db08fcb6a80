"""Measure starts without any decision: from a question, and from the sample review's protocol.

Run: python -m benchmarks.cold_start [--quick]. The labelled sets with a one-line question (written
from the reviews' titles) are replayed from the question alone, from one relevant and one irrelevant
record, and from both. The pipeline is fitted after each of the first 200 labels, then after every
1 %. The sample review is replayed from its protocol, and from its protocol and its seeds. Study
language is learned on the other half of the sets; for the sample review it is what ships.
"""

from __future__ import annotations

import csv
import dataclasses
import json
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from joblib import Parallel, delayed

from api import resources
from api.services.ranking.replaying import Task, build_features, with_question
from api.services.reviews.protocols import read_protocol_file
from api.settings import load
from benchmarks.measuring import DATA, ROOT, write
from benchmarks.ranking import Material, chosen_material
from model.cache import VectorCache
from model.encode import Encoder, Vectors
from model.evaluation import metrics
from model.evaluation.compare import geometric_mean
from model.evaluation.simulate import Plan, Run, measure, replay
from model.features import Document, build
from model.pipeline import Pipeline

SAMPLE = ROOT / "configs" / "reviews" / "childrens-services-integration"
_SEEDS = 3
_EARLY = (10, 20, 50, 100)


def questions() -> dict[str, str]:
    """The one-line questions by data set."""
    with (DATA / "questions.csv").open(encoding="utf-8", newline="") as file:
        return {line["data_set"]: line["question"] for line in csv.DictReader(file)}


def pipelines() -> dict[str, Pipeline]:
    """The default pipeline, and one that drops the question after the first fit."""
    default = resources.pipeline("default")
    return {"default": default, "without question": dataclasses.replace(default, question=None)}


def plans(rows: int) -> dict[str, list[Plan]]:
    """Replay plans by start; one is enough from the question alone, where nothing is drawn."""
    both = [Plan(seed, refit="thinning", queries=(rows,)) for seed in range(_SEEDS)]
    return {
        "question": [dataclasses.replace(both[0], priors=False)],
        "priors": [dataclasses.replace(plan, queries=()) for plan in both],
        "both": both,
    }


def _run(data: Any, features_: Any, pipeline: Pipeline, plan: Plan) -> Run:
    return measure(data.name, pipeline, plan, data.y, replay(features_, data.y, pipeline, plan))


def runs_of(stuff: Material, name: str, text: str, vectors: Vectors) -> dict[str, list[Run]]:
    """Replay a set from each start, with each pipeline."""
    data = with_question(stuff.sets[name], text)
    found: dict[str, list[Run]] = {}
    for kind, pipeline in pipelines().items():
        for start, own in plans(len(data.y)).items():
            if kind != "default" and start == "priors":
                continue
            pool = build_features(Task(data, pipeline, own[0], vectors, stuff.prior_for(name)))
            found[f"{kind}, {start}"] = [_run(data, pool, pipeline, plan) for plan in own]
    return found


def early(runs: Sequence[Run]) -> dict[str, float]:
    """Means over runs: reads to the first relevant record, recall early, loss."""
    return {
        "loss": float(np.mean([run.loss for run in runs])),
        "first": float(np.mean([run.places[0] for run in runs])),
        "first_at_random": float(np.mean([(r.records + 1) / (r.relevant + 1) for r in runs])),
        **{
            f"recall_{n}": float(np.mean([metrics.recall_at(run.labels, n) for run in runs]))
            for n in _EARLY
        },
        **{
            f"random_{n}": float(np.mean([min(1.0, n / run.records) for run in runs]))
            for n in _EARLY
        },
    }


def summed(by_set: Sequence[dict[str, float]]) -> dict[str, float]:
    """Geometric mean of losses, median of first places, means of recalls."""
    body = {key: float(np.mean([each[key] for each in by_set])) for key in by_set[0]}
    body["loss"] = geometric_mean([each["loss"] for each in by_set])
    for key in ("first", "first_at_random"):
        body[key] = float(np.median([each[key] for each in by_set]))
    return body


def sample(cache: VectorCache) -> dict[str, Any]:
    """Replay the sample review from its protocol, and from its protocol and seeds."""
    lines = (SAMPLE / "sample.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines if line]
    y = np.array([record["label"] == 1 for record in records])
    _, body = read_protocol_file(SAMPLE / "protocol.toml")
    with (SAMPLE / "known-relevant.csv").open(encoding="utf-8", newline="") as file:
        used = {line["source_id"] for line in csv.DictReader(file) if line["ranking_use"] == "seed"}
    documents = [Document(record["title"], record["abstract"] or "") for record in records]
    documents += [Document(text, "") for text in body.query_texts]
    default = resources.pipeline("default")
    pool = build(documents, default, lambda texts: cache.vectors(texts), resources.study_prior())
    queries = tuple(range(len(records), len(documents)))
    seeds = tuple(at for at, record in enumerate(records) if record["id"] in used)
    found: dict[str, Any] = {"records": len(y), "relevant": int(y.sum()), "seeds": len(seeds)}
    starts = {"protocol": ()} | ({"protocol and seeds": seeds} if seeds else {})
    for start, known in starts.items():
        plan = Plan(0, priors=False, queries=queries, seeds=known)
        read = [row for row in replay(pool, y, default, plan).order if row not in known]
        labels = np.zeros(len(y) - len(known), bool)
        labels[: len(read)] = y[read]
        found[start] = {
            "loss": metrics.loss(labels),
            "first": int(np.flatnonzero(labels)[0]) + 1,
            **{f"precision_{n}": float(labels[:n].mean()) for n in _EARLY},
            "share_relevant": float(labels.mean()),
        }
    return found


def main() -> None:
    """Measure and write benchmarks/results/cold_start.json."""
    stuff, quick = chosen_material(str(__doc__))
    texts = {name: text for name, text in questions().items() if name in stuff.sets}
    cache = VectorCache(load().data_dir / "vectors", Encoder())
    both = {
        name: np.concatenate([stuff.vectors[name], cache.vectors([Document(text, "").prose])])
        for name, text in texts.items()
    }
    own = sample(cache)
    start = time.perf_counter()
    made = Parallel(n_jobs=2)(
        delayed(runs_of)(stuff, name, text, both[name]) for name, text in texts.items()
    )
    print(f"replays: {time.perf_counter() - start:.0f} s", flush=True)
    body = {
        "sets": len(texts),
        "seeds": _SEEDS,
        "starts": {kind: summed([early(found[kind]) for found in made]) for kind in made[0]},
        "per_set": {
            name: {kind: early(runs) for kind, runs in found.items()}
            for name, found in zip(texts, made, strict=True)
        },
        "sample": own,
    }
    write("cold_start-quick" if quick else "cold_start", body)


if __name__ == "__main__":
    main()
