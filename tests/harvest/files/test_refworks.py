from __future__ import annotations

from tests.harvest.reading import read


def test_refworks_tagged_is_read() -> None:
    text = """RT Journal Article
SR Electronic(1)
A1 Ross, Mary
A1 Hill, Ann
T1 Joint work
JF Child Care
YR 2019
VO 3
IS 2
SP 10
OP 19
K1 Schools; Care
AB What it asks.
DO 10.5555/abc
RT Book, Whole
T1 A second
"""
    found = read(text.encode())
    assert found.format == "refworks"
    first, second = found.records
    assert (first.title, first.year, first.volume, first.pages) == (
        "Joint work",
        2019,
        "3",
        "10-19",
    )
    assert (first.doi, first.keywords) == ("10.5555/abc", ("Schools", "Care"))
    assert second.title == "A second"


def test_a_wrapped_line_of_two_capitals_is_no_tag() -> None:
    lines = "AB We asked\nUS students and\nNO effect was found\nK1 boots\nNO A note\n"
    (record,) = read(f"RT Journal Article\nA1 Kask, T\nT1 One\n{lines}").records
    assert record.keywords == ("boots",)
    assert record.notes == ("A note",)
    assert record.abstract == "We asked US students and NO effect was found"
