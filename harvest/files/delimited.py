"""Parse CSV and TSV; detects the delimiter, and an unclosed quote does not swallow the file."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from typing import BinaryIO

from harvest.errors import UnreadableFile
from harvest.files.columns import find_header, guess_columns
from harvest.files.table import TOP, ColumnMapping, Row, parse_rows
from harvest.limits import Limits
from harvest.record import Entry, Notice
from harvest.text import read_text

_DELIMITERS = ",;\t|"
# Excel's own first line of a file that it wrote.
_STATED = re.compile(r"\s*\"?sep=([,;\t|])\"?\s*(?:\n|$)", re.IGNORECASE)
# The csv module's own limit is 131,072 characters.
_FIELD_LIMIT = 64 * 1024 * 1024
# Characters among which the header is looked for.
_HEAD = 256 * 1024
_NEVER_CLOSED = "a quote opened here is never closed"


def read_header(text: str, delimiter: str) -> list[str]:
    """Cells of the row that names the columns, among the first rows; see ``find_header``."""
    csv.field_size_limit(_FIELD_LIMIT)
    lines = [line for line in text[:_HEAD].split("\n", 200)[:200] if line.strip()]
    rows: list[list[str]] = []
    with suppress(csv.Error):
        rows.extend(islice(csv.reader(lines, delimiter=delimiter), TOP))
    return rows[find_header(rows)] if rows else []


def find_delimiter(text: str) -> str:
    """The delimiter that Excel's first line states ("sep=;"), or else the most likely one.

    That is the one that gives the header the most known fields, then the most columns. A delimiter
    that does not split the header is the last choice: otherwise "a,b" would be one column named
    "ab", which is short for abstract.
    """
    stated = _STATED.match(text)
    if stated:
        return stated.group(1)

    def score(delimiter: str) -> tuple[bool, int, int]:
        header = read_header(text, delimiter)
        return len(header) > 1, len(guess_columns(header)), len(header)

    return max(_DELIMITERS, key=score)


def begins_with_header(text: str) -> bool:
    """Whether the first line names a title or an id and, in all, at least three known fields."""
    line = text.lstrip().split("\n", 1)[0]
    fields = guess_columns(read_header(line, find_delimiter(line)))
    return len(fields) >= 3 and any(name in fields for name in ("title", "doi", "pmid"))


def looks_like(text: str) -> bool:
    """Whether the first lines are a table: a known header, or lines with equal numbers of cells."""
    if not text.strip():
        return False
    delimiter = find_delimiter(text)
    header = read_header(text, delimiter)
    fields = guess_columns(header)
    if any(field in fields for field in ("title", "abstract", "doi", "pmid")):
        return len(header) > 1 or len(header[0]) < 40
    lines = [line for line in text.split("\n")[:6] if line.strip()]
    widths = {len(read_header(line, delimiter)) for line in lines}
    return len(lines) > 1 and len(widths) == 1 and widths.pop() > 1


def _rows(text: str, delimiter: str) -> Iterator[Row]:
    """Rows with their line numbers. An unclosed quote loses only its own line, not the rest."""
    lines = text.split("\n")
    reader = csv.reader((f"{line}\n" for line in lines), delimiter=delimiter, strict=False)
    before = 0
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(before + 1, (), fault=f"row could not be parsed: {error}")
            before = reader.line_num
            continue
        spanned, at_end = reader.line_num - before, reader.line_num >= len(lines)
        if at_end and spanned > 1 and _unclosed(lines[before:], delimiter):
            yield from _single_lines(lines, before, delimiter)
            return
        if cells:
            yield Row(before + 1, cells)
        before = reader.line_num


def _single_lines(lines: list[str], start: int, delimiter: str) -> Iterator[Row]:
    """Rows after a quote that is never closed; no line after it closes one that another opened."""
    yield Row(start + 1, (lines[start],), fault=_NEVER_CLOSED)
    for at in range(start + 1, len(lines)):
        line = lines[at : at + 1]
        # A quote in the last line can be closed by nothing, so it is taken as it is.
        if at + 1 < len(lines) and '"' in line[0] and _unclosed(line, delimiter):
            yield Row(at + 1, line, fault=_NEVER_CLOSED)
            continue
        try:
            cells = next(csv.reader([f"{line[0]}\n"], delimiter=delimiter, strict=False), [])
        except csv.Error as error:
            yield Row(at + 1, (), fault=f"row could not be parsed: {error}")
            continue
        if cells:
            yield Row(at + 1, cells)


def _unclosed(lines: list[str], delimiter: str) -> bool:
    """Whether the rows in these lines end inside quotes (only strict mode reports this)."""
    try:
        for _ in csv.reader((f"{line}\n" for line in lines), delimiter=delimiter, strict=True):
            pass
    except csv.Error as error:
        return "unexpected end of data" in str(error)
    return False


def parse(
    stream: BinaryIO, mapping: Mapping[str, str] | None, limits: Limits
) -> Iterator[Entry | Notice | ColumnMapping]:
    """Parse a delimited file; see ``harvest.record.Parser`` and ``columns.resolve_columns``."""
    decoded = read_text(stream)
    if decoded.note:
        yield Notice(decoded.note)
    if not decoded.text.strip():
        raise UnreadableFile("The file is empty.", remedy="Export the records again.")
    csv.field_size_limit(_FIELD_LIMIT)
    delimiter = find_delimiter(decoded.text)
    # An empty line in place of Excel's keeps the numbers of the lines after it.
    stated = _STATED.match(decoded.text)
    text = f"\n{decoded.text[stated.end() :]}" if stated else decoded.text
    yield from parse_rows(_rows(text.lstrip("\n"), delimiter), mapping, limits)
