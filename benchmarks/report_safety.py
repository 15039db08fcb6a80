"""Killed processes, held locks and hostile files in docs/benchmarks.md."""

from __future__ import annotations

from typing import Any

from benchmarks.markdown import circumstances, table


def kills(data: dict[str, Any]) -> str:
    """What was killed during which work, and what was wrong afterwards."""
    rows = [
        [run["database"], what, f"{number:,}", f"{run['hits'][what]:,}"]
        for run in data["runs"]
        for what, number in run["kills"].items()
    ]
    wrong = [one for run in data["runs"] for one in run["wrong"]]
    total = sum(number for run in data["runs"] for number in run["kills"].values())
    acknowledged = sum(run["acknowledged"] for run in data["runs"])
    verdict = (
        "Nothing was lost, stored twice or incomplete." if not wrong else f"**{len(wrong)}** wrong:"
    )
    return "\n\n".join(
        [
            "## Processes killed at random moments",
            circumstances(data),
            f"{total:,} times a process was killed (SIGKILL) during a kind of work, which then "
            "continued. Afterwards every acknowledged decision is in the store once, a file is "
            "imported whole and once, an order is whole, an export is whole or absent, and a "
            f"migration is complete. {acknowledged:,} decisions were acknowledged. {verdict}",
            *(f"- {one}" for one in wrong),
            table(["database", "killed", "times", "while it was at work"], rows),
        ]
    )


def import_locks(data: dict[str, Any]) -> str:
    """How long an import keeps others from writing."""
    rows = [
        [
            name.replace("_", " "),
            f"{step['transactions']:,}",
            f"{step['longest_ms']:,.0f} ms",
            f"{step['longest_cpu_ms']:,.0f} ms",
        ]
        for name, step in data["by_step"].items()
    ]
    return "\n\n".join(
        [
            "## The writer's lock during an import",
            circumstances(data),
            f"A file of {data['records']:,} records is imported and compared for duplicates while "
            f"somebody screens. {data['transactions']:,} transactions write; the longest holds the "
            f"lock for {data['longest_ms']:,.0f} ms, in which it computes for "
            f"{data['longest_cpu_ms']:,.0f} ms; 99 % are shorter than {data['p99_ms']:,.0f} ms. "
            f"{data['decisions']:,} decisions meanwhile take {data['decision_p99_ms']:,.0f} ms "
            "(p99). The bar is 100 ms.",
            table(["by", "transactions", "longest", "longest, computing"], rows),
        ]
    )


def hostile_files(data: dict[str, Any]) -> str:
    """What files cost that were made to cost much."""
    rows = [
        [
            one["name"],
            f"{one['bytes'] / 1000:,.0f} kB",
            f"{one['cpu_s'] + one['own_cpu_s']:.1f} s",
            f"{one['peak_mb']:,} MB",
            one["became"].replace("|", "\\|")[:100],
        ]
        for one in data["files"]
    ]
    parts = [
        "## Files made to take much time or memory",
        circumstances(data),
        "Each is read by a process of its own, within limits. The bars are 10 s of computing and "
        f"500 MB; over one: {len(data['over'])}. Of {data['mutated']:,} files of the collection "
        f"with random changes, reading failed without words for {len(data['failed'])}.",
        table(["file", "size", "computing", "memory", "what became of it"], rows),
    ]
    served = data.get("served")
    if served:
        parts.append(
            f"All were sent to a server too, and imported from the command line. The most memory "
            f"used: server {served['server_mb']:,} MB, worker {served['worker_mb']:,} MB, command "
            f"{served['command_mb']:,} MB. The longest answer took {served['longest_s']:.1f} s "
            f"({served['longest_name']}); answers that were errors of the server: "
            f"{len(served['errors'])}."
        )
    return "\n\n".join(parts)
