from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvest.errors import FileTooLarge, UnreadableFile
from tests.harvest.reading import read


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(delimiter: str) -> None:
    rows = [["Title", "Abstract", "Publication Year"], ["One, two; three", "x", "2011"]]
    text = "\n".join(delimiter.join(f'"{cell}"' for cell in row) for row in rows)
    (record,) = read(text).records
    assert (record.title, record.abstract, record.year) == ("One, two; three", "x", 2011)


def test_the_mapping_is_shown_and_can_be_overruled() -> None:
    text = "Item Title,Publication Title,Summary,x\nOne,Journal,Text,Other\n"
    guessed = read(text)
    assert guessed.columns == {
        "title": "Item Title",
        "venue": "Publication Title",
        "abstract": "Summary",
    }
    assert guessed.unused_columns == ("x",)
    assert guessed.records[0].extra == {"x": "Other"}
    overruled = read(text, {"title": "x", "abstract": ""})
    assert overruled.columns == {"title": "x", "venue": "Publication Title"}
    assert overruled.records[0].title == "Other"


@pytest.mark.parametrize(
    ("mapping", "words"),
    [({"titel": "a"}, "no field named 'titel'"), ({"title": "z"}, "no column named 'z'")],
)
def test_a_mapping_that_names_nothing_is_refused(mapping: dict[str, str], words: str) -> None:
    with pytest.raises(UnreadableFile, match=words):
        read("title,abstract\na,b\n", mapping)


def test_unknown_columns_are_named_with_the_remedy() -> None:
    with pytest.raises(UnreadableFile, match="kolumne, spalte") as caught:
        read("kolumne,spalte\na,b\nc,d\n")
    assert "--map title=" in caught.value.remedy
    assert caught.value.line == 1


def test_a_row_with_too_many_cells_is_rejected_with_its_line() -> None:
    content = read("title,abstract\nOne,x\nTwo,y, and more\n\nThree,z\n")
    assert [record.title for record in content.records] == ["One", "Three"]
    (rejected,) = content.rejected
    assert (rejected.position, rejected.line) == (2, 3)
    assert "3 cells, the header 2" in rejected.reason


def test_a_quote_that_is_never_closed_costs_its_own_row_only() -> None:
    content = read('title,abstract\nOne,x\n"Two,y\nThree,z\nFour,w\n')
    assert [record.title for record in content.records] == ["One", "Three", "Four"]
    assert "never closed" in content.rejected[0].reason


def test_a_cell_may_hold_line_breaks() -> None:
    content = read('title,abstract\n"One\nline","a\n\nb"\nTwo,c\n')
    assert [record.title for record in content.records] == ["One line", "Two"]


def test_empty_rows_at_the_end_are_paper_and_within_are_rejected() -> None:
    content = read("title,abstract\nOne,x\n,\nTwo,y\n,\n,\n")
    assert [record.title for record in content.records] == ["One", "Two"]
    assert [entry.reason for entry in content.rejected] == ["row is empty"]


@pytest.mark.parametrize(
    ("value", "label"),
    [("1", "include"), ("0", "exclude"), ("Included", "include"), ("no", "exclude"), ("", None)],
)
def test_labels_are_read_however_they_are_written(value: str, label: str | None) -> None:
    (record,) = read(f"title,abstract,label_included\nOne,x,{value}\n").records
    assert record.label == label


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


_CELL = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=20)


@given(st.lists(st.tuples(_CELL, _CELL), min_size=1, max_size=20))
def test_what_went_in_comes_out_or_is_rejected(rows: list[tuple[str, str]]) -> None:
    import csv

    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(["title", "abstract", "n"])
    for number, row in enumerate(rows):
        writer.writerow([*row, number])
    content = read(buffer.getvalue())
    assert len(content.records) + len(content.rejected) == content.entries_read == len(rows)
