"""Rows of a table, whichever file they came from, to records."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from harvest.files.build import Fields, label_in, record_from, split_people
from harvest.files.columns import Columns, resolve
from harvest.record import Entry, Rejected
from harvest.text import excerpt


@dataclass(frozen=True, slots=True)
class Row:
    """A row's cells and the line of the file that it begins on.

    A row that could not be read has a ``fault`` instead of cells.
    """

    line: int
    cells: Sequence[str]
    fault: str | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mapped:
    """Told once, before the first record: which columns are read as what."""

    columns: Columns


def records(rows: Iterable[Row], mapping: Mapping[str, str] | None) -> Iterator[Entry | Mapped]:
    """The first row is the header; every other row is a record or is rejected.

    Rows without any cell filled are trailing paper, not records: they are left uncounted at the
    end of the table and rejected within it.

    Raises:
        UnreadableFile: the header is of no use; see ``columns.resolve``.
    """
    columns: Columns | None = None
    position = 0
    empty: list[Row] = []
    for row in rows:
        if columns is None:
            columns = resolve(row.cells, mapping)
            yield Mapped(columns)
            continue
        if row.fault is None and not any(cell.strip() for cell in row.cells):
            empty.append(row)
            continue
        for blank in empty:
            position += 1
            yield Rejected(position, "row is empty", line=blank.line)
        empty.clear()
        position += 1
        yield _entry(row, columns, position)


# Embase.com puts where a report came out into one cell: "Journal (2014) 3:3 (152-160). Date of
# Publication: 2014".
_EMBASE = re.compile(
    r"^(?P<venue>.+?) \((?P<year>\d{4})\)(?: (?P<volume>[\w-]+)(?::(?P<issue>[\w -]+?))?)?"
    r"(?: \((?P<pages>[^)]*)\))?(?: Article Number: [^.]*)?\."
    r"(?: Date of Publication: (?P<date>.*?))?$"
)


def _entry(row: Row, columns: Columns, position: int) -> Entry:
    if row.fault is not None:
        return Rejected(position, row.fault, line=row.line, excerpt=excerpt(" ".join(row.cells)))
    surplus = [cell for cell in row.cells[len(columns.header) :] if cell.strip()]
    if surplus:
        return Rejected(
            position,
            f"row has {len(row.cells)} cells, the header {len(columns.header)}; "
            "a separator inside a cell without quotes is the usual cause",
            line=row.line,
            excerpt=excerpt(" | ".join(row.cells)),
        )
    return record_from(_fields(row, columns, position))


def _fields(row: Row, columns: Columns, position: int) -> Fields:
    def cell(field: str) -> str | None:
        place = columns.index.get(field)
        if place is None or place >= len(row.cells):
            return None
        return row.cells[place].strip() or None

    used = set(columns.index.values())
    place = _EMBASE.match(cell("venue") or "") if cell("year") is None else None
    keywords = cell("keywords") or ""
    split = ";" if ";" in keywords else ("," if "," in keywords else "\n")
    return Fields(
        position=position,
        line=row.line,
        title=cell("title"),
        abstract=cell("abstract"),
        authors=split_people(cell("authors")),
        date=place["date"] or place["year"] if place else cell("year"),
        year=place["year"] if place else cell("year"),
        venue=place["venue"] if place else cell("venue"),
        volume=place["volume"] if place else cell("volume"),
        issue=place["issue"] if place else cell("issue"),
        pages=place["pages"] if place else cell("pages"),
        publisher=cell("publisher"),
        doi=[value for value in (cell("doi"),) if value],
        pmid=[value for value in (cell("pmid"),) if value],
        pmcid=[value for value in (cell("pmcid"),) if value],
        claimed_ids=[value for value in (cell("doi"), cell("pmid"), cell("pmcid")) if value],
        issn=cell("issn"),
        urls=re.split(r"[\s;|]+", cell("url") or ""),
        language=cell("language"),
        types=[value for value in (cell("type"),) if value],
        keywords=keywords.split(split),
        accession=cell("accession"),
        database=cell("database"),
        label=label_in(cell("label")),
        notes=[value for value in (cell("notes"),) if value],
        flags=row.flags,
        extra={
            name: row.cells[place].strip()
            for place, name in enumerate(columns.header)
            if place not in used and place < len(row.cells) and name
        },
        excerpt=" | ".join(cell for cell in row.cells if cell),
    )
