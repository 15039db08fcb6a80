"""CSV and TSV: the delimiter sniffed, an open quote caught before it swallows the file."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from harvest.errors import UnreadableFile
from harvest.files.columns import guess
from harvest.files.table import Mapped, Row, records
from harvest.record import Entry, Notice
from harvest.text import read_text

_DELIMITERS = ",;\t|"
# The csv module refuses fields over 131,072 characters unless told otherwise.
_FIELD_LIMIT = 64 * 1024 * 1024


def header_of(text: str, delimiter: str) -> list[str]:
    """Cells of the first filled line."""
    csv.field_size_limit(_FIELD_LIMIT)
    lines = [line for line in text.split("\n", 200)[:200] if line.strip()]
    try:
        return next(csv.reader(lines, delimiter=delimiter), [])
    except csv.Error:
        return []


def delimiter_of(text: str) -> str:
    """The delimiter under which the header names most known fields, then has most columns.

    One that does not divide the header counts only where none does: "a,b" undivided would be a
    column named "ab", which is short for abstract.
    """

    def worth(delimiter: str) -> tuple[bool, int, int]:
        row = header_of(text, delimiter)
        return len(row) > 1, len(guess(row)), len(row)

    return max(_DELIMITERS, key=worth)


def looks_like(text: str) -> bool:
    """Whether the first lines are a table: a known header, or lines of equal width."""
    if not text.strip():
        return False
    delimiter = delimiter_of(text)
    header = header_of(text, delimiter)
    known = guess(header)
    if any(field in known for field in ("title", "abstract", "doi", "pmid")):
        return len(header) > 1 or len(header[0]) < 40
    lines = [line for line in text.split("\n")[:6] if line.strip()]
    widths = {len(header_of(line, delimiter)) for line in lines}
    return len(lines) > 1 and len(widths) == 1 and widths.pop() > 1


def _rows(text: str, delimiter: str) -> Iterator[Row]:
    """Rows with their lines. A quote that is never closed costs its own line, not the rest."""
    lines = text.split("\n")
    start = 0
    while start < len(lines):
        reader = csv.reader(
            (f"{line}\n" for line in lines[start:]), delimiter=delimiter, strict=False
        )
        restart: int | None = None
        before = 0
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                break
            except csv.Error as error:
                yield Row(start + before + 1, (), fault=f"row could not be read: {error}")
                before = reader.line_num
                continue
            line, spanned = start + before, reader.line_num - before
            at_end = start + reader.line_num >= len(lines)
            if at_end and spanned > 1 and _unclosed(lines[line:], delimiter):
                yield Row(line + 1, (lines[line],), fault="a quote opened here is never closed")
                restart = line + 1
                break
            before = reader.line_num
            if cells:
                yield Row(line + 1, cells)
        if restart is None:
            return
        start = restart


def _unclosed(lines: list[str], delimiter: str) -> bool:
    """Whether the rows in these lines end inside quotes (strict mode alone says so)."""
    try:
        for _ in csv.reader((f"{line}\n" for line in lines), delimiter=delimiter, strict=True):
            pass
    except csv.Error as error:
        return "unexpected end of data" in str(error)
    return False


def parse(
    stream: BinaryIO, mapping: Mapping[str, str] | None = None
) -> Iterator[Entry | Notice | Mapped]:
    """Records of a delimited file; see ``harvest.record.Parser`` and ``columns.resolve``."""
    decoded = read_text(stream)
    if decoded.note:
        yield Notice(decoded.note)
    if not decoded.text.strip():
        raise UnreadableFile("The file is empty.", remedy="Export the records again.")
    csv.field_size_limit(_FIELD_LIMIT)
    yield from records(_rows(decoded.text.lstrip("\n"), delimiter_of(decoded.text)), mapping)
