"""Compare deduplication with bib-dedupe: accuracy, hard pairs, time and memory.

Run: python -m benchmarks.dedupe [--quick]. Each run is its own process, bib-dedupe
(`make bench-peers`) and Winnow in turn, on the same file. benchmarks.dedupe_store times the store.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from benchmarks.labelled import (
    APART,
    DEVELOPMENT,
    LABEL_ERRORS,
    MADE,
    POOLED,
    SETS,
    read_clusters,
    record,
    rows,
    score,
)
from benchmarks.larger_sets import COLUMNS, write_grown
from benchmarks.measuring import RESULTS, ROOT, summary, write
from harvest.dedupe.compare import VERSION, compare
from harvest.dedupe.prepare import prepare
from harvest.dedupe.run import Outcome, deduplicate

PEER = ROOT / ".venv-peers" / "bin" / "python"
TOPIC = ROOT.parent / "shared" / "data" / "topic" / "variants.jsonl"
_HUGE = 100_000


def _table(path: Path, content: list[dict[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(content)
    return path


def _run_ours(source: Path, target: Path) -> None:
    """Read a CSV in this process, group it, write the clusters, and print seconds and memory."""
    csv.field_size_limit(10 * _HUGE)
    with source.open(encoding="utf-8", newline="") as stream:
        content = [(row["record_id"], record(row)) for row in csv.DictReader(stream)]
    started = time.perf_counter()
    outcome = deduplicate(content)
    seconds = time.perf_counter() - started
    with target.open("w", encoding="utf-8", newline="") as stream:
        lines = csv.writer(stream)
        lines.writerow(("record_id", "cluster_id"))
        for number, keys in enumerate(outcome.groups):
            lines.writerows((key, f"c{number}") for key in keys)
    with target.with_suffix(".pairs").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(
            (p.a, p.b, p.decision.rule) for p in outcome.pairs if p.decision.label == "same"
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"total": seconds, "peak_mib": peak, **_of(outcome, len(content))}))


def _of(outcome: Outcome, records: int) -> dict[str, Any]:
    asked = {key for pair in outcome.questions for key in (pair.a, pair.b)}
    return {
        "pairs_compared": outcome.compared,
        "questions": len(outcome.questions),
        "records_asked_about": len(asked) / records if records else 0.0,
        "rules": dict(
            Counter(p.decision.rule for p in outcome.pairs if p.decision.label == "same")
        ),
        "warnings": len(outcome.warnings),
    }


def _child(tool: str, source: Path, target: Path) -> dict[str, Any] | None:
    if tool == "winnow":
        command = [sys.executable, "-m", "benchmarks.dedupe", "--run", str(source), str(target)]
    elif PEER.is_file():
        script = ROOT / "benchmarks" / "peers" / "bib_dedupe_run.py"
        command = [str(PEER), str(script), str(source), str(target), "-1"]
    else:
        return None
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _both(name: str, folder: Path, peer: bool) -> dict[str, Any]:
    """Run both tools on the same file of one set."""
    content = rows(name)
    source = _table(folder / f"{name}.csv", content)
    truth = {row["record_id"]: row["cluster_id"] for row in content}
    result: dict[str, Any] = {"set": name, "held_out": name not in DEVELOPMENT}
    for tool in ("winnow", "bib_dedupe") if peer else ("winnow",):
        target = folder / f"{name}.{tool}.csv"
        run = _child(tool, source, target)
        if run is not None:
            result[tool] = {**score(name, truth, read_clusters(target)), **run}
            print(
                f"{name} {tool}: precision {result[tool]['precision']:.4f} "
                f"recall {result[tool]['recall']:.4f} {run['total']:.1f} s"
            )
    return result


def _rules(sets: list[dict[str, Any]], folder: Path) -> dict[str, dict[str, int]]:
    """Pairs that each rule merged in all labelled sets, and how many of them are false."""
    counted: dict[str, dict[str, int]] = defaultdict(lambda: {"pairs": 0, "false": 0})
    for row in sets:
        name = row["set"]
        truth = {each["record_id"]: each["cluster_id"] for each in rows(name)}
        known = LABEL_ERRORS.get(name, {})
        path = (folder / f"{name}.winnow.csv").with_suffix(".pairs")
        with path.open(encoding="utf-8", newline="") as stream:
            for a, b, rule in csv.reader(stream):
                counted[rule]["pairs"] += 1
                wrong = truth[a] != truth[b] and frozenset((a, b)) not in known
                counted[rule]["false"] += wrong
    return {rule: counted[rule] for rule in sorted(counted)}


def _calibrate(sets: list[dict[str, Any]], rules: dict[str, dict[str, int]]) -> None:
    """Write the counts from which `winnow dedupe-report` estimates errors into the product."""
    body = {
        "version": VERSION,
        "rules": rules,
        "sets": [
            {
                "name": row["set"],
                "merged": row["winnow"]["records"]
                - row["winnow"]["works"]
                - row["winnow"]["copies_left"],
                "left": row["winnow"]["copies_left"],
            }
            for row in sets
            if row["set"] not in APART
        ],
    }
    path = ROOT / "harvest" / "dedupe" / "calibration.json"
    path.write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")


def _pooled(sets: list[dict[str, Any]], tool: str) -> dict[str, Any] | None:
    chosen = [row[tool] for row in sets if row["set"] in POOLED and tool in row]
    if len(chosen) != len(POOLED):
        return None
    total = {
        name: sum(row[name] for row in chosen)
        for name in (
            *("records", "true_pairs", "merged_pairs", "right_pairs", "label_errors"),
            *("works_lost", "works_lost_not_by_label_errors", "copies_left"),
        )
    }
    return {
        **total,
        "precision": total["right_pairs"] / total["merged_pairs"],
        "recall": total["right_pairs"] / total["true_pairs"],
    }


def _hard(folder: Path, peer: bool) -> list[dict[str, Any]]:
    """What became of the pairs of each class of hard pairs, one file for each class."""
    classes: dict[tuple[str, str], list[dict[str, str]]] = defaultdict(list)
    for row in rows("hard_pairs_synthetic"):
        classes[row["case"], row["policy"]].append(row)
    result = []
    for (case, policy), content in classes.items():
        twins = sorted({row["record_id"][:-1] for row in content})
        outcome = deduplicate((row["record_id"], record(row)) for row in content)
        labels = {frozenset((p.a, p.b)): p.decision.label for p in outcome.pairs}
        counted = Counter(labels.get(frozenset((f"{i}a", f"{i}b")), "different") for i in twins)
        line = {"case": case, "policy": policy, "pairs": len(twins), "winnow": dict(counted)}
        if peer:
            source = _table(folder / "class.csv", content)
            if _child("bib_dedupe", source, folder / "class.out") is not None:
                own = read_clusters(folder / "class.out")
                line["bib_dedupe_same"] = sum(own[f"{i}a"] == own[f"{i}b"] for i in twins)
        result.append(line)
    return result


def _bibdedupe_cases() -> dict[str, Any]:
    """bib-dedupe's own test cases, by its own policy, which merges Cochrane versions."""
    content = rows("hard_pairs_bibdedupe_testcases")
    result = []
    for a, b in zip(content[0::2], content[1::2], strict=True):
        one, other = prepare(record(a), "a"), prepare(record(b), "b")
        decision = compare(one, other)
        result.append(
            {
                "case": a.get("case", a["record_id"]),
                "expected_duplicate": a["expected_duplicate"],
                "label": decision.label,
                "rule": decision.rule,
            }
        )
    return {"pairs": result}


def _variants() -> list[dict[str, Any]]:
    """What pairs of citations of one work in a real review's reference lists are taken for."""
    if not TOPIC.is_file():
        return []
    works: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in TOPIC.read_text(encoding="utf-8").splitlines():
        found = json.loads(line)
        works[found["work"]].append(found)
    result = []
    for work, citations in works.items():
        prepared = [
            prepare(
                record(
                    {
                        **dict.fromkeys(COLUMNS, ""),
                        "title": c["title"],
                        "authors": "; ".join(c.get("authors") or []),
                        "year": str(c.get("year") or ""),
                        "journal": c.get("venue") or "",
                        "doi": c.get("doi") or "",
                    }
                ),
                str(place),
            )
            for place, c in enumerate(citations)
        ]
        for place, one in enumerate(prepared):
            for other in prepared[place + 1 :]:
                decision = compare(one, other)
                result.append({"work": work, "label": decision.label, "rule": decision.rule})
    return result


def _scale(folder: Path, sizes: list[int], peer_up_to: int, repeats: int) -> list[dict[str, Any]]:
    result = []
    for size in sizes:
        name = f"perturbed_{size // 1000}k"
        source = folder / f"{name}.csv"
        if not source.is_file():
            if name in MADE:
                _table(source, rows(name))
            else:
                write_grown(source, size)
        line: dict[str, Any] = {"records": size, "grown": name not in MADE}
        ours = [_child("winnow", source, folder / "ours.out") for _ in range(repeats)]
        line["winnow"] = {
            "seconds": summary([run["total"] for run in ours if run]),
            "peak_mib": max(run["peak_mib"] for run in ours if run),
            "pairs_compared": ours[0]["pairs_compared"] if ours[0] else 0,
        }
        if size <= peer_up_to:
            times = repeats if size <= 10_000 else 1
            runs = [_child("bib_dedupe", source, folder / "peer.out") for _ in range(times)]
            kept = [run for run in runs if run]
            if kept:
                line["bib_dedupe"] = {
                    "seconds": summary([run["total"] for run in kept]),
                    "peak_mib_of_one_process": max(run["peak_mib"] for run in kept),
                }
                ratio = (
                    line["winnow"]["seconds"]["median"] / line["bib_dedupe"]["seconds"]["median"]
                )
                line["share_of_peer_time"] = ratio
        print(json.dumps(line))
        result.append(line)
    return result


def _huge_abstract(folder: Path) -> dict[str, Any]:
    """Time 30,000 records, one of them with an abstract of 100,000 characters."""
    content = rows("perturbed_30k")
    content[0] = {**content[0], "abstract": ("lorem ipsum dolor " * _HUGE)[:_HUGE]}
    run = _child("winnow", _table(folder / "huge.csv", content), folder / "huge.out")
    assert run is not None
    return {"records": len(content), "seconds": run["total"], "peak_mib": run["peak_mib"]}


def main() -> None:
    """Measure everything, or a slice of it with --quick."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="small sets, no peer, no growth")
    parser.add_argument("--only", nargs="*", choices=tuple(_PARTS), help="parts to measure again")
    parser.add_argument("--run", nargs=2, metavar=("IN", "OUT"))
    chosen = parser.parse_args()
    if chosen.run:
        _run_ours(Path(chosen.run[0]), Path(chosen.run[1]))
        return
    if not SETS.is_dir():
        print("SKIPPED: the labelled sets are absent")
        return
    peer = PEER.is_file() and not chosen.quick
    if not peer:
        print("bib-dedupe is not installed, or was left out; `make bench-peers` installs it.")
    name = "dedupe-quick" if chosen.quick else "dedupe"
    path = RESULTS / f"{name}.json"
    figures: dict[str, Any] = {}
    if chosen.only and path.is_file():
        figures = json.loads(path.read_text(encoding="utf-8"))
    figures["peer"] = "bib-dedupe 0.11.0, all processors"
    with tempfile.TemporaryDirectory() as temporary:
        for part, measured in _PARTS.items():
            if part in (chosen.only or _PARTS):
                figures.update(measured(Path(temporary), peer=peer, quick=chosen.quick))
                figures.pop("circumstances", None)
                write(name, figures)


def _part_sets(folder: Path, *, peer: bool, quick: bool) -> dict[str, Any]:
    names = (*POOLED, *APART, *(MADE[:1] if quick else MADE))
    sets = [_both(name, folder, peer and name not in MADE) for name in names]
    rules = _rules(sets, folder)
    if not quick:
        _calibrate(sets, rules)
    return {
        "sets": sets,
        "rules": rules,
        "pooled": {
            "sets": list(POOLED),
            "winnow": _pooled(sets, "winnow"),
            "bib_dedupe": _pooled(sets, "bib_dedupe"),
        },
    }


def _part_hard(folder: Path, *, peer: bool, quick: bool) -> dict[str, Any]:
    return {
        "hard": _hard(folder, peer and not quick),
        "bibdedupe_cases": _bibdedupe_cases(),
        "variants": _variants(),
    }


def _part_scale(folder: Path, *, peer: bool, quick: bool) -> dict[str, Any]:
    sizes = [2000] if quick else [2000, 10_000, 30_000, 300_000]
    return {
        "scale": _scale(folder, sizes, 30_000 if peer else 0, 1 if quick else 3),
        "huge_abstract": None if quick else _huge_abstract(folder),
    }


_PARTS = {"sets": _part_sets, "hard": _part_hard, "scale": _part_scale}


if __name__ == "__main__":
    main()
