from __future__ import annotations

import pytest

from tests.harvest.reading import read


def test_a_row_with_too_many_cells_is_rejected_with_its_line() -> None:
    content = read("title,abstract\nOne,x\nTwo,y, and more\n\nThree,z\n")
    assert [record.title for record in content.records] == ["One", "Three"]
    (rejected,) = content.rejected
    assert (rejected.position, rejected.line) == (2, 3)
    assert "3 cells, the header 2" in rejected.reason


def test_empty_rows_at_the_end_are_paper_and_within_are_rejected() -> None:
    content = read("title,abstract\nOne,x\n,\nTwo,y\n,\n,\n")
    assert [record.title for record in content.records] == ["One", "Two"]
    assert [entry.reason for entry in content.rejected] == ["row is empty"]


def test_embases_source_cell_is_read_into_its_parts() -> None:
    (record,) = read(
        "Title,Source,Emtree Drug Index Terms\n"
        '"A","Child Care (2014) 3:2 (152-160). Date of Publication: 3 May 2014",x\n'
    ).records
    assert (record.venue, record.year, record.volume, record.issue, record.pages) == (
        *("Child Care", 2014, "3", "2", "152-160"),
    )


def test_the_header_may_come_after_prose_and_a_stated_separator() -> None:
    prose = (
        '"About the data: exported on 1 May; 2 records"\n\n"Terms: see, for example, the site"\n'
    )
    content = read(prose + "Rank;Title;Abstract;DOI\n1;One;x, y;10.1000/a\n2;Two;z;10.1000/b\n")
    assert [record.title for record in content.records] == ["One", "Two"]
    assert content.notices == ("2 line(s) before the header were not read",)
    (record,) = read("sep=;\nTitle;Abstract\nOne, two;a, b, c\n").records
    assert (record.title, record.abstract) == ("One, two", "a, b, c")


@pytest.mark.parametrize(
    ("header", "row", "pages"),
    [
        ("Title,Pages", "One,3-9", "3-9"),
        ("Title,Page start,Page end,Page count", "One,201,219,19", "201-219"),
        ("TI,BP,EP,PG", "One,101,109,9", "101-109"),
        ("Title,Start Page,End Page,Article Number", "One,,,e12", "e12"),
        ("Title,StartPage,EndPage", "One,7,7", "7"),
        ("Title,biblio.first_page,biblio.last_page", "One,1,0", "1"),
        ("Title,Pagination", "One,e5", "e5"),
    ],
)
def test_pages_come_from_their_own_columns(header: str, row: str, pages: str) -> None:
    (record,) = read(f"{header},DOI\n{row},10.1000/x\n").records
    assert record.pages == pages


def test_an_article_number_beside_pages_is_kept() -> None:
    (record,) = read("Title,Page start,Page end,Art. No.\nOne,1,9,e77\n").records
    assert (record.pages, record.extra["Art. No."]) == ("1-9", "e77")


@pytest.mark.parametrize(
    "word",
    [
        *("NA", "N/A", "nan", "null", "None", "undefined", "\\N", "#N/A", "#REF!", "-", "—", "..."),
        *("[No abstract available]", "No abstract provided.", "[No authors listed]", "(no author)"),
    ],
)
def test_words_for_a_missing_value_are_no_values(word: str) -> None:
    cells = ",".join([word] * 6)
    content = read(f"title,abstract,authors,journal,volume,doi,pages\nOne,{cells}\n")
    (record,) = content.records
    assert (record.abstract, record.authors, record.venue, record.volume, record.pages) == (
        *(None, (), None, None, None),
    )
    assert record.flags == ("no-abstract",)


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        ("Gatica, G.N., van der Berg, J.", ["Gatica, G.N.", "van der Berg, J."]),
        ("Okafor N, WHO, Kask T.", ["Okafor N", "WHO", "Kask T."]),
        ("N Okafor, P Lindqvist", ["N Okafor", "P Lindqvist"]),
        ("Smith, Tom", ["Smith, Tom"]),
        ("Smith, Tom; Hunter, Shawn", ["Smith, Tom", "Hunter, Shawn"]),
        ("Nadia Okafor|Per Lindqvist", ["Nadia Okafor", "Per Lindqvist"]),
        ("Smith, J., Jr., Brown, K.", ["Smith, J., Jr.", "Brown, K."]),
        (
            "Nadia Okafor, Per Lindqvist, and Toomas Kask",
            ["Nadia Okafor", "Per Lindqvist", "Toomas Kask"],
        ),
        ("Okafor N and Kask T", ["Okafor N", "Kask T"]),
    ],
)
def test_people_are_divided(cell: str, names: list[str]) -> None:
    (record,) = read(f'title,authors\nOne,"{cell}"\n').records
    assert [author.name for author in record.authors] == names


@pytest.mark.parametrize(
    ("header", "row"),
    [
        (
            "NCT Number,Study Title,Study URL,Brief Summary,Conditions,Start Date",
            "NCT01234567,Boots,https://clinicaltrials.gov/study/NCT01234567,Sum,Feet|Legs,2019-05",
        ),
        (
            "Cites,Authors,Title,Year,Source,Publisher,ArticleURL,GSRank,StartPage,EndPage,Abstract",
            '3,"N Okafor, P Lindqvist",Boots,2019,Invented J,P,https://example.org/1,1,3,9,Sum',
        ),
    ],
)
def test_tables_of_registers_and_search_tools_are_read(header: str, row: str) -> None:
    (record,) = read(f"{header}\n{row}\n").records
    assert (record.title, record.abstract, record.year) == ("Boots", "Sum", 2019)
    assert record.urls


def test_the_accession_number_of_a_record_from_pubmed_is_its_pmid() -> None:
    head = "Title,Accession Number,Name of Database\n"
    assert read(f"{head}One,28123456,PubMed\n").records[0].pmid == "28123456"
    assert read(f"{head}One,28123456,CINAHL\n").records[0].pmid is None


def test_keywords_as_a_program_writes_a_list_are_parted() -> None:
    (record,) = read("title,keywords\nOne,\"['care', 'joint, working']\"\n").records
    assert record.keywords == ("care", "joint, working")
