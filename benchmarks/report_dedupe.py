"""The part of docs/benchmarks.md about deduplication."""

from __future__ import annotations

from typing import Any

from benchmarks.markdown import circumstances, table

_TOOLS = (("winnow", "Winnow"), ("bib_dedupe", "bib-dedupe"))


def _share(value: float) -> str:
    return f"{value:.4f}"


def _accuracy(data: dict[str, Any]) -> list[str]:
    rows = []
    for row in data["sets"]:
        for name, words in _TOOLS:
            if name not in row:
                continue
            found = row[name]
            rows.append(
                [
                    f"{row['set']}{' (held out)' if row['held_out'] else ''}",
                    words,
                    f"{found['records']:,}",
                    f"{found['true_pairs']:,}",
                    _share(found["precision"]),
                    _share(found["recall"]),
                    f"{found['false_pairs_total']} ({found['label_errors']})",
                    str(found["works_lost_not_by_label_errors"]),
                    str(found["copies_left"]),
                    f"{found['clusters_exact']:.4f}",
                    f"{found['total']:.1f} s",
                ]
            )
    for name, words in _TOOLS:
        pooled = data["pooled"][name]
        if pooled:
            rows.append(
                [
                    "**pooled** (the first five)",
                    words,
                    f"{pooled['records']:,}",
                    f"{pooled['true_pairs']:,}",
                    f"**{_share(pooled['precision'])}**",
                    f"**{_share(pooled['recall'])}**",
                    f"{pooled['merged_pairs'] - pooled['right_pairs']} ({pooled['label_errors']})",
                    str(pooled["works_lost_not_by_label_errors"]),
                    str(pooled["copies_left"]),
                    "–",
                    "–",
                ]
            )
    header = ["set", "tool", "records", "true pairs", "pair precision", "pair recall"]
    header += ["false pairs (label errors)", "works lost", "copies left", "clusters exact", "time"]
    return [
        "### Accuracy on labelled sets",
        "The same file, one process each. The rules were written on the first four sets and "
        "checked on the others. A pair is false if its labels say so, label errors included. "
        "Works lost are those in no group, except for label errors. The author of bib-dedupe "
        "fitted its rules on five of these sets.",
        table(header, rows),
        _false(data),
    ]


def _false(data: dict[str, Any]) -> str:
    lines = []
    for row in data["sets"]:
        for pair in row["winnow"]["false_pairs"]:
            why = pair["label_error"] or "**a false merge**"
            lines.append(f"- {row['set']}: {pair['a']} and {pair['b']}: {why}.")
    pairs = "\n".join(lines) or "- none"
    return f"Every pair that Winnow merged, compared with its labels:\n\n{pairs}"


def _hard(data: dict[str, Any]) -> list[str]:
    rows = []
    for line in data["hard"]:
        found = line["winnow"]
        rows.append(
            [
                line["case"],
                line["policy"],
                *(f"{found.get(label, 0)}" for label in ("same", "related", "ask", "different")),
                str(line.get("bib_dedupe_same", "–")),
            ]
        )
    cases = data["bibdedupe_cases"]["pairs"]
    agreed = sum((c["label"] == "same") == (c["expected_duplicate"] == "True") for c in cases)
    variants: dict[str, int] = {}
    for each in data["variants"]:
        variants[each["label"]] = variants.get(each["label"], 0) + 1
    counted = ", ".join(f"{number} {label}" for label, number in sorted(variants.items()))
    return [
        "### Hard pairs",
        "60 artificial pairs of each class: what Winnow did with them, and how many "
        "bib-dedupe merged.",
        table(["class", "wanted", "same", "related", "ask", "different", "bib-dedupe"], rows),
        f"bib-dedupe's own {len(cases)} test cases, by its policy: {agreed} agree. Pairs of "
        f"citations of one work in reference lists ({len(data['variants'])}): {counted}.",
    ]


def _scale(data: dict[str, Any]) -> list[str]:
    rows = []
    for line in data["scale"]:
        peer = line.get("bib_dedupe")
        rows.append(
            [
                f"{line['records']:,}{' (generated)' if line['grown'] else ''}",
                f"{line['winnow']['seconds']['median']:.1f} s",
                f"{line['winnow']['peak_mib']:,.0f} MiB",
                f"{line['winnow']['pairs_compared']:,}",
                f"{peer['seconds']['median']:.1f} s" if peer else "–",
                f"{peer['peak_mib_of_one_process']:,.0f} MiB" if peer else "–",
                f"{100 * line['share_of_peer_time']:.1f} %" if peer else "–",
            ]
        )
    huge = data["huge_abstract"]
    parts = [
        "### Time and memory",
        "Winnow runs in one process, bib-dedupe on all processors (its memory is that of its "
        "largest process). Medians of three runs; bib-dedupe at 30,000 records is one run.",
        table(
            ["records", "Winnow", "memory", "pairs compared", "bib-dedupe", "memory", "share"],
            rows,
        ),
    ]
    if huge:
        parts.append(
            f"{huge['records']:,} records, one with an abstract of 100,000 characters: "
            f"{huge['seconds']:.1f} s, {huge['peak_mib']:,.0f} MiB. (bib-dedupe was not run on "
            "this: its memory grows with the number of records times the longest abstract.)"
        )
    return parts


def dedupe(data: dict[str, Any]) -> str:
    """The section about accuracy, hard pairs, time and memory."""
    parts = ["## Deduplication", circumstances(data)]
    parts += [*_accuracy(data), *_hard(data), *_scale(data)]
    return "\n\n".join(parts)


def dedupe_store(data: dict[str, Any]) -> str:
    """The section about new records against a store."""
    rows = [
        [
            f"{run['new']:,} against {run['old']:,}",
            f"{run['seconds']:.2f} s",
            f"{run['pairs_compared']:,}",
            "yes" if run["pairs_equal_to_batch"] else "**no**",
            "yes" if run["groups_equal_to_batch"] else "**no**",
            f"{run['comparing_old_seconds']:.0f} s",
            f"{run['database_mib']:,.0f} MiB",
        ]
        for run in data["runs"]
    ]
    header = ["new records", "time", "pairs compared", "same pairs as in one batch", "same groups"]
    header += ["the old records, once", "database"]
    return "\n\n".join(
        [
            "## Deduplication night after night",
            circumstances(data),
            "New records compared with a store on SQLite: look up keys, compare and store "
            "pairs, regroup the reports affected. `benchmarks/larger_sets.py` generates the larger "
            "set.",
            table(header, rows),
        ]
    )
