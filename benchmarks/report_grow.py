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


def grow_pages(data: dict[str, Any]) -> str:
    """The chapter on how the cost of pages grows with the size of a review."""
    lines, bar = data["sizes"], data["bar_ms"]
    over = data["over"]
    return "\n\n".join(
        [
            "## Growth: pages",
            circumstances(data),
            "Milliseconds of computing for each page, asked of the application directly with a "
            "review on SQLite: 4 in 10 of its reports decided by two people, 1 record in 10 a "
            "copy, 8 in 100 without an abstract, words of an invented language. *Common word* is "
            "in 35 of 100 records, *rare word* in 2 of 1,000. For an export, it is the time to "
            "the first byte. "
            f"The bar is {bar} ms at 100,000 records; over it: {', '.join(over) or 'none'}.",
            table(
                ["page", *(f"{line['records']:,} records" for line in lines), "exponent"],
                [
                    [
                        name,
                        *(f"{line['pages'][name]['median']:,.0f} ms" for line in lines),
                        f"{exponent:.2f}",
                    ]
                    for name, exponent in data["exponents"].items()
                ],
            ),
            *_worked_out(lines),
        ]
    )


def _worked_out(lines: list[dict[str, Any]]) -> list[str]:
    """What the worker spends on the figures that pages show as stored."""
    kinds = lines[0].get("worked_out_s") or {}
    if not kinds:
        return []
    rows = [[kind, *(f"{line['worked_out_s'][kind]:.1f} s" for line in lines)] for kind in kinds]
    return [
        "Pages whose figures take long to work out show stored ones. Seconds of computing that the "
        "worker needs to work them out:",
        table(["figures", *(f"{line['records']:,} records" for line in lines)], rows),
    ]
