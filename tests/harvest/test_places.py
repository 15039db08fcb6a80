from __future__ import annotations

import pytest

from harvest.places import clean_date, clean_issue, clean_pages, clean_volume
from tests.harvest.reading import read


@pytest.mark.parametrize(
    ("text", "pages"),
    [
        ("349-69", "349-69"),
        ("e0815", "e0815"),
        ("S71-S76", "S71-S76"),
        ("pp 37-64", "37-64"),
        ("p. 12", "12"),
        ("P12", "12"),
        ("i-iii", "i-iii"),
        ("A-B", "A-B"),
        ("3‐", "3"),
        ("465:1–465:20", "465:1–465:20"),
        ("12-3; discussion 13-14", "12-3; discussion 13-14"),
        ("No-Specified", None),
        ("No Pagination Specified", None),
        ("N.PAG", None),
        ("n. pag.", None),
        ("2-xx, 320", None),
        ("XX, 327", None),
        ("9pp", None),
        ("Available: https://example.org/a.pdf", None),
        (None, None),
    ],
)
def test_pages_are_places_and_never_words_or_counts(text: str | None, pages: str | None) -> None:
    assert clean_pages(text) == pages


@pytest.mark.parametrize(
    ("text", "volume"),
    [("v. 47", "47"), ("v. v. 176", "176"), ("Vol 3", "3"), ("V", "V"), ("98 Suppl 1",) * 2],
)
def test_a_volume_has_no_word_for_it(text: str, volume: str) -> None:
    assert clean_volume(text) == volume


@pytest.mark.parametrize(
    ("text", "issue"),
    [
        ("no. 3", "3"),
        ("Nov", "Nov"),
        ("3 Pt 1", "3 Pt 1"),
        ("10205", "10205"),
        ("eag, 7805975", None),
        ("101676033", None),
        ("9439514, b6e", None),
        ("Achenbach, T. (1991). Child Behavior Checklist/4-18. Burlington", None),
    ],
)
def test_an_issue_is_no_number_of_a_journal_and_no_citation(text: str, issue: str | None) -> None:
    assert clean_issue(text) == issue


def test_a_date_has_no_words_for_what_is_missing() -> None:
    assert clean_date("2019/10//undefined") == "2019/10//"
    assert clean_date("2021/06//Apr undefined") == "2021/06//Apr"
    assert clean_date("2020///nan") == "2020///"
    assert clean_date("2020 Nan") == "2020"


def test_what_exports_of_one_platform_write_elsewhere_is_read() -> None:
    lines = [
        *("TY  - JOUR", "TI  - One", "AU  - van den Hoven, null", "KW  - care,boots,tau"),
        *("KW  - 1,2,3-triazole,x,y", "KW  - History, 20th Century", "M3  - Article"),
        *("M3  - Health Psychology & Medicine [3360]", "UR  - https://e.org/?a=1&amp;b=2"),
        "N1  - Accession Number: 2014-1-001. PMID: 23816162 Partial author list: A; B",
        "ER  - ",
    ]
    (record,) = read("\n".join(lines)).records
    assert [author.name for author in record.authors] == ["van den Hoven"]
    assert record.keywords == (
        "care",
        "boots",
        "tau",
        "1,2,3-triazole,x,y",
        "History, 20th Century",
    )
    assert (record.types, record.urls) == (("JOUR", "Article"), ("https://e.org/?a=1&b=2",))
    assert record.pmid == "23816162"
