from __future__ import annotations

import pytest

from harvest.identifiers import clean_doi, clean_pmcid, clean_pmid, clean_url


@pytest.mark.parametrize(
    ("text", "doi"),
    [
        ("https://doi.org/10.1111/CFS.12345", "10.1111/cfs.12345"),
        ("doi: 10.1016/j.x.2004.08.009.", "10.1016/j.x.2004.08.009"),
        ("10.1002%2Fcpp.2398", "10.1002/cpp.2398"),
        ("(10.1000/abc(1))", "10.1000/abc(1)"),
        (
            "10.1002/(SICI)1097-0258(19980815)17:15<1661::AID-SIM968>3.0.CO;2-2",
            "10.1002/(sici)1097-0258(19980815)17:15<1661::aid-sim968>3.0.co;2-2",
        ),
        ("10.4", None),
        ("no doi", None),
        ("", None),
        (None, None),
    ],
)
def test_dois_are_cleaned_or_dropped(text: str | None, doi: str | None) -> None:
    assert clean_doi(text) == doi


@pytest.mark.parametrize(
    ("text", "pmid"),
    [
        ("0012345", "12345"),
        ("PMID: 123", "123"),
        ("MEDLINE:16842170", "16842170"),
        ("23690738[pmid]", "23690738"),
        ("123.0", "123"),
        ("https://pubmed.ncbi.nlm.nih.gov/123/", "123"),
        ("EJ123", None),
        ("0", None),
    ],
)
def test_pubmed_ids_are_cleaned_or_dropped(text: str, pmid: str | None) -> None:
    assert clean_pmid(text) == pmid


def test_pmc_ids_are_found_in_a_text() -> None:
    assert clean_pmcid("see PMC4513071.") == "PMC4513071"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://example.org/a?b=1", "https://example.org/a?b=1"),
        ("www.example.org", "https://www.example.org"),
        ("javascript:alert(1)", None),
        ("data:text/html,x", None),
        ("ftp://example.org", None),
        ("http://[::1", None),
        ("https://", None),
    ],
)
def test_only_http_links_are_links(text: str, url: str | None) -> None:
    assert clean_url(text) == url
