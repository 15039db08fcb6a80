"""Write XLSX: text is typed as text, so that no spreadsheet runs it as a formula.

openpyxl makes the workbook's parts and the heading; the rows are written while they come, since
openpyxl gives nothing before the last one.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from typing import Any
from xml.sax.saxutils import escape

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.utils import get_column_letter

from harvest.exports.columns import COLUMNS, as_cells
from harvest.exports.entry import ExportEntry

# Excel holds no more characters in one cell.
LONGEST = 32_767
# Excel reads "_x0041_" as the character with this number.
_ESCAPE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_PIECE = 16 * 1024
_SHEET = "xl/worksheets/sheet1.xml"
_LETTERS = tuple(get_column_letter(place) for place in range(1, len(COLUMNS) + 1))
# The style of texts, the only one besides the default.
_TEXT_STYLE = 1


class _Sink(io.RawIOBase):
    """What has been written and not yet taken."""

    def __init__(self) -> None:
        self._content = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._content += data
        return len(data)

    def __len__(self) -> int:
        return len(self._content)

    def take(self) -> bytes:
        taken = bytes(self._content)
        self._content.clear()
        return taken


def as_xlsx(entries: Iterable[ExportEntry]) -> Iterator[bytes]:
    """A workbook with one sheet; texts longer than a cell are cut, and ``flags`` says which."""
    sink = _Sink()
    with (
        zipfile.ZipFile(_make_frame()) as frame,
        zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as book,
    ):
        for part in frame.infolist():
            if part.filename != _SHEET:
                book.writestr(part, frame.read(part), zipfile.ZIP_DEFLATED)
        before, _, rest = frame.read(_SHEET).partition(b"</row>")
        with book.open(_SHEET, "w") as sheet:
            sheet.write(before + b"</row>")
            for row, entry in enumerate(entries, start=2):
                sheet.write(_row(row, entry))
                if len(sink) > _PIECE:
                    yield sink.take()
            sheet.write(rest[rest.index(b"</sheetData>") :])
        yield sink.take()
    yield sink.take()


def _make_frame() -> io.BytesIO:
    """A workbook with the heading and, below, one text for its style."""
    book = Workbook(write_only=True)
    sheet: Any = book.create_sheet("records")
    sheet.freeze_panes = "A2"
    sheet.append(list(COLUMNS))
    cell = WriteOnlyCell(sheet, "text")
    cell.number_format = "@"
    # Without this mark, Excel makes a formula of "=..." once somebody edits the cell.
    cell.quotePrefix = True
    sheet.append([cell])
    content = io.BytesIO()
    book.save(content)
    return content


def _row(number: int, entry: ExportEntry) -> bytes:
    cells = zip(_LETTERS, as_cells(entry, LONGEST).values(), strict=True)
    written = "".join(
        _cell(f"{letter}{number}", value) for letter, value in cells if value is not None
    )
    return f'<row r="{number}">{written}</row>'.encode("ascii", "xmlcharrefreplace")


def _cell(place: str, value: str | int | float) -> str:
    if not isinstance(value, str):
        return f'<c r="{place}" t="n"><v>{value:.16g}</v></c>'
    text = escape(_ESCAPE.sub("_x005F_", value), {"\r": "&#13;"})
    # Blanks at the ends of a text are lost otherwise.
    keep = ' xml:space="preserve"' if value.strip() not in ("", value) else ""
    return f'<c r="{place}" s="{_TEXT_STYLE}" t="inlineStr"><is><t{keep}>{text}</t></is></c>'
