from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

import openpyxl
import pytest

from harvest.errors import FileTooLarge, UnreadableFile
from tests.harvest.reading import read


def workbook(*rows: Sequence[object]) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(list(row))
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def test_a_workbook_is_read_like_a_table() -> None:
    content = read(workbook(["Title", "Year", "PMID"], ["One", 2011, 123.0], ["Two", None, None]))
    assert content.format == "xlsx"
    assert [(r.title, r.year, r.pmid) for r in content.records] == [
        ("One", 2011, "123"),
        ("Two", None, None),
    ]


def test_a_formula_that_was_never_calculated_leaves_its_cell_empty_and_is_flagged() -> None:
    (record,) = read(workbook(["Title", "Abstract"], ["One", "=HYPERLINK(A1)"])).records
    assert record.abstract is None
    assert "formula-without-value" in record.flags


def test_a_zip_bomb_is_refused_before_it_is_unpacked() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<x/>")
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 40_000_000)
    with pytest.raises(FileTooLarge, match="unpacks to 40 MB") as caught:
        read(buffer.getvalue())
    assert "CSV" in caught.value.remedy


def test_a_damaged_workbook_is_refused() -> None:
    data = workbook(["Title"], ["One"])
    broken = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(broken, "w") as target:
        for name in source.namelist():
            target.writestr(name, b"<broken" if "sheet1" in name else source.read(name))
    with pytest.raises(UnreadableFile, match="damaged"):
        read(broken.getvalue())


@pytest.mark.parametrize(
    "workbook",
    [
        "<x/>",
        '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheets/>'
        "</workbook>",
    ],
)
def test_a_workbook_without_its_parts_is_refused(workbook: str) -> None:
    made = io.BytesIO()
    openpyxl.Workbook().save(made)
    broken = io.BytesIO()
    with zipfile.ZipFile(made) as parts, zipfile.ZipFile(broken, "w") as copy:
        for name in parts.namelist():
            copy.writestr(name, workbook if name == "xl/workbook.xml" else parts.read(name))
    with pytest.raises(UnreadableFile) as refused:
        read(broken.getvalue())
    assert refused.value.remedy
    with zipfile.ZipFile(empty := io.BytesIO(), "w") as parts:
        parts.writestr("[Content_Types].xml", "<x/>")
        parts.writestr("xl/workbook.xml", "<x/>")
    with pytest.raises(UnreadableFile):
        read(empty.getvalue())
