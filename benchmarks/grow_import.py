"""Import a file with the command line of some checkout, and say what each phase cost.

Run by benchmarks.grow: python -P grow_import.py FILE, with the checkout first on PYTHONPATH and a
new data folder in WINNOW_DATA_DIR. The checkout may be of another commit, so nothing of its code is
used but the command line; a phase is measured where the checkout has the function.
"""

from __future__ import annotations

import contextlib
import io
import json
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from typing import Any

# Functions of each phase: the module that calls it, its name there, and the phase.
_PHASES = (
    ("api.services.searching.importing", "read_file", "read"),
    ("api.services.searching.importing", "compare_new_records", "compare"),
    ("api.services.duplicates.deduplicating", "regroup_reports", "group"),
    ("store.reports.pairs", "find_records_to_group", "group"),
)


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _measured(function: Callable[..., Any], phase: str, spent: Counter[str]) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        started = time.process_time()
        try:
            return function(*arguments, **named)
        finally:
            spent[phase] += time.process_time() - started

    return call


def main() -> None:
    """Import the file and print the seconds of computing of each phase."""
    spent: Counter[str] = Counter()
    cli = import_module("api.cli")
    import_module("api.commands.imports")
    for module_name, name, phase in _PHASES:
        module = import_module(module_name)
        if hasattr(module, name):
            setattr(module, name, _measured(getattr(module, name), phase, spent))
    sys.argv = ["winnow", "import", sys.argv[1], "--json"]
    started, children = time.process_time(), _children()
    wall = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
        cli.main()
    # Since then, files may be read by a child process.
    in_child = _children() - children
    total = time.process_time() - started + in_child
    spent["read"] += in_child
    spent["compare"] -= spent["group"]
    spent["store"] = total - spent["read"] - spent["compare"] - spent["group"]
    print(
        json.dumps(
            {
                "total": total,
                "wall": time.perf_counter() - wall,
                **spent,
                "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


if __name__ == "__main__":
    main()
