"""What ASReview, rispy and pandas see in exports, compared with what was written."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measuring import ROOT
from harvest.exports import delimited, xlsx
from harvest.exports.columns import COLUMNS, as_cells
from harvest.exports.entry import ExportEntry

PEERS = ROOT / ".venv-peers" / "bin" / "python"
_SCRIPT = Path(__file__).parent / "peers" / "read_exports.py"
_LONGEST: Mapping[str, int] = {"csv": delimited.LONGEST, "xlsx": xlsx.LONGEST}
_LABELS: Mapping[str, int] = {"include": 1, "exclude": 0}

# A field's name, the value that was written, and the value that a reader found.
Seen = tuple[str, Any, Any]


def read_folder(folder: Path) -> dict[str, dict[str, Any]]:
    """Readings by file name: ``asreview`` and ``plain``, lists of records or a refusal."""
    done = subprocess.run(
        [str(PEERS), str(_SCRIPT), str(folder)], capture_output=True, text=True, check=True
    )
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return found


def compare(
    name: str, entries: Sequence[ExportEntry], found: Mapping[str, Any]
) -> Iterator[tuple[str, Seen]]:
    """Each reader's values beside those that were written.

    Args:
        name: the file's name, whose ending says the format.
        entries: what was written.
        found: the readings of the file; see ``read_folder``.

    Yields:
        The reader, and a field as written and as seen. The field ``records`` has their numbers.
    """
    suffix = name.rpartition(".")[2]
    plain, reader = (_rispy, "rispy") if suffix == "ris" else (_pandas, "pandas")
    seen: tuple[tuple[str, Any, Callable[..., Iterator[Seen]]], ...] = (
        (f"ASReview ({suffix})", found["asreview"], _asreview),
        (f"{reader} ({suffix})", found["plain"], plain),
    )
    for program, listed, values in seen:
        records = listed if isinstance(listed, list) else []
        yield program, ("records", len(entries), len(records))
        for entry, record in zip(entries, records, strict=False):
            yield from ((program, one) for one in values(entry, record, suffix))


def _asreview(entry: ExportEntry, seen: Mapping[str, Any], suffix: str) -> Iterator[Seen]:
    record = entry.record
    authors, keywords = [a.name for a in record.authors], list(record.keywords)
    if suffix != "ris":
        # It parts the cells of tables at every semicolon.
        cells = as_cells(entry, _LONGEST[suffix])
        authors, keywords = _parted(cells["authors"]), _parted(cells["keywords"])
    yield "title", record.title, seen["title"] or None
    yield "abstract", record.abstract, seen["abstract"] or None
    yield "authors", authors, [name.strip() for name in seen["authors"]]
    yield "keywords", keywords, [word.strip() for word in seen["keywords"]]
    yield "year", record.year, seen["year"]
    yield "doi", record.doi, seen["doi"]
    label = _LABELS.get(entry.decision.decision) if entry.decision else None
    yield "label", "none" if label is None else label, _label(seen["included"])


def _label(value: Any) -> Any:
    return "none" if value is None else int(value)


def _parted(cell: Any) -> list[str]:
    return [part.strip() for part in str(cell).split(";")] if cell else []


def _pandas(entry: ExportEntry, seen: Mapping[str, Any], suffix: str) -> Iterator[Seen]:
    cells = as_cells(entry, _LONGEST[suffix])
    for name in COLUMNS:
        value = cells[name]
        yield name, None if value is None else str(value), seen[name] or None


_TAGS: Mapping[str, str] = {
    "title": "title",
    "abstract": "abstract",
    "venue": "secondary_title",
    "volume": "volume",
    "issue": "number",
    "publisher": "publisher",
    "doi": "doi",
    "issn": "issn",
    "pmcid": "custom2",
    "language": "language",
    "accession": "accession_number",
    "database": "name_of_database",
}


def _rispy(entry: ExportEntry, seen: Mapping[str, Any], _suffix: str) -> Iterator[Seen]:
    record = entry.record
    for name, key in _TAGS.items():
        yield name, getattr(record, name), seen.get(key)
    first, last = seen.get("start_page"), seen.get("end_page")
    yield "pages", record.pages, f"{first}-{last}" if last else first
    yield "year", str(record.year) if record.year else None, seen.get("year")
    yield "pmid", record.pmid, (seen.get("custom1") or "").removeprefix("PMID: ") or None
    yield "authors", [author.name for author in record.authors], seen.get("authors", [])
    yield "keywords", list(record.keywords), seen.get("keywords", [])
    # It parts links at semicolons.
    yield "urls", ";".join(record.urls).split(";") if record.urls else [], seen.get("urls", [])
    yield "types", as_cells(entry)["types"], seen.get("type_of_work")
    notes = "\n".join(seen.get("notes", ()))
    for decision in entry.decisions:
        yield "decision", True, f"Winnow decision: {decision.decision}" in notes
        yield "who", True, f"Winnow decided by: {decision.decided_by}" in notes
        yield "when", True, f"Winnow decided at: {decision.decided_at}" in notes
