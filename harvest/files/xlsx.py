"""Parse the first sheet with rows of an Excel workbook; its size is checked before unpacking."""

from __future__ import annotations

import datetime as dt
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from harvest.errors import FileTooLarge, UnreadableFile
from harvest.files.table import ColumnMapping, Row, check_width, parse_rows
from harvest.files.unpack import check_packing
from harvest.limits import Limits
from harvest.record import Entry, Notice
from harvest.text import storable

# Excel's own limit.
_ROWS = 1_048_576
_RATIO_LIMIT = 200
_RATIO_FROM = 16 * 1024 * 1024
# How a workbook writes characters that XML cannot hold, and what only looks like one of these.
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_MORE = "Save the sheet with the records as CSV (UTF-8) and import that."


def looks_like(head: bytes, stream: BinaryIO) -> bool:
    """Whether the file is a zip archive with a workbook in it."""
    if not head.startswith(b"PK"):
        return False
    stream.seek(0)
    try:
        with zipfile.ZipFile(stream) as archive:
            return any(name.startswith("xl/") for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False
    finally:
        stream.seek(0)


def _check_size(stream: BinaryIO, limits: Limits) -> None:
    """Refuse a zip bomb by the sizes in its directory; no more than those is ever read."""
    try:
        with zipfile.ZipFile(stream) as archive:
            check_packing(archive, _MORE)
            parts = archive.infolist()
            total = sum(part.file_size for part in parts)
            bomb = any(
                part.file_size > _RATIO_FROM
                and part.file_size > _RATIO_LIMIT * max(1, part.compress_size)
                for part in parts
            )
            if total > limits.unpacked or bomb:
                raise FileTooLarge(
                    f"The workbook unpacks to {total / 1e6:,.0f} MB, which is not credible for "
                    "a list of records.",
                    remedy=_MORE,
                )
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise UnreadableFile(f"The workbook is damaged: {error}.", remedy=_MORE) from error
    stream.seek(0)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, dt.datetime):
        return value.date().isoformat()
    return storable(_ESCAPED.sub(lambda match: chr(int(match.group(1), 16)), str(value)))


def _open(stream: BinaryIO, *, values: bool) -> Any:
    # Imported here, since it takes as long as all other parsers together.
    import openpyxl

    stream.seek(0)
    with warnings.catch_warnings():
        # openpyxl warns about styles and extensions that it ignores; we only read cells.
        warnings.simplefilter("ignore")
        return openpyxl.load_workbook(stream, read_only=True, data_only=values)


def _rows(values: Any, formulas: Any, limits: Limits) -> Iterator[Row]:
    """Rows of cached values; a formula that was never calculated leaves its cell empty."""
    # What a sheet says of its size would be filled with empty cells.
    values.reset_dimensions()
    formulas.reset_dimensions()
    pairs = zip(values.iter_rows(), formulas.iter_rows(), strict=False)
    for line, (value_cells, formula_cells) in enumerate(pairs, start=1):
        cached = [cell.value for cell in value_cells]
        uncalculated = any(
            cell.data_type == "f" and (place >= len(cached) or cached[place] is None)
            for place, cell in enumerate(formula_cells)
        )
        if line > _ROWS:
            raise UnreadableFile(
                f"The workbook is damaged: it has a row after row {_ROWS:,}.", remedy=_MORE
            )
        while cached and cached[-1] is None:
            cached.pop()
        cells = [_text(value) for value in cached]
        if line == 1 and not any(cells):
            continue
        row = Row(line, cells, flags=("formula-without-value",) if uncalculated else ())
        check_width(row, limits)
        yield row


def parse(
    stream: BinaryIO, mapping: Mapping[str, str] | None, limits: Limits
) -> Iterator[Entry | Notice | ColumnMapping]:
    """Parse a workbook's first sheet that is not empty; see ``harvest.record.Parser``."""
    _check_size(stream, limits)
    try:
        values, formulas = _open(stream, values=True), _open(stream, values=False)
        filled = [
            sheet.title for sheet in values.worksheets if sheet.max_row is None or sheet.max_row > 1
        ]
    except (
        *(zipfile.BadZipFile, zlib.error, EOFError, OSError, SyntaxError),
        *(KeyError, IndexError, TypeError, AttributeError, ValueError),
    ) as error:
        # openpyxl takes much for granted about a workbook's parts.
        raise _damaged(error) from error
    if not values.sheetnames:
        raise UnreadableFile("The workbook has no sheet.", remedy=_MORE)
    title = filled[0] if filled else values.sheetnames[0]
    others = [name for name in filled if name != title]
    if others:
        yield Notice(f"only sheet {title!r} was read, not {', '.join(others)}")
    try:
        yield from parse_rows(_rows(values[title], formulas[title], limits), mapping, limits)
    except (
        *(zipfile.BadZipFile, zlib.error, EOFError, OSError, SyntaxError),
        *(KeyError, IndexError, TypeError, AttributeError, ValueError),
    ) as error:
        # openpyxl's XML parser raises SyntaxError; an UnreadableFile passes through.
        raise _damaged(error) from error


def _damaged(error: Exception) -> UnreadableFile:
    return UnreadableFile(f"The workbook is damaged: {error}.", remedy=_MORE)
