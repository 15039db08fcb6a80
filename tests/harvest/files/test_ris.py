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
    assert "2 line(s) outside records" in content.notices[0]


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


@pytest.mark.parametrize("line", ["T2-weighted images", "CT-guided checks", "T1 - weighted scans"])
def test_a_wrapped_line_is_no_tag(line: str) -> None:
    (record,) = read(f"TY  - JOUR\nTI  - One\nAB  - We compared\n{line}\nJO  - J\nER  - \n").records
    assert (record.abstract, record.venue) == (f"We compared {line}", "J")


def test_tags_written_without_blanks_are_read_where_all_are() -> None:
    (record,) = read("TY-JOUR\nTI-One\nAU-Kask, T\nAB-We compared\nT2-J\nER-\n").records
    assert (record.title, record.abstract, record.venue) == ("One", "We compared", "J")


def test_an_indented_line_goes_on_with_the_value_and_others_are_values() -> None:
    lines = "TY  - JOUR\nTI  - One\nJO  - Journal of\n      Things\nKW  - first\nsecond\nER  - \n"
    (record,) = read(lines).records
    assert (record.venue, record.keywords) == ("Journal of Things", ("first", "second"))


def test_the_doi_is_not_taken_from_a_note_that_cites_another() -> None:
    cited = "Comment in: J. 2015. doi: 10.1000/other"
    (record,) = read(f"TY  - JOUR\nTI  - One\nN1  - {cited}\nER  - \n").records
    assert record.doi is None
    (record,) = read("TY  - JOUR\nTI  - One\nN1  - doi: 10.1000/own\nER  - \n").records
    assert record.doi == "10.1000/own"


def test_the_accession_number_of_a_record_from_nlm_is_its_pmid() -> None:
    (record,) = read("TY  - JOUR\nTI  - One\nAN  - 25000001\nDP  - NLM\nER  - \n").records
    assert record.pmid == "25000001"


def test_a_note_that_is_a_pmid_alone_is_the_records() -> None:
    own = read("TY  - JOUR\nTI  - One\nN1  - PMID: 23439512\nER  -\n").records[0]
    cites = read("TY  - JOUR\nTI  - One\nN1  - Comment in PMID: 23439512\nER  -\n").records[0]
    assert (own.pmid, cites.pmid) == ("23439512", None)


def test_text_with_one_space_before_a_dash_is_no_tag_among_tags_with_two() -> None:
    (record,) = read(
        "TY  - JOUR\nTI  - A study\nPY  - 2019\nAB  - Text\nER - visits were fewer (OR - 2.1)\n"
        "CI - 95% of the\nTY - pe of care\nend.\nKW  - one\nER - \n"
    ).records
    assert record.abstract == (
        "Text ER - visits were fewer (OR - 2.1) CI - 95% of the TY - pe of care end."
    )
    assert record.keywords == ("one",)


def test_a_record_of_the_cochrane_library() -> None:
    found = read(
        "Record #1 of 1\nProvider: John Wiley & Sons, Ltd.\nContent: text/plain\n\n"
        "TY  - JOUR\nAN  - CN-01234567\nAU  - Smith, J\nTI  - A trial\nSO  - Invented trials\n"
        "YR  - 2012\nVL  - 3\nNO  - 2\nPG  - 4-9\nXR  - PUBMED 22222222\nKY  - care; children\n"
        "DOI - 10.1000/cn\nAB  - Text\nER  - \n"
    )
    (record,) = found.records
    assert (record.venue, record.volume, record.issue, record.pages, record.year) == (
        *("Invented trials", "3", "2", "4-9", 2012),
    )
    assert (record.doi, record.pmid, record.keywords) == (
        *("10.1000/cn", "22222222", ("care", "children")),
    )
    assert (found.origin.database, found.origin.platform) == ("CENTRAL", "Cochrane Library")
