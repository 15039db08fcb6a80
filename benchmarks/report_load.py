"""Many reviewers at once in docs/benchmarks.md."""

from __future__ import annotations

import statistics
from typing import Any

from benchmarks.markdown import circumstances, table


def load(data: dict[str, Any]) -> str:
    """How long a card and a decision take under load, and what was dealt or stored wrongly."""
    ms = lambda value: f"{value:,.0f} ms"  # noqa: E731 - one line
    runs = data["runs"]
    return "\n\n".join(
        [
            "## Many reviewers at once",
            circumstances(data),
            "A real server; each reviewer asks for a card and decides it about every two "
            "seconds, over HTTP; two people decide each record. The review is put in order again "
            "and again meanwhile. Clients, server, ranker and database share the processor, and "
            "PostgreSQL keeps what it commits on the disk. The processor time of one card is the "
            "server's, asked for by one client afterwards.",
            table(
                [
                    *("database", "records", "decisions before", "reviewers", "minutes"),
                    *("decisions", "card, median", "card, p99", "decision, p99"),
                    "processor time of a card",
                ],
                [
                    [
                        f"{run['database']}{_processes(run)}",
                        f"{run['records']:,}",
                        f"{run['decisions']:,}",
                        str(run["clients"]),
                        f"{run['seconds'] / 60:.1f}",
                        f"{run['decisions_made']:,}",
                        ms(run["next_p50_ms"]),
                        ms(run["next_p99_ms"]),
                        ms(run["decide_p99_ms"]),
                        f"{run['next_cpu_ms']:.1f} ms",
                    ]
                    for run in runs
                ],
            ),
            "What went wrong; each should be 0:",
            table(
                ["database", "errors", "cards dealt twice", "decided too often", "lost", "twice"],
                [
                    [
                        f"{run['database']}{_processes(run)}",
                        *(
                            f"{run[name]:,}"
                            for name in (
                                *("errors", "dealt_twice", "decided_too_often"),
                                *("lost", "stored_twice"),
                            )
                        ),
                    ]
                    for run in runs
                ],
            ),
        ]
    )


def _processes(run: dict[str, Any]) -> str:
    return f", {run['processes']} processes" if run["processes"] > 1 else ""


def saturation(data: dict[str, Any]) -> str:
    """Decisions a second when nobody pauses, beside ASReview's server."""
    best = data["best"]
    verdict = "met" if best["ratio"] >= data["bar"] else "**missed**"
    return "\n\n".join(
        [
            "## Decisions a second, when nobody pauses",
            circumstances(data),
            f"The same {data['records']:,} records in Winnow (SQLite, one decision a record) and "
            "in ASReview 3.0.8 (its own server with accounts, one project that all share). Both "
            "learn with ELAS u4 while people screen. Each client sends a decision, then asks for "
            "the next record, without a pause, over one connection. The servers take turns of "
            f"{data['seconds']:.0f} s; the table has medians. ASReview is asked to learn after "
            "each decision, as its page asks it; how often it did is seen from the orders that "
            "its records came from.",
            table(
                [
                    *("people at once", "Winnow, decisions a second", "ASReview", "ratio"),
                    *("Winnow, decision and next card, p99", "ASReview, the same"),
                    *("Winnow, orders that the records came from", "ASReview, the same"),
                ],
                [_saturated(data, line) for line in data["compared"]],
            ),
            f"Each at the number of people that it serves fastest: {best['winnow']:,.0f} and "
            f"{best['asreview']:,.0f} a second, ratio {best['ratio']:.1f}. Target: at least "
            f"{data['bar']:.0f} times, {verdict}; aim {data['aim']:.0f} times. Answers that were "
            f"no success: Winnow {_count_errors(data, 'winnow'):,}, ASReview "
            f"{_count_errors(data, 'asreview'):,}.",
        ]
    )


def _saturated(data: dict[str, Any], line: dict[str, Any]) -> list[str]:
    def median(tool: str, name: str) -> float:
        return statistics.median(
            run[name]
            for run in data["runs"]
            if run["tool"] == tool and run["clients"] == line["clients"]
        )

    return [
        str(line["clients"]),
        f"{line['winnow']:,.1f}",
        f"{line['asreview']:,.1f}",
        f"{line['ratio']:.1f}" if line["ratio"] else "–",
        *(f"{median(tool, 'cycle_p99_ms'):,.0f} ms" for tool in ("winnow", "asreview")),
        *(f"{median(tool, 'orders_used'):,.0f}" for tool in ("winnow", "asreview")),
    ]


def _count_errors(data: dict[str, Any], tool: str) -> int:
    return sum(sum(run["errors"].values()) for run in data["runs"] if run["tool"] == tool)
