"""What the writers write, to the letter."""

from __future__ import annotations

import io

import pytest
from openpyxl import Workbook, load_workbook

from harvest.exports.entry import ExportEntry, StageDecision
from harvest.exports.latex import escape
from harvest.record import Author, Record
from harvest.reference_types import find_bibtex_type, find_ris_code
from harvest.text import clean
from tests.harvest.exports.entries import read, write

ENTRY = ExportEntry(
    record=Record(
        1,
        title="=1+1 & {50 %}",
        abstract="Short.",
        authors=(Author("O'Neill, Sean"), Author("WHO and FAO", collective=True)),
        year=2015,
        date="2015",
        venue="Invented Journal",
        pages="S12-S15",
        doi="10.5555/a_b",
        pmid="111",
        pmcid="PMC222",
        urls=("https://example.org/a_b",),
        types=("Journal Article", "Review"),
        keywords=("Diabetes Mellitus, Type 2", "a; b"),
        accession="ED1",
        database="ERIC",
    ),
    record_id=7,
    report_id=8,
    sources=("eric",),
    decision=StageDecision(
        decision="exclude",
        decided_by="Ann",
        decided_at="2026-01-02T03:04:05+00:00",
        note="one\nTY  - JOUR",
        reasons=("Wrong people",),
    ),
)


def test_ris_begins_with_its_type_and_says_who_decided_what_and_when() -> None:
    assert write("ris", [ENTRY]).decode() == (
        "TY  - JOUR\nTI  - =1+1 & {50 %}\nAU  - O'Neill, Sean\nAU  - WHO and FAO\nPY  - 2015\n"
        "T2  - Invented Journal\nSP  - S12\nEP  - S15\nDO  - 10.5555/a_b\nC1  - PMID: 111\n"
        "C2  - PMC222\nAN  - ED1\nDB  - ERIC\nM3  - Journal Article; Review\n"
        "UR  - https://example.org/a_b\nAB  - Short.\nKW  - Diabetes Mellitus, Type 2\n"
        "KW  - a; b\nN1  - ASReview_irrelevant\nN1  - Winnow decision: exclude\n"
        "N1  - Winnow stage: title-abstract\nN1  - Winnow decided by: Ann\n"
        "N1  - Winnow decided at: 2026-01-02T03:04:05+00:00\nN1  - Winnow reason: Wrong people\n"
        "N1  - Winnow note: one TY - JOUR\nN1  - Winnow record: 7\nN1  - Winnow report: 8\n"
        "N1  - Winnow source: eric\nN1  - Winnow group author: WHO and FAO\nER  - \n\n"
    )


def test_bibtex_escapes_what_has_a_meaning_in_latex() -> None:
    text = write("bib", [ENTRY]).decode()
    assert text.startswith("@article{oneill2015-7,\n")
    for line in (
        "  author = {O'Neill, Sean and {WHO a{}nd FAO}},",
        r"  title = {=1+1 \& \textbraceleft{}50 \%\textbraceright{}},",
        r"  doi = {10.5555/a\_b},",
        "  url = {https://example.org/a_b},",
        "  pages = {S12--S15},",
        "  keywords = {Diabetes Mellitus, Type 2; a{;} b},",
        "  winnow_decision = {exclude},",
    ):
        assert line in text.splitlines()


@pytest.mark.parametrize(
    "text", ["50 % & {x} _a_ #1 $5 ~ ^ @home \\a", "-- --- '' ``", "p < 0.05; n"]
)
def test_what_is_escaped_is_read_as_latex_by_any_reader(text: str) -> None:
    entry = f"@misc{{k,\n  title = {{{escape(text)}}}\n}}\n"
    assert read(entry.encode()).records[0].title == text


def test_a_workbook_types_text_as_text() -> None:
    sheet = load_workbook(io.BytesIO(write("xlsx", [ENTRY]))).active
    assert sheet is not None
    titles = next(sheet.iter_rows(min_row=2, min_col=2, max_col=2))
    assert [(cell.value, cell.data_type) for cell in titles] == [("=1+1 & {50 %}", "s")]


def test_characters_that_a_workbook_writes_by_number_are_read() -> None:
    book, stream = Workbook(), io.BytesIO()
    assert book.active is not None
    book.active.append(["title", "abstract"])
    book.active.append(["A_x00E9_b", "_x005F_x0041_"])
    book.save(stream)
    (record,) = read(stream.getvalue()).records
    assert (record.title, record.abstract) == ("Aéb", "_x0041_")


@pytest.mark.parametrize(
    ("types", "code", "entry_type"),
    [
        (("JOUR",), "JOUR", "article"),
        (("Journal Article", "Preprint"), "UNPB", "unpublished"),
        (("Article; Proceedings Paper",), "CPAPER", "inproceedings"),
        (("book-chapter",), "CHAP", "incollection"),
        (("Dissertation/Thesis",), "THES", "phdthesis"),
        (("Report",), "RPRT", "techreport"),
        (("Randomized Controlled Trial",), "JOUR", "article"),
        (("EDBOOK",), "EDBOOK", "book"),
        (("Conference Abstract",), "CPAPER", "inproceedings"),
        (("nothing known",), "GEN", "misc"),
        ((), "GEN", "misc"),
    ],
)
def test_types_have_one_code_in_ris_and_one_in_bibtex(
    types: tuple[str, ...], code: str, entry_type: str
) -> None:
    assert find_ris_code(Record(1, types=types)) == code
    assert find_bibtex_type(code) == entry_type


def test_a_record_without_a_type_in_a_journal_is_an_article_but_says_that_none_was_stated() -> None:
    record = Record(1, title="T", venue="J", volume="1")
    text = write("ris", [ExportEntry(record=record, record_id=1, report_id=1)])
    assert text.startswith(b"TY  - JOUR\n")
    assert read(text).records[0].types == ()


def test_a_table_is_recognised_whatever_its_cells_hold() -> None:
    table = 'title,abstract,doi\nOne,"two\nTY  - JOUR\nER  - \n@article{x,",10.5555/1\n'
    content = read(table.encode())
    assert (content.format, len(content.records)) == ("csv", 1)


def test_json_lines_are_recognised_by_the_beginning_of_a_long_line() -> None:
    record = Record(1, abstract="word " * 100_000)
    data = write("jsonl", [ExportEntry(record=record, record_id=1, report_id=1)])
    assert read(data).records[0].abstract == record.abstract.strip() if record.abstract else None


def test_cleaning_twice_changes_nothing_more() -> None:
    text = clean("e\x00\u0301 x")
    assert text == "é x"
    assert clean(text) == text
