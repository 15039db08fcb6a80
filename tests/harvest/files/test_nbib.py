from __future__ import annotations

from harvest.record import Author
from tests.harvest.reading import read

TWO = """PMID- 27433151
OWN - NLM
TI  - A title that runs
      over two lines.
AB  - An abstract.
FAU - Smith, Tom
AU  - Smith T
CN  - The Study Group
LID - 10.1000/one [doi]
LID - S0378 [pii]
PMC - PMC4513071
DP  - 2016 Jan 15
JT  - Child abuse & neglect
PT  - Journal Article
MH  - *Child Welfare

PMID- 27394443
TI  - Another
"""


def test_both_records_are_read_with_their_fields() -> None:
    content = read(TWO)
    assert content.format == "nbib"
    one, other = content.records
    assert one.title == "A title that runs over two lines."
    assert one.authors == (Author("Smith, Tom"), Author("The Study Group", collective=True))
    assert (one.doi, one.pmid, one.pmcid) == ("10.1000/one", "27433151", "PMC4513071")
    assert (one.year, one.venue, one.accession) == (2016, "Child abuse & neglect", "27433151")
    assert one.keywords == ("Child Welfare",)
    assert other.title == "Another"


def test_a_second_pmid_without_a_blank_line_begins_a_record() -> None:
    content = read("PMID- 1\nTI  - One\nPMID- 2\nTI  - Two\n")
    assert [record.title for record in content.records] == ["One", "Two"]


def test_a_blank_line_within_a_record_does_not_split_it() -> None:
    content = read("PMID- 1\nTI  - One\n\nAB  - Its abstract\n\nPMID- 2\nTI  - Two\n")
    assert [record.abstract for record in content.records] == ["Its abstract", None]


def test_a_line_that_is_no_tag_is_flagged() -> None:
    (record,) = read("PMID- 1\nSO  invalid line\nTI  - One\n").records
    assert "stray-text" in record.flags


def test_erics_variant_has_its_own_accession_number() -> None:
    (record,) = read(
        "OWN - ERIC\nTI  - One\nOID - EJ1131633\nAID - http://dx.doi.org/10.1000/1x\n"
    ).records
    assert (record.accession, record.database, record.doi) == ("EJ1131633", "ERIC", "10.1000/1x")
