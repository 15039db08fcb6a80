"""Replay finished reviews: the default pipeline, ELAS u4, a random order, and ASReview itself.

Run: python -m benchmarks.replay [--quick]. ASReview 3.0.8 runs from its own environment
(`make bench-peers`) with the same priors; if it is absent, its rows are left out, with a note.
Both our pipelines and ASReview refit after each label and stop at the last relevant record.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import json
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed

from api import resources
from api.services.ranking.replaying import LabelledSet, Task, read_labelled_set, run_together
from api.settings import load
from benchmarks.measuring import DATA, ROOT, summary, write
from model.cache import VectorCache
from model.encode import Encoder, Vectors
from model.evaluation.simulate import Plan, Replay, Run, draw_priors, measure
from model.pipeline import Pipeline

# The largest set has fewer seeds: a replay of it takes minutes.
SETS = {"VIVE_foster_adoptive_SLICE": 10, "Nagtegaal_2019": 10, "VIVE_child_ratio": 5}
PIPELINES = ("default", "elas-u4")
PEER_SEEDS = {"VIVE_foster_adoptive_SLICE": 3, "Nagtegaal_2019": 3}
PEER = ROOT / ".venv-peers" / "bin" / "asreview"
_PEER_CELL = 131_000
_FIGURES = ("loss", "ndcg", "wss95", "wss100", "recall_at_10", "work_to_last", "seconds")


def random_run(data: LabelledSet, seed: int) -> Run:
    """A random order after the same priors."""
    rng = np.random.default_rng(seed)
    priors = draw_priors(data.y, rng)
    order = [int(row) for row in rng.permutation(len(data.y)) if row not in priors]
    last = max(at for at, row in enumerate(order) if data.y[row])
    return _measured(data, "random", seed, order=order[: last + 1], seconds=0.0)


def _measured(data: LabelledSet, name: str, seed: int, *, order: list[int], seconds: float) -> Run:
    """A run that none of our pipelines made."""
    model = dataclasses.replace(resources.pipeline("elas-u4"), name=name)
    replayed = Replay(tuple(order), len(order), seconds)
    return measure(data.name, model, Plan(seed), data.y, replayed)


def one_run(data: LabelledSet, pipeline: Pipeline, vectors: Vectors | None, seed: int) -> Run:
    """One replay with a fit after each label. Making its features is part of the time."""
    prior = resources.study_prior()
    if vectors is None:
        prior = prior.for_encoder(None)
    return run_together([Task(data, pipeline, Plan(seed), vectors, prior)])[0]


def peer_view(data: LabelledSet) -> LabelledSet:
    """Write the set as ASReview can read it: it stops at cells of over 131,072 characters."""
    documents = [
        dataclasses.replace(document, abstract=document.abstract[:_PEER_CELL])
        for document in data.documents
    ]
    return dataclasses.replace(data, documents=documents)


def _peer_file(data: LabelledSet, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["title", "abstract", "label"])
        for document, label in zip(data.documents, data.y, strict=True):
            writer.writerow([document.title, document.abstract, int(label)])


def peer_run(data: LabelledSet, seed: int) -> Run | None:
    """ASReview's own replay with the same priors; None if it is not installed."""
    if not PEER.exists():
        return None
    priors = draw_priors(data.y, np.random.default_rng(seed))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.asreview"
        plain = Path(folder) / f"{data.name}.csv"
        _peer_file(data, plain)
        start = time.perf_counter()
        subprocess.run(
            [
                *(str(PEER), "simulate", str(plain), "--ai", "elas_u4", "-o", str(out)),
                *("--prior-idx", *map(str, priors), "--seed", str(seed)),
            ],
            check=True,
            capture_output=True,
            # It leaves a cache in the folder where it starts.
            cwd=folder,
        )
        seconds = time.perf_counter() - start
        order = _peer_order(out, folder)
    read = [row for row in order if row not in priors]
    return _measured(data, "asreview-3.0.8", seed, order=read, seconds=seconds)


def peer_start() -> dict[str, float] | None:
    """Seconds that ASReview's command takes to load its libraries, before it reads anything."""
    if not PEER.exists():
        return None
    seconds = []
    for _ in range(3):
        # It leaves a cache in the folder where it starts.
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            subprocess.run(
                [str(PEER), "simulate", "--help"], check=True, capture_output=True, cwd=folder
            )
            seconds.append(time.perf_counter() - start)
    return summary(seconds)


def _peer_order(out: Path, folder: str) -> list[int]:
    """Rows in the order in which ASReview read them, from the results in its project file."""
    import sqlite3

    with zipfile.ZipFile(out) as archive:
        archive.extractall(folder)
    for database in sorted(Path(folder).rglob("*.db")) + sorted(Path(folder).rglob("*.sql")):
        connection = sqlite3.connect(database)
        try:
            tables = {r[0] for r in connection.execute("SELECT name FROM sqlite_master")}
            if "results" in tables:
                rows = connection.execute("SELECT record_id FROM results ORDER BY rowid")
                return [int(row[0]) for row in rows]
        finally:
            connection.close()
    raise RuntimeError(f"no results were found in {out}")


def _vectors(data: LabelledSet) -> Vectors:
    cache = VectorCache(load().data_dir / "vectors", Encoder())
    return cache.vectors([document.prose for document in data.documents])


def _row(data: LabelledSet, name: str, runs: list[Run]) -> dict[str, Any]:
    return {
        "data_set": data.name,
        "records": len(data.y),
        "relevant": int(data.y.sum()),
        "pipeline": name,
        "seeds": len(runs),
        **{figure: summary([getattr(run, figure) for run in runs]) for figure in _FIGURES},
    }


def _kept(names: set[str]) -> list[dict[str, Any]]:
    """Rows of earlier runs for sets that are not run now; each set is its own run."""
    path = ROOT / "benchmarks" / "results" / "replay.json"
    if not path.is_file():
        return []
    body = json.loads(path.read_text())
    # A kept row says at which commit it was measured, if that differs from the rest.
    commit = body["circumstances"]["commit"]
    return [{"commit": commit} | row for row in body["runs"] if row["data_set"] in names]


def _beside_peer(data: LabelledSet, vectors: Vectors, *, repeats: int) -> list[dict[str, Any]]:
    """ASReview's row. Its seconds and ours are measured in turn, alone on the machine.

    There are few seeds, because ASReview takes minutes for a run on the larger sets.
    """
    if not PEER.exists():
        print("ASReview is not installed (make bench-peers); its rows are left out")
        return []
    same_texts = peer_view(data)
    u4, default = map(resources.pipeline, ("elas-u4", "default"))
    peers, ours, ensemble, same = [], [], [], []
    for seed in range(repeats):
        peer = peer_run(same_texts, seed)
        assert peer is not None
        peers.append(peer)
        ours.append(one_run(same_texts, u4, None, seed))
        ensemble.append(one_run(same_texts, default, vectors, seed))
        same.append(np.mean([a == b for a, b in zip(ours[-1].order, peer.order, strict=False)]))
    row = _row(data, "asreview-3.0.8", peers) | {
        "elas_u4_seconds_alone": summary([run.seconds for run in ours]),
        "default_seconds_alone": summary([run.seconds for run in ensemble]),
        "same_order_as_elas_u4": float(np.mean(same)),
    }
    row["default_times_faster"] = row["seconds"]["median"] / row["default_seconds_alone"]["median"]
    return [row]


def main() -> None:
    """Measure and write benchmarks/results/replay.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two seeds of the smallest set")
    parser.add_argument(
        "--sets", nargs="*", default=list(SETS), help="only these; the rest is kept"
    )
    chosen = parser.parse_args()
    quick = chosen.quick
    if not DATA.is_dir():
        sys.exit(f"skipped: the labelled sets are not at {DATA}")
    sets = {"VIVE_foster_adoptive_SLICE": 2} if quick else {n: SETS[n] for n in chosen.sets}
    rows: list[dict[str, Any]] = [] if quick else _kept(set(SETS) - set(sets))
    for name, seeds in sets.items():
        path = DATA / f"{name}.csv.gz"
        data = read_labelled_set(path)
        start = time.perf_counter()
        vectors = _vectors(data)
        encoding = time.perf_counter() - start
        for pipeline in map(resources.pipeline, PIPELINES):
            runs = Parallel(n_jobs=2)(
                delayed(one_run)(data, pipeline, vectors if pipeline.needs_encoder else None, seed)
                for seed in range(seeds)
            )
            rows.append(_row(data, pipeline.name, runs) | {"encoding_seconds": encoding})
        rows.append(_row(data, "random", [random_run(data, seed) for seed in range(seeds)]))
        rows += _beside_peer(data, vectors, repeats=1 if quick else PEER_SEEDS.get(name, 1))
        print(json.dumps(rows[-1]))
        # After each set, so that an interrupted run keeps the sets that are done.
        body = {"runs": rows, "peer": PEER.exists(), "peer_start_seconds": peer_start()}
        write("replay-quick" if quick else "replay", body)


if __name__ == "__main__":
    main()
