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
            f"{len(data['sets'])} finished reviews screened again to the last record by two people "
            f"in turn, {data['seeds']} times each: {names}. Each pair has the recall and "
            f"specificity of one of {len(data['recall'])} dual-coded social-welfare reviews' "
            f"single screeners (recall {min(data['recall']):.2f} to {max(data['recall']):.2f}); "
            "conflicts are settled rightly. Errors are played as independent: real people miss "
            "the same hard records, so that what two find is a most, and one screener's figure is "
            "the measured one.",
            table(
                [
                    "plan",
                    "found (lowest to highest set)",
                    "decisions a record",
                    "hours per 1,000 records at a minute each",
                    "conflicts per 1,000",
                    "wrong includes per 100 right",
                    "found after half a decision a record",
                    "after one",
                ],
                rows,
            ),
            "The look at likely misses is no estimate of what remains. In the last two rows the "
            "ranking learns from a first decision before the second is made: the default waits, "
            "since an order that follows one decision betrays it to whoever is to make the other.",
        ]
    )
