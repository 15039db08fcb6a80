"""Many reviewers at once in docs/benchmarks.md."""

from __future__ import annotations

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
