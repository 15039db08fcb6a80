"""Screening plans in docs/benchmarks.md."""

from __future__ import annotations

from typing import Any

from benchmarks.markdown import circumstances, table

_MINUTES = 1.0


def teams(data: dict[str, Any]) -> str:
    """What plans find and cost."""
    rows = []
    for kind, found in data["plans"].items():
        mean = found["mean"]
        rows.append(
            [
                kind,
                f"**{mean['found']:.3f}** ({found['lowest_found']:.2f} to "
                f"{found['highest_found']:.2f})",
                f"{mean['decisions_per_record']:.2f}",
                f"{1000 * mean['decisions_per_record'] * _MINUTES / 60:.0f}",
                f"{mean['adjudications_per_1000']:.0f}",
                f"{mean['false_per_100_found']:.0f}",
                f"{mean['found_after_half']:.2f}",
                f"{mean['found_after_one_each']:.2f}",
            ]
        )
    names = ", ".join(f"{name} ({own['records']:,})" for name, own in data["sets"].items())
    return "\n\n".join(
        [
            "## What screening plans find and cost",
            circumstances(data),
            f"{len(data['sets'])} finished reviews, each screened again to the last record by "
            f"two simulated people in turn, {data['seeds']} times: {names}. Each pair has the "
            f"recall and specificity of the single screeners in one of {len(data['recall'])} "
            f"dual-coded social-welfare reviews (recall {min(data['recall']):.2f} to "
            f"{max(data['recall']):.2f}). Conflicts are settled correctly. Errors are "
            "independent in this simulation. Real people miss the same hard records, so the "
            "figures for two people are upper limits; the figure for one screener is the "
            "measured one.",
            table(
                [
                    "plan",
                    "found (lowest to highest set)",
                    "decisions per record",
                    "hours per 1,000 records at a minute each",
                    "conflicts per 1,000",
                    "wrong includes per 100 right",
                    "found after half a decision per record",
                    "after one",
                ],
                rows,
            ),
            "What a list of possible misses finds does not estimate what remains. In the last two "
            "rows the ranking learns from a first decision before the second is made. The "
            "default waits, because an order that follows one decision gives it away to the "
            "person who makes the second.",
        ]
    )
