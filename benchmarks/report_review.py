"""The rebuilt review and the shared cases, in docs/benchmarks.md."""

from __future__ import annotations

from collections import Counter
from typing import Any

from benchmarks.markdown import circumstances, table


def end_to_end(data: dict[str, Any]) -> str:
    """How many figures of a whole review's documents separate code counts the same."""
    conflicts = data["conflicts"]
    rows = [[document, f"{number:,}"] for document, number in data["by_document"].items()]
    parts = [
        "## A whole review, every figure counted again",
        circumstances(data),
        "Three simulated sources and five vendors' files, limits of years, a pilot round, the plan "
        "of Cochrane's interim guidance of 2020 for rapid reviews, three people with seeded "
        f"mistakes, undone and corrected decisions, "
        f"{sum(conflicts.values())} conflicts settled ({conflicts['joint']} by the two, "
        f"{conflicts['third']} by a third), a list of known studies: {data['records']:,} records "
        f"of {data['reports']:,} reports. Separate code (pandas, scikit-learn's kappa; it imports "
        "nothing of Winnow) counts everything again from the database's tables.",
        f"**{data['equal']:,} of {data['figures']:,} figures are equal.** {data['drawn']:,} "
        "of them are ends of intervals from random draws, which that code draws for itself: "
        "they must lie between its 1st and 5th, or 95th and 99th, percentile.",
        table(["document", "figures compared"], rows),
        "Numbers in the documents that are no figures of the review:",
        table(
            ["document", "what they are", "numbers"],
            [[document, why, f"{number:,}"] for document, why, number in data["no_figures"]],
        ),
    ]
    if data["different"]:
        parts += ["Different:", *(f"- {row}" for row in data["different"])]
    if data["not_compared"]:
        parts += ["Not compared:", *(f"- {row}" for row in data["not_compared"])]
    return "\n\n".join(parts)


def cases(data: dict[str, Any]) -> str:
    """Each shared case with its tests and their result."""
    listed = data["cases"]
    results = Counter(case["result"] for case in listed)
    rows = [
        [
            f"{case['part']} {case['row']}",
            _cell(case["name"] if case["part"] not in ("files", "right") else ""),
            _cell(case["right"]),
            _tests(case["tests"]),
            case["result"],
        ]
        for case in listed
    ]
    return "\n\n".join(
        [
            "## Shared cases",
            circumstances(data),
            f"{len(listed)} cases: "
            + ", ".join(f"{number} {result}" for result, number in sorted(results.items()))
            + ".",
            table(["case", "what", "right", "shown by", "result"], rows),
        ]
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _tests(tests: list[str]) -> str:
    if not tests:
        return "–"
    first = tests[0].rpartition("/")[2].replace("|", "\\|")
    return first if len(tests) == 1 else f"{first} and {len(tests) - 1} more"
