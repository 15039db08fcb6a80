"""How costs grow with the size of a review: what importing costs, from 5,000 to 100,000 records.

Run: python -m benchmarks.grow [--against PATH] [--sizes N …] [--repeats N] [--quick]. PATH is a
checkout of another commit; both import the same file in turns, and the ratio of their medians is
written too. Seconds are those of computing, child processes included.

The records have the titles and abstracts of the screening sets, and authors, journals and places
of the labelled duplicate sets; one in ten is a copy of an earlier one, as another database has it.
Beyond the sets' records, titles and abstracts get other words, as frequent as the sets have them.

Pages are measured by benchmarks.grow_pages.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.labelled import rows
from benchmarks.larger_sets import perturb, redraw
from benchmarks.measuring import DATA, ROOT, circumstances, summary, write

SIZES = (5_000, 10_000, 20_000, 50_000, 100_000)
PHASES = ("read", "store", "compare", "group", "total")
_COMPARED_SIZE = 20_000
_COPIES = 0.1
_COLUMNS = (
    *("title", "abstract", "authors", "year", "journal", "volume", "issue", "pages", "doi"),
    "pmid",
)


def _texts() -> list[dict[str, str]]:
    """Titles, abstracts and ids of all screening sets, shuffled."""
    csv.field_size_limit(10_000_000)
    found: list[dict[str, str]] = []
    for path in sorted(DATA.glob("*.csv.gz")):
        with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
            found.extend(row for row in csv.DictReader(stream) if row["title"])
    random.Random(1).shuffle(found)
    return found


def records(number: int) -> Iterator[dict[str, str]]:
    """A number of records, the same each time; a larger number begins with the same ones."""
    rng = random.Random(2)
    texts, places = _texts(), rows("perturbed_30k")
    words = [word for row in texts for word in row["title"].split() if len(word) > 3]
    recent: list[dict[str, str]] = []
    taken = 0
    for _ in range(number):
        if recent and rng.random() < _COPIES:
            yield {**perturb(rng.choice(recent), rng), "pmid": ""}
            continue
        text = texts[taken % len(texts)]
        if taken >= len(texts):
            text = {
                "title": redraw(text["title"], words, rng),
                "abstract": redraw(text["abstract"], words, rng),
                "doi": "",
                "pmid": "",
            }
        taken += 1
        people, venue, page = rng.choice(places), rng.choice(places), rng.randint(1, 2400)
        row = {
            "title": text["title"],
            "abstract": text["abstract"],
            "doi": text["doi"],
            "pmid": text["pmid"],
            "authors": people["authors"],
            "year": str(rng.randint(1985, 2024)),
            "journal": venue["journal"],
            "volume": str(rng.randint(1, 150)),
            "issue": str(rng.randint(1, 12)),
            "pages": f"{page}-{page + rng.randint(1, 19)}",
        }
        if len(recent) < 5000:
            recent.append(row)
        else:
            recent[rng.randrange(len(recent))] = row
        yield row


def write_records(path: Path, number: int) -> None:
    """Write such records to a CSV file."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, _COLUMNS)
        writer.writeheader()
        writer.writerows(records(number))


def _import(checkout: Path, file: Path) -> dict[str, float]:
    """Import a file into a new store with a checkout's code; seconds of each phase."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "PYTHONPATH": str(checkout),
            "WINNOW_DATA_DIR": folder,
        }
        for command in (
            [sys.executable, "-P", "-m", "api.cli", "init"],
            [sys.executable, "-P", str(ROOT / "benchmarks" / "grow_import.py"), str(file)],
        ):
            done = subprocess.run(
                command, cwd=checkout, env=environment, capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def exponent(sizes: Sequence[int], costs: Sequence[float]) -> float:
    """The power of the size with which a cost grows: the slope on logarithmic axes."""
    x, y = [math.log(size) for size in sizes], [math.log(max(cost, 1e-9)) for cost in costs]
    return statistics.linear_regression(x, y).slope


def _show(line: dict[str, Any]) -> None:
    phases = ", ".join(f"{name} {line[name]['median']:.1f} s" for name in PHASES)
    print(f"{line['records']:,} records: {phases}; {line['peak_mib']:.0f} MiB")


def _sum_up(size: int, runs: list[dict[str, float]]) -> dict[str, Any]:
    return {
        "records": size,
        **{name: summary([run[name] for run in runs]) for name in PHASES},
        "wall": summary([run["wall"] for run in runs]),
        "peak_mib": max(run["peak_mib"] for run in runs),
    }


def _part_import(
    folder: Path, sizes: Sequence[int], repeats: int, against: Path | None
) -> dict[str, Any]:
    lines = []
    for size in sizes:
        file = folder / f"{size}.csv"
        write_records(file, size)
        # The largest take minutes, and their figures hardly vary.
        runs = [_import(ROOT, file) for _ in range(repeats if size <= _COMPARED_SIZE else 1)]
        lines.append(_sum_up(size, runs))
        _show(lines[-1])
    result: dict[str, Any] = {
        "sizes": lines,
        "exponents": {
            name: exponent(sizes, [line[name]["median"] for line in lines]) for name in PHASES
        },
    }
    for name, found in result["exponents"].items():
        print(f"{name}: grows with exponent {found:.2f}")
    if against is not None:
        size = min(_COMPARED_SIZE, max(sizes))
        file = folder / f"{size}.csv"
        if not file.is_file():
            write_records(file, size)
        ours, theirs = [], []
        for _ in range(repeats):
            theirs.append(_import(against, file))
            ours.append(_import(ROOT, file))
        result["against"] = {
            "commit": circumstances(against)["commit"],
            "now": _sum_up(size, ours),
            "before": _sum_up(size, theirs),
        }
        for name in (*PHASES, "wall"):
            before, now = (
                statistics.median(run[name] for run in found) for found in (theirs, ours)
            )
            print(f"{name}: {before:.1f} s before, {now:.1f} s now: {before / now:.2f} times")
    return result


def main() -> None:
    """Measure and write the results."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--against", type=Path, help="a checkout of another commit")
    parser.add_argument("--sizes", type=int, nargs="*", default=list(SIZES))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="1,000 and 2,000 records only")
    chosen = parser.parse_args()
    if not DATA.is_dir():
        print("SKIPPED: the labelled sets are absent")
        return
    sizes = [1_000, 2_000] if chosen.quick else chosen.sizes
    if len(sizes) < 2:
        parser.error("growth needs two sizes at least")
    with tempfile.TemporaryDirectory() as folder:
        found = _part_import(Path(folder), sizes, chosen.repeats, chosen.against)
    write("grow-quick" if chosen.quick else "grow", {"import": found})


if __name__ == "__main__":
    main()
