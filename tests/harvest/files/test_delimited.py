from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.harvest.reading import read


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(delimiter: str) -> None:
    rows = [["Title", "Abstract", "Publication Year"], ["One, two; three", "x", "2011"]]
    text = "\n".join(delimiter.join(f'"{cell}"' for cell in row) for row in rows)
    (record,) = read(text).records
    assert (record.title, record.abstract, record.year) == ("One, two; three", "x", 2011)


def test_a_quote_that_is_never_closed_costs_its_own_row_only() -> None:
    content = read('title,abstract\nOne,x\n"Two,y\nThree,z\nFour,w\n')
    assert [record.title for record in content.records] == ["One", "Three", "Four"]
    assert "never closed" in content.rejected[0].reason


def test_a_cell_may_hold_line_breaks() -> None:
    content = read('title,abstract\n"One\nline","a\n\nb"\nTwo,c\n')
    assert [record.title for record in content.records] == ["One line", "Two"]


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
