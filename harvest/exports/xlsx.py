"""Write XLSX: text is typed as text, so that no spreadsheet runs it as a formula."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from harvest.exports.columns import COLUMNS, as_cells
from harvest.exports.entry import ExportEntry

# Excel holds no more characters in one cell.
LONGEST = 32_767
# Excel reads "_x0041_" as the character with this number.
_ESCAPE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_PIECE = 1024 * 1024


def as_xlsx(entries: Iterable[ExportEntry]) -> Iterator[bytes]:
    """A workbook with one sheet; texts longer than a cell are cut, and ``flags`` says which."""
    book = Workbook(write_only=True)
    sheet: Any = book.create_sheet("records")
    sheet.freeze_panes = "A2"
    sheet.append(list(COLUMNS))
    for entry in entries:
        sheet.append([_cell(sheet, value) for value in as_cells(entry, LONGEST).values()])
    content = io.BytesIO()
    book.save(content)
    content.seek(0)
    while piece := content.read(_PIECE):
        yield piece


def _cell(sheet: Any, value: str | int | float | None) -> Any:
    if not isinstance(value, str):
        return value
    cell = WriteOnlyCell(sheet, _ESCAPE.sub("_x005F_", value))
    cell.data_type = "s"
    cell.number_format = "@"
    # Without this mark, Excel makes a formula of "=..." once somebody edits the cell.
    cell.quotePrefix = True
    return cell
