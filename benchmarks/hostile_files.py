"""Time and memory for reading files made to take much of both, and for thousands of odd ones.

Run: python -m benchmarks.hostile_files (about ten minutes). Each file is read as an import reads
it, by a process that this benchmark starts for it, and then sent to a server and imported from the
command line. It ends with an error if a file takes over ten seconds of computing time or 500 MB, or
if reading one fails without words.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import resource
import subprocess
import sys
import time
from typing import Any

from benchmarks import hostile_served
from benchmarks.measuring import ROOT, write
from harvest.errors import ReadingFailed, UnreadableFile
from harvest.parsing.child import Wanted, open_file
from tests.harvest.files import attacks
from tests.shared import CASES

SECONDS, MEGABYTES = 10.0, 500.0
_MUTATED = 2_000


def _read(name: str, data: bytes) -> str:
    """What became of a file."""
    try:
        with open_file(io.BytesIO(data), Wanted(name=name)) as file:
            return f"{sum(1 for _ in file.entries()):,} entries"
    except ReadingFailed as error:
        return f"FAILED {error.message}"
    except UnreadableFile as error:
        return error.message


def _measure_here(name: str) -> None:
    """Read one file and print what it took: of the reading process, and of this one."""
    data = attacks.named(name)
    before, began = time.process_time(), time.monotonic()
    became = _read(name, data)
    child = resource.getrusage(resource.RUSAGE_CHILDREN)
    figures = {
        "name": name,
        "bytes": len(data),
        "became": became,
        "wall_s": round(time.monotonic() - began, 2),
        "cpu_s": round(child.ru_utime + child.ru_stime, 2),
        "own_cpu_s": round(time.process_time() - before, 2),
        "peak_mb": round(child.ru_maxrss / 1024),
    }
    print(json.dumps(figures))


def _measure(name: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.hostile_files", "--one", name],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    )
    return dict(json.loads(done.stdout))


def _mutate(number: int) -> list[str]:
    """Read changed files; gives those whose reading failed."""
    chance = random.Random(20261130)
    paths = sorted(path for path in (CASES / "files").iterdir() if path.suffix != ".md")
    failed = []
    for at in range(number):
        path = chance.choice(paths)
        data = attacks.mutated(path.read_bytes(), chance)
        if _read(path.name, data).startswith("FAILED"):
            failed.append(f"{at}: {path.name}")
    return failed


def main() -> None:
    """Measure all, print, and write benchmarks/results/hostile_files.json."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--one")
    parser.add_argument("--names", nargs="*", default=attacks.names())
    parser.add_argument("--mutated", type=int, default=_MUTATED)
    chosen = parser.parse_args()
    if chosen.one:
        _measure_here(chosen.one)
        return
    measured = []
    for name in chosen.names:
        figures = _measure(name)
        measured.append(figures)
        print(f"{figures['cpu_s']:6.2f} s {figures['peak_mb']:4} MB  {name}: {figures['became']}")
    failed = _mutate(chosen.mutated) if CASES.is_dir() else []
    over = [
        one["name"]
        for one in measured
        if one["cpu_s"] + one["own_cpu_s"] > SECONDS
        or one["peak_mb"] > MEGABYTES
        or one["became"].startswith("FAILED")
    ]
    served = hostile_served.measure(chosen.names)
    print(served)
    over += [
        f"memory of the {name}"
        for name in ("server", "worker", "command")
        if served[f"{name}_mb"] > MEGABYTES
    ]
    if chosen.names == attacks.names():
        write(
            "hostile_files",
            {
                "files": measured,
                "mutated": chosen.mutated,
                "failed": failed,
                "over": over,
                "served": served,
            },
        )
    if over or failed or served["errors"]:
        sys.exit(f"over a bar: {over}; failed: {failed}; errors: {served['errors']}")


if __name__ == "__main__":
    main()
