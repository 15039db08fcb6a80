"""The chapter on growth of the generated benchmark document."""

from __future__ import annotations

from typing import Any

from benchmarks.grow import PHASES
from benchmarks.markdown import circumstances, spread, table


def _seconds(value: float) -> str:
    return f"{value:.1f} s"


def grow(data: dict[str, Any]) -> str:
    """The chapter on how costs grow with the size of a review."""
    found = data["import"]
    parts = [
        "## Growth: importing",
        circumstances(data),
        "One CSV file is imported into an empty review on SQLite with the command line: read, "
        "stored, compared for duplicates and grouped. Seconds are those of computing, child "
        "processes included. Titles and abstracts come from the screening sets, the other fields "
        "from the labelled duplicate sets; one record in ten is a copy. The exponent is the slope "
        "on logarithmic axes: 1 means that twice the records cost twice as much. The bar is 1.1.",
        table(
            ["records", *PHASES, "a record", "memory"],
            [
                [
                    f"{line['records']:,}",
                    *(_seconds(line[name]["median"]) for name in PHASES),
                    f"{1000 * line['total']['median'] / line['records']:.2f} ms",
                    f"{line['peak_mib']:,.0f} MiB",
                ]
                for line in found["sizes"]
            ]
            + [["exponent", *(f"{found['exponents'][name]:.2f}" for name in PHASES), "", ""]],
        ),
    ]
    against = found.get("against")
    if against:
        now, before = against["now"], against["before"]
        parts += [
            f"The same {now['records']:,} records with commit {against['commit']} and with this "
            "one, in turns:",
            table(
                ["seconds", "before", "now", "times"],
                [
                    [
                        {"total": "computing", "wall": "on the clock"}.get(name, name),
                        spread(before[name], _seconds),
                        spread(now[name], _seconds),
                        f"{before[name]['median'] / now[name]['median']:.2f}",
                    ]
                    for name in (*PHASES, "wall")
                ],
            ),
        ]
    return "\n\n".join(parts)
