"""Excel workbooks: the first sheet with rows, its size checked before anything is unpacked."""

from __future__ import annotations

import datetime as dt
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from harvest.errors import FileTooLarge, UnreadableFile
from harvest.files.table import Mapped, Row, records
from harvest.record import Entry, Notice

# A workbook of 500,000 abstracts unpacks to less than this; a zip bomb does not.
UNPACKED_LIMIT = 1024 * 1024 * 1024
_RATIO_LIMIT = 200
_RATIO_FROM = 16 * 1024 * 1024
_MORE = "Save the sheet with the records as CSV (UTF-8) and import that."


def looks_like(head: bytes, stream: BinaryIO) -> bool:
    """Whether the file is a zip archive that holds a workbook."""
    if not head.startswith(b"PK"):
        return False
    stream.seek(0)
    try:
        with zipfile.ZipFile(stream) as archive:
            return any(name.startswith("xl/") for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError):
        return False
    finally:
        stream.seek(0)


def _check_size(stream: BinaryIO) -> None:
    """Refuse a bomb by the sizes its directory declares, and by reading no more than declared."""
    try:
        with zipfile.ZipFile(stream) as archive:
            parts = archive.infolist()
            total = sum(part.file_size for part in parts)
            bomb = any(
                part.file_size > _RATIO_FROM
                and part.file_size > _RATIO_LIMIT * max(1, part.compress_size)
                for part in parts
            )
            if total > UNPACKED_LIMIT or bomb:
                raise FileTooLarge(
                    f"The workbook unpacks to {total / 1e6:,.0f} MB, which is not credible for "
                    "a list of records.",
                    remedy=_MORE,
                )
    except zipfile.BadZipFile as error:
        raise UnreadableFile(f"The workbook is damaged: {error}.", remedy=_MORE) from error
    stream.seek(0)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, dt.datetime):
        return value.date().isoformat()
    return str(value)


def _open(stream: BinaryIO, *, values: bool) -> Any:
    stream.seek(0)
    with warnings.catch_warnings():
        # openpyxl warns of styles and extensions it leaves out; we read cells only.
        warnings.simplefilter("ignore")
        return openpyxl.load_workbook(stream, read_only=True, data_only=values)


def _rows(values: Any, formulas: Any) -> Iterator[Row]:
    """Cells by their cached value; a formula that was never calculated leaves its cell empty."""
    pairs = zip(values.iter_rows(), formulas.iter_rows(), strict=False)
    for line, (shown, written) in enumerate(pairs, start=1):
        uncounted = any(
            cell.data_type == "f" and (place >= len(shown) or shown[place].value is None)
            for place, cell in enumerate(written)
        )
        cells = [_text(cell.value) for cell in shown]
        if line == 1 and not any(cells):
            continue
        yield Row(line, cells, flags=("formula-without-value",) if uncounted else ())


def parse(
    stream: BinaryIO, mapping: Mapping[str, str] | None = None
) -> Iterator[Entry | Notice | Mapped]:
    """Records of a workbook's first filled sheet; see ``harvest.record.Parser``."""
    _check_size(stream)
    try:
        values, formulas = _open(stream, values=True), _open(stream, values=False)
        filled = [
            sheet.title for sheet in values.worksheets if sheet.max_row is None or sheet.max_row > 1
        ]
        title = filled[0] if filled else values.sheetnames[0]
        others = [name for name in filled if name != title]
        if others:
            yield Notice(f"only sheet {title!r} was read; not read: {', '.join(others)}")
        yield from records(_rows(values[title], formulas[title]), mapping)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, SyntaxError) as error:
        # SyntaxError is what an XML parser raises inside openpyxl; UnreadableFile passes through.
        raise UnreadableFile(f"The workbook is damaged: {error}.", remedy=_MORE) from error
