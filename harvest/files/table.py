"""Turn the rows of a table into records, whatever kind of file they come from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

from harvest.errors import FileTooLarge
from harvest.exports import read_back
from harvest.files.build import Fields, create_record, parse_label, present
from harvest.files.columns import Columns, find_header, resolve_columns
from harvest.files.labels import ours
from harvest.files.labels.judgement import is_undecided
from harvest.files.people import read_list, split_people
from harvest.identifiers import find_accession_pmids
from harvest.limits import Limits
from harvest.record import Author, Entry, Notice, Rejected
from harvest.text import excerpt

# The header is among the first rows, of which this many are looked at.
TOP = 20
# More empty rows than this lie between no two rows of a table.
_EMPTY = 10_000


@dataclass(frozen=True, slots=True)
class Row:
    """A row's cells, and the line of the file where it starts.

    A row that could not be parsed has a ``fault`` instead of cells.
    """

    line: int
    cells: Sequence[str]
    fault: str | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """Says once, before the first record, which columns hold which fields."""

    columns: Columns


def parse_rows(
    rows: Iterable[Row], mapping: Mapping[str, str] | None, limits: Limits
) -> Iterator[Entry | Notice | ColumnMapping]:
    """Parse rows: one names the columns, and every one after it is a record or is rejected.

    Empty rows at the end of the table are ignored; elsewhere they are rejected. Rows before the
    header are prose, such as "About the data".

    Raises:
        FileTooLarge: it has too many columns.
        UnreadableFile: the header is unusable; see ``columns.resolve_columns``.
    """
    rest = iter(rows)
    top = list(islice(rest, TOP))
    for row in top:
        check_width(row, limits)
    at = find_header([row.cells for row in top], mapping)
    if not top:
        return
    header = [name.strip() for name in top[at].cells]
    # A person who names columns means them; otherwise an own export is read by its own names.
    own = not mapping and read_back.is_own(header)
    columns = resolve_columns(header, {"label": ours.DECISION} if own else mapping)
    prose = sum(any(cell.strip() for cell in row.cells) for row in top[:at])
    if prose:
        yield Notice(f"{prose} line(s) before the header were not read")
    yield ColumnMapping(columns)
    position = 0
    empty: list[int] = []
    for row in chain(top[at + 1 :], rest):
        if row.fault is None and not any(cell.strip() for cell in row.cells):
            # Many programs end a table with a million empty rows.
            if len(empty) <= _EMPTY:
                empty.append(row.line)
            continue
        if len(empty) > _EMPTY:
            raise FileTooLarge(
                f"The table has more than {_EMPTY:,} empty rows before row {row.line:,}.",
                remedy="Delete the rows below the table, or what stands far below it.",
                line=row.line,
            )
        for blank in empty:
            position += 1
            yield Rejected(position, "row is empty", line=blank)
        empty.clear()
        position += 1
        yield _entry(row, columns, position, own=own)


def check_width(row: Row, limits: Limits) -> None:
    """Refuse a table with a row that has too many cells.

    Raises:
        FileTooLarge: it has.
    """
    if len(row.cells) > limits.columns:
        raise FileTooLarge(
            f"The table has {len(row.cells):,} columns; the limit is {limits.columns:,}.",
            remedy="Keep only the columns that describe the records, or ask the person who runs "
            "the server to raise files.columns.",
            line=row.line,
        )


# Embase.com puts the whole citation into one cell: "Journal (2014) 3:3 (152-160). Date of
# Publication: 2014".
_EMBASE = re.compile(
    r"^(?P<venue>.+?) \((?P<year>\d{4})\)(?: (?P<volume>[\w-]+)(?::(?P<issue>[\w -]+?))?)?"
    r"(?: \((?P<pages>[^)]*)\))?(?: Article Number: [^.]{0,60})?\."
    r"(?: Date of Publication: (?P<date>.*?))?$"
)


def _entry(row: Row, columns: Columns, position: int, *, own: bool) -> Entry:
    if row.fault is not None:
        return Rejected(position, row.fault, line=row.line, excerpt=excerpt(" ".join(row.cells)))
    surplus = [cell for cell in row.cells[len(columns.header) :] if cell.strip()]
    if surplus:
        return Rejected(
            position,
            f"row has {len(row.cells)} cells, the header {len(columns.header)}; "
            "usually because a cell without quotes contains a separator",
            line=row.line,
            excerpt=excerpt(" | ".join(row.cells)),
        )
    if own:
        cells = dict(zip(columns.header, row.cells, strict=False))
        record = read_back.from_cells(position, cells)
        return replace(record, flags=tuple(dict.fromkeys((*record.flags, *row.flags))))
    return create_record(_fields(row, columns, position))


def _pages(cell: Callable[[str], str | None]) -> str | None:
    """Pages from one column, or from the first and last page, or else the article's number."""
    pages = present(cell("pages"), number=True)
    first = present(cell("first_page"), number=True)
    last = present(cell("last_page"), number=True)
    if pages is None and first:
        pages = f"{first}-{last}" if last and last != first and "-" not in first else first
    return pages or present(cell("article_number"), number=True)


def _fields(row: Row, columns: Columns, position: int) -> Fields:
    filled = {
        field: text
        for field, place in columns.index.items()
        if place < len(row.cells) and (text := row.cells[place].strip())
    }
    cell = filled.get
    # An article number stays readable where pages are given as well.
    used = {at for field, at in columns.index.items() if field != "article_number"}
    label = parse_label(cell("label"))
    if label is None and "label" in columns.index and not is_undecided(cell("label")):
        # A label such as "maybe" or "unsure" is kept as it is.
        used.discard(columns.index["label"])
    place = _EMBASE.match(cell("venue") or "") if cell("year") is None else None
    keywords = cell("keywords") or ""
    split = next((mark for mark in ";|," if mark in keywords), "\n")
    return Fields(
        position=position,
        line=row.line,
        title=cell("title"),
        abstract=cell("abstract"),
        authors=[
            *split_people(cell("authors")),
            *(
                Author(name, collective=True)
                for name in (cell("collective_authors") or "").split(";")
            ),
        ],
        date=place["date"] or place["year"] if place else cell("year"),
        year=place["year"] if place else cell("year"),
        venue=place["venue"] if place else cell("venue"),
        volume=place["volume"] if place else cell("volume"),
        issue=place["issue"] if place else cell("issue"),
        pages=place["pages"] if place else _pages(cell),
        publisher=cell("publisher"),
        doi=[value for value in (cell("doi"),) if value],
        pmid=[
            *filter(None, [cell("pmid")]),
            *find_accession_pmids(cell("accession"), cell("database")),
        ],
        pmcid=[value for value in (cell("pmcid"),) if value],
        claimed_ids=[value for value in (cell("doi"), cell("pmid"), cell("pmcid")) if value],
        issn=cell("issn"),
        urls=re.split(r"[\s;|]+", cell("url") or ""),
        language=cell("language"),
        types=[value for value in (cell("type"),) if value],
        keywords=read_list(keywords) or keywords.split(split),
        accession=cell("accession"),
        database=cell("database"),
        label=label,
        notes=[value for value in (cell("notes"),) if value],
        flags=row.flags,
        extra={
            name: row.cells[place].strip()
            for place, name in enumerate(columns.header)
            if place not in used and place < len(row.cells) and name
        },
        excerpt=" | ".join(cell for cell in row.cells if cell),
    )
