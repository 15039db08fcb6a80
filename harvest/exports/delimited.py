"""Write CSV, with every value exactly as it is stored. For a spreadsheet there is XLSX."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from harvest.exports.columns import COLUMNS, as_cells
from harvest.exports.entry import ExportEntry

# Python's own reader of CSV, and ASReview with it, refuses a whole file for one longer cell.
LONGEST = 131_072
_PIECE = 64_000


def as_csv(entries: Iterable[ExportEntry]) -> Iterator[str]:
    """CSV with a byte order mark, without which Excel does not recognise UTF-8."""
    yield "\ufeff"
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    for entry in entries:
        writer.writerow(as_cells(entry, LONGEST))
        if buffer.tell() > _PIECE:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()
