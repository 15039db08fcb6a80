"""What was read from real files, in docs/benchmarks.md."""

from __future__ import annotations

from typing import Any

from benchmarks.markdown import circumstances, table


def _share(numbers: dict[str, int], key: str) -> str:
    stated = numbers["stated"]
    return f"{numbers[key]} of {stated}" if stated else "–"


def fields(data: dict[str, Any]) -> str:
    """Agreement with oracles beside other readers, exceptions, and counts of all files."""
    found = data["oracles"]
    peers = found["peers"]
    head = ["field", "all files", *(f"{peer}: Winnow / it" for peer in peers)]
    rows = [
        [
            field,
            _share(numbers, "same"),
            *(
                f"{own[field]['winnow']} / {own[field]['peer']} of {own[field]['stated']}"
                if own[field]["stated"]
                else "–"
                for own in peers.values()
            ),
        ]
        for field, numbers in found["fields"].items()
    ]
    read = [row for row in found["files"] if "refused" not in row]
    behind = ", ".join(found["behind"]) or "none"
    return "\n\n".join(
        [
            "## Fields of real files",
            circumstances(data),
            f"{len(read)} files for which the tests of Zotero, JabRef or CoLRev state what is "
            f"right ({sum(row['expected'] for row in read)} entries), and values that agree. "
            "Each reader's values are folded in the same way (`benchmarks/field_values.py`): "
            "case, accents' composition, markup, punctuation and spaces; authors as family name "
            "and initials; pages with the last page in full; keywords as a set; types as nine "
            "kinds. The columns of the others are for the files of their format alone. Fields "
            f"in which another reader agrees more often: **{behind}**.",
            table(head, rows),
            *_differences(found),
            *_all_files(data["all"]),
        ]
    )


def _differences(found: dict[str, Any]) -> list[str]:
    parts = []
    if found["different"]:
        parts += [
            "Values of Winnow that differ:",
            table(
                ["entry", "field", "stated", "Winnow"],
                [
                    [row["file"], row["field"], row["oracle"], row["winnow"] or "–"]
                    for row in found["different"]
                ],
            ),
        ]
    refused = [row for row in found["files"] if "refused" in row]
    return [
        *parts,
        "Fields that are left out for every reader because what is stated is wrong there. With "
        f"them, Winnow differs in {found['with_exceptions']['winnow']} more values, and the "
        f"others in {found['with_exceptions']['peers']} of the ones in their formats:",
        table(
            ["file", "fields", "why"],
            [
                [row["file"], ", ".join(row["fields"]) or "all", row["reason"].replace("|", "\\|")]
                for row in found["exceptions"]
            ],
        ),
        f"Not read, and said so: {len(refused)} of these files "
        f"({', '.join(sorted({row['refused'] for row in refused}))})",
    ]


def _all_files(found: dict[str, Any]) -> list[str]:
    files = found["files"]
    read = [row for row in files if "refused" not in row]
    odd = [
        row
        for row in read
        if row["marked"] is not None and row["marked"] != row["records"] + row["rejected"]
    ]
    kinds = ("same", "different", "only winnow", "only peer")
    rows = [
        [peer, field, *(f"{numbers[kind]:,}" for kind in kinds)]
        for peer, own in found["beside_peers"].items()
        for field, numbers in own.items()
    ]
    counts = ["file", "marks of entries", "records", "rejected"]
    return [
        f"All {len(files)} recorded files: {len(read)} read, {len(files) - len(read)} refused "
        f"whole with a reason; {sum(row['records'] for row in read):,} records and "
        f"{sum(row['rejected'] for row in read):,} rejected entries with reasons. A separate count "
        f"of the marks that begin entries differs in {len(odd)} files, all with entries that have "
        "no mark or a mark within an entry:",
        table(
            counts,
            [
                [row["file"], *(str(row[key]) for key in ("marked", "records", "rejected"))]
                for row in odd
            ],
        ),
        "Values beside those of the other reader, over all files in which both find as many "
        "entries (after the same folding; other readers keep `NA` and `nan` as values):",
        table(["reader", "field", *(kind.replace("peer", "it") for kind in kinds)], rows),
    ]
