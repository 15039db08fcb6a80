"""The part of docs/benchmarks.md about exports that are read again."""

from __future__ import annotations

from typing import Any

from benchmarks.markdown import circumstances, table

_NAMES = {"csv": "CSV", "xlsx": "XLSX", "ris": "RIS", "bib": "BibTeX", "jsonl": "JSON Lines"}


def roundtrips(data: dict[str, Any]) -> str:
    """Formats by fields: kept, lost, and why."""
    formats = data["formats"]
    fields = data["fields"]
    rows = [
        [field, f"{formats['jsonl'][field]['with']:,}"]
        + [_kept(formats[name].get(field)) for name in _NAMES]
        for field in fields
    ]
    records = ["records", f"{data['records']:,}", *(f"{data['back'][name]:,}" for name in _NAMES)]
    parts = [
        "## Exports that are read again",
        circumstances(data),
        f"{data['files']} recorded files, each stored in a review of its own with decisions on "
        "three of four records, whose notes hold line breaks, `TY  - JOUR` and `@book{`. Each "
        "export is read by Winnow. The table counts the records that have a field (or, under "
        "*other fields*, the source's fields that have no name here), and those whose value "
        "comes back exactly. Line breaks in the notes of decisions are blanks in RIS and BibTeX.",
        table(["field", "stored", *_NAMES.values()], [records, *rows]),
        f"Lost although the format can hold it: **{len(data['lost'])}**. The rest:",
        "\n".join(_reasons(formats)) or "Nothing else is lost.",
    ]
    if data["readers"]:
        parts += _readers(data["readers"])
    return "\n\n".join(parts)


def _kept(found: dict[str, Any] | None) -> str:
    if found is None:
        return "–"
    return "all" if found["kept"] == found["with"] else f"{found['kept']:,}"


def _reasons(formats: dict[str, Any]) -> list[str]:
    return [
        f"- {_NAMES[name]}, {field}: {number:,}, because {why}."
        for name, fields in formats.items()
        for field, found in fields.items()
        for why, number in found["unfit"].items()
    ]


def _readers(readers: dict[str, Any]) -> list[str]:
    rows = []
    for program, fields in readers["fields"].items():
        short = [
            f"{field} {found['kept']:,} of {found['with']:,}"
            for field, found in fields.items()
            if found["kept"] != found["with"] and field != "records"
        ]
        label = fields.get("label") or fields.get("decision") or fields["included"]
        rows.append(
            [
                program,
                f"{fields['records']['kept']:,} of {fields['records']['with']:,}",
                f"{label['kept']:,} of {label['with']:,}",
                ", ".join(short) or "all",
            ]
        )
    refused = [
        f"- ASReview refuses the export of `{one['file']}`: {one['error']}."
        for one in readers["refused"]
    ]
    return [
        "The same exports as other programs read them: ASReview 3.0.8 as for a new project, with "
        "its labels (*maybe* is unlabelled there), rispy, and pandas.",
        table(["reader", "files with all records", "labels or decisions", "fields equal"], rows),
        *(["\n".join(refused)] if refused else []),
    ]
