from __future__ import annotations

import pytest

from harvest.identifiers import clean_doi, clean_pmcid, clean_pmid, clean_url, is_doi


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
        ("10.1000/a)/full", "10.1000/a"),
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


@pytest.mark.parametrize(
    ("address", "doi"),
    [
        ("10.3389/fpsyg.2018.00999/full", "10.3389/fpsyg.2018.00999"),
        ("https://onlinelibrary.wiley.com/doi/10.1002/inv.22183/abstract", "10.1002/inv.22183"),
        ("https://link.springer.com/content/pdf/10.1007/s00-021-1.pdf", "10.1007/s00-021-1"),
        ("https://example.org/doi/10.1000/x/full?a=b#top", "10.1000/x"),
        ("https://doi.org/10.1000/x#abstract", "10.1000/x"),
        ("10.1136/bmj.n71.full.pdf", "10.1136/bmj.n71"),
        (
            "https://www.biorxiv.org/content/10.1101/2020.03.22.002386v2.full.pdf",
            "10.1101/2020.03.22.002386",
        ),
        ("10.1002/14651858.CD000001.pub2/full", "10.1002/14651858.cd000001.pub2"),
        ("10.1093/bjsw/bcab001/6123456", "10.1093/bjsw/bcab001"),
        # Versions that are part of the DOI stay.
        ("10.21203/rs.3.rs-1234/v1", "10.21203/rs.3.rs-1234/v1"),
        # A test, a register's trial, a funder and a journal are no reports.
        ("https://onlinelibrary.wiley.com/journal/10.1111/(ISSN)1467-8578", None),
        ("10.1037/t12345-000", None),
        ("10.1186/ISRCTN12345678", None),
        ("https://doi.org/10.13039/501100000265", None),
    ],
)
def test_what_addresses_add_is_no_part_of_a_doi(address: str, doi: str | None) -> None:
    assert clean_doi(address) == doi


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("doi: 10.5555/x", True),
        ("https://doi.org/10.5555/x", True),
        ("10.5555/x", True),
        ("Comment in: Invented J. 2015;4(3):77. doi: 10.5555/x", False),
        ("10.5555/x and 10.5555/y", False),
    ],
)
def test_a_doi_by_itself_is_told_from_a_citation(text: str, whole: bool) -> None:
    assert is_doi(text) is whole
