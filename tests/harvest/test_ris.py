from __future__ import annotations

import io

import pytest
import rispy
from hypothesis import given
from hypothesis import strategies as st

from harvest.record import Author
from tests.harvest.reading import read
from tests.shared import IMPORTS, needs_shared

FULL = """TY  - JOUR
AN  - 2019-1234
TI  - Joint working
AB  - What was found.
AU  - Smith, Tom
AU  - Hunter, Shawn
PY  - 2019/05/01
JF  - Child & Family Social Work
VL  - 24
IS  - 2
SP  - 100
EP  - 110
DO  - https://doi.org/10.1111/CFS.12345
UR  - https://example.org/a
UR  - javascript:alert(1)
KW  - integration
DB  - PsycINFO
LA  - English
ER  -
"""


def test_every_field_is_read() -> None:
    content = read(FULL)
    assert content.format == "ris"
    (record,) = content.records
    assert record.title == "Joint working"
    assert record.abstract == "What was found."
    assert record.authors == (Author("Smith, Tom"), Author("Hunter, Shawn"))
    assert (record.year, record.volume, record.issue) == (2019, "24", "2")
    assert (record.venue, record.pages) == ("Child & Family Social Work", "100-110")
    assert record.doi == "10.1111/cfs.12345"
    assert (record.accession, record.database) == ("2019-1234", "PsycINFO")
    assert record.keywords == ("integration",)
    assert record.urls == ("https://example.org/a",)


def test_one_blank_before_the_dash_and_a_missing_er_cost_no_record() -> None:
    content = read("TY - JOUR\nTI - One\nTY - JOUR\nTI - Two\n")
    assert [record.title for record in content.records] == ["One", "Two"]


def test_an_entry_without_title_abstract_or_id_is_rejected_with_its_place() -> None:
    content = read("TY  - JOUR\nTI  - One\nER  -\n\nTY  - GEN\nN1  - nothing\nER  -\n")
    (rejected,) = content.rejected
    assert (rejected.position, rejected.line) == (2, 5)
    assert "no title" in rejected.reason
    assert "nothing" in rejected.excerpt
    assert content.entries_read == 2


def test_lines_between_records_are_told_and_not_read() -> None:
    content = read("1. exp child/ and social work.mp\nTY  - JOUR\nTI  - One\nER  -\n2.\n")
    assert [record.title for record in content.records] == ["One"]
    assert "2 line(s) stand outside" in content.notices[0]


def test_text_that_begins_like_a_tag_stays_text() -> None:
    content = read("TY  - JOUR\nAB  - Schemes are\nUK - based and\nUS - wide\nER  -\n")
    assert content.records[0].abstract == "Schemes are UK - based and US - wide"


def test_a_record_without_title_but_with_an_abstract_is_kept_and_flagged() -> None:
    (record,) = read("TY  - JOUR\nAB  - Only this.\nER  -\n").records
    assert record.title is None
    assert "no-title" in record.flags


def test_a_malformed_doi_does_not_cost_the_record() -> None:
    (record,) = read("TY  - JOUR\nDO  - 10.4\nER  -\n").records
    assert record.doi is None
    assert "malformed-id" in record.flags
    assert record.extra["malformed id"] == "10.4"


def test_asreview_labels_are_read_from_notes() -> None:
    text = "".join(
        f"TY  - GEN\nTI  - {n}\nN1  - {note}\nER  -\n"
        for n, note in enumerate(["ASReview_relevant", "ASReview_irrelevant", "ASReview_not_seen"])
    )
    assert [record.label for record in read(text).records] == ["include", "exclude", None]


_LINE = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=40
)


@given(st.lists(st.tuples(_LINE, st.lists(_LINE, max_size=3)), max_size=8))
def test_every_type_line_is_a_record_or_is_rejected(entries: list[tuple[str, list[str]]]) -> None:
    text = "TY  - JOUR\nTI  - first\nER  -\n"
    for title, lines in entries:
        text += f"TY  - JOUR\nTI  - {title}\n" + "".join(f"N1  - {line}\n" for line in lines)
    content = read(text)
    assert content.entries_read == 1 + len(entries)


@needs_shared
@pytest.mark.parametrize(
    "name",
    [
        "asreview/scopus.ris",
        "asreview/proquest.ris",
        "asreview/embase.ris",
        "asreview/_baseline.ris",
    ],
)
def test_clean_files_agree_with_rispy(name: str) -> None:
    data = (IMPORTS / name).read_bytes()
    theirs = rispy.load(io.StringIO(data.decode("utf-8-sig")))
    ours = read(data).records
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        title = other.get("title") or other.get("primary_title")
        if mine.title and title:
            assert mine.title.split() == title.split()


@needs_shared
@pytest.mark.parametrize(
    ("name", "entries"),
    [
        ("colrev-loader/ris_data.ris", 2),
        ("jabref/RisImporterTest1.ris", 11),
        ("jabref/RisImporterCorrupted.ris", 1),
    ],
)
def test_files_that_rispy_loses_records_of_are_counted_whole(name: str, entries: int) -> None:
    assert read((IMPORTS / name).read_bytes()).entries_read == entries
