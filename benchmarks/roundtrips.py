"""Real files stored in a review, exported in every format and read again: what comes back.

Run: python -m benchmarks.roundtrips (a few minutes). Every recorded file that can be read is
imported into a review of its own, most records get a decision, and the exports are read by Winnow,
and by ASReview, rispy and pandas if `make bench-peers` has installed them.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from api.documents.exports import FORMATS, list_entries
from api.protocol import ProtocolBody
from api.services.reviews.opening import open_store
from api.services.screening import deciding
from api.services.searching import importing
from api.services.searching.importing import ImportRequest
from api.settings import load
from benchmarks import export_readers
from benchmarks.measuring import write
from harvest.errors import UnreadableFile
from harvest.exports import delimited, names, xlsx
from harvest.exports.columns import RENAMED, STATEMENTS, as_cells, flatten
from harvest.exports.entry import ExportEntry, clean_line
from harvest.exports.lists import split_list
from harvest.files.labels import ours
from harvest.files.read import read_file
from harvest.record import Record
from store.core.session import Store
from store.reports import record_texts
from store.reviews import people, reviews
from store.reviews.reviews import NewReview
from store.screening.decisions import NewDecision
from tests.shared import CASES, IMPORTS

_FIELDS = (
    *("title", "abstract", "authors", "year", "date", "venue", "volume", "issue", "pages"),
    *("publisher", "doi", "pmid", "pmcid", "issn", "urls", "language", "types", "keywords"),
    *("accession", "database", "notes", "flags"),
)
_DECISION = (ours.DECISION, ours.STAGE, ours.DECIDED_BY, ours.DECIDED_AT, ours.NOTE)
_NOTES = ("plain", "=1+1\nTY  - JOUR\nER  - \n@book{x,", 'a "quoted"; note, with {braces} and \\')
_LONGEST = {"csv": delimited.LONGEST, "xlsx": xlsx.LONGEST}
_EMPTY: tuple[Any, ...] = (None, (), [], {}, "")

Comparison = tuple[str, Any, Any]


def files() -> list[Path]:
    """The recorded files and the cases, by name."""
    found = [path for folder in (IMPORTS, CASES) for path in folder.rglob("*") if path.is_file()]
    return sorted(path for path in found if ".expected" not in path.name)


def stored_entries(store: Store, number: int, path: Path) -> list[ExportEntry]:
    """Import a file into a review of its own, decide on most records, and list the export.

    Raises:
        UnreadableFile: the file cannot be read.
    """
    with store.write() as session:
        person = people.create_person(session, f"O'Dell; {number}").id
        body = ProtocolBody().stored()
        new = NewReview(f"r{number}", path.name, body)
        review = reviews.create_review(session, new, person_id=person).id
    with path.open("rb") as stream:
        importing.import_file(store, review, stream, path.name, ImportRequest(), person_id=person)
    with store.read() as session:
        reports = [text.report_id for text in record_texts.list_report_texts(session, review)]
    for report in reports:
        decision = (None, "include", "exclude", "maybe")[report % 4]
        if decision:
            note = _NOTES[report % len(_NOTES)]
            made = NewDecision(f"t{report}", report, decision, note=note)
            deciding.record_decision(store, review, person, made)
    with store.read() as session:
        return list(list_entries(session, review))


def exported(file_format: str, entries: Sequence[ExportEntry]) -> bytes:
    """The bytes of an export."""
    pieces = FORMATS[file_format].write(entries)
    return b"".join(piece.encode() if isinstance(piece, str) else piece for piece in pieces)


def compare(file_format: str, entry: ExportEntry, back: Record) -> Iterator[Comparison]:
    """Each field as stored and as read again."""
    for name in _FIELDS:
        yield name, getattr(entry.record, name), getattr(back, name)
    written = flatten(entry)
    for name in _DECISION:
        # RIS and BibTeX have no line breaks; this is the one change that they are allowed.
        yield name, clean_line(written[name]), clean_line(back.extra.get(name) or None)
    others = {key: back.extra[key] for key in back.extra if key not in STATEMENTS}
    for key, value in written["other_fields"].items():
        if file_format == "ris" and (key in names.RIS_TAGS or value == entry.record.venue):
            # The record has it under one of the names above.
            continue
        yield "other fields", value, others.get(key) or others.get(f"{RENAMED}{key}")


def why_lost(file_format: str, field: str, entry: ExportEntry) -> str | None:
    """Why a format cannot hold a field; None if it can."""
    if file_format == "ris" and field == "other fields":
        return "RIS has no tag for it"
    longest = _LONGEST.get(file_format)
    if longest and field == names.FLAGS:
        return "they say which cells were cut"
    if longest and _is_cut(as_cells(entry, longest), field):
        return f"a cell holds {longest:,} characters"
    return None


def _is_cut(cells: Mapping[str, Any], field: str) -> bool:
    flags = split_list(str(cells[names.FLAGS] or ""))
    return f"cut-{field.replace(' ', '_')}" in flags


class Tally:
    """Counts of fields that were written, kept and lost, by format."""

    def __init__(self) -> None:
        self.written: dict[str, Counter[str]] = defaultdict(Counter)
        self.kept: dict[str, Counter[str]] = defaultdict(Counter)
        self.unfit: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
        self.lost: list[dict[str, Any]] = []

    def add(self, name: str, comparison: Comparison) -> bool:
        """Count one field of one record; returns whether it was kept. Empty fields count too."""
        field, before, after = comparison
        if before in _EMPTY and after in _EMPTY:
            return True
        self.written[name][field] += 1
        self.kept[name][field] += before == after
        return bool(before == after)

    def figures(self) -> dict[str, Any]:
        """Counts by format and field."""
        return {
            name: {
                field: {
                    "with": number,
                    "kept": self.kept[name][field],
                    "unfit": dict(self.unfit[name][field]),
                }
                for field, number in fields.items()
            }
            for name, fields in self.written.items()
        }


def _read_again(
    tally: Tally, counts: Counter[str], name: str, entries: Sequence[ExportEntry]
) -> dict[str, bytes]:
    """Export in every format and compare what is read with what was stored."""
    written = {}
    for file_format in FORMATS:
        data = exported(file_format, entries)
        written[file_format] = data
        content = read_file(io.BytesIO(data))
        counts[file_format] += len(content.records)
        if len(content.records) != len(entries):
            tally.lost.append({"file": name, "format": file_format, "field": "records"})
            continue
        for entry, back in zip(entries, content.records, strict=True):
            for comparison in compare(file_format, entry, back):
                if tally.add(file_format, comparison):
                    continue
                field = comparison[0]
                why = why_lost(file_format, field, entry)
                if why:
                    tally.unfit[file_format][field][why] += 1
                else:
                    tally.lost.append(
                        {
                            "file": name,
                            "format": file_format,
                            "field": field,
                            "before": str(comparison[1])[:200],
                            "after": str(comparison[2])[:200],
                        }
                    )
    return written


def _peers(exports: Mapping[str, Sequence[ExportEntry]], folder: Path) -> dict[str, Any] | None:
    """What other programs see in the exports in a folder; None if they are not installed."""
    if not export_readers.PEERS.is_file():
        print("SKIPPED: the other readers are not installed; run `make bench-peers`")
        return None
    tally = Tally()
    refused = []
    for name, found in export_readers.read_folder(folder).items():
        refused += [
            {"file": name, "reader": reader, "error": listed}
            for reader, listed in found.items()
            if isinstance(listed, str)
        ]
        entries = exports[name.rpartition(".")[0]]
        for program, seen in export_readers.compare(name, entries, found):
            if not tally.add(program, seen):
                tally.lost.append(
                    {
                        "reader": program,
                        "file": name,
                        "field": seen[0],
                        "before": str(seen[1])[:200],
                        "after": str(seen[2])[:200],
                    }
                )
    return {"fields": tally.figures(), "refused": refused, "lost": tally.lost[:200]}


def main() -> None:
    """Write benchmarks/results/roundtrips.json."""
    if not IMPORTS.is_dir():
        sys.exit("The recorded files are not here.")
    tally, counts, unread = Tally(), Counter[str](), 0
    exports: dict[str, Sequence[ExportEntry]] = {}
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work) / "exports"
        folder.mkdir()
        store = open_store(load(data_dir=Path(work)), create=True).store
        for number, path in enumerate(files()):
            try:
                entries = stored_entries(store, number, path)
            except UnreadableFile:
                entries = []
            if not entries:
                unread += 1
                continue
            name = f"{number:03}-{path.name}"
            exports[name] = entries
            for suffix, data in _read_again(tally, counts, path.name, entries).items():
                (folder / f"{name}.{suffix}").write_bytes(data)
        store.close()
        peers = _peers(exports, folder)
    write(
        "roundtrips",
        {
            "files": len(exports),
            "unread": unread,
            "records": sum(map(len, exports.values())),
            "back": dict(counts),
            "fields": [*_FIELDS, *_DECISION, "other fields"],
            "formats": tally.figures(),
            "lost": tally.lost,
            "readers": peers,
        },
    )


if __name__ == "__main__":
    main()
