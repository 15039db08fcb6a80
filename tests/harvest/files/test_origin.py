"""Exports of Ovid, ProQuest, Web of Science and others: database, platform, records, strategy."""

from __future__ import annotations

import io

import pytest

from harvest.files.read import read_file
from tests.harvest.reading import read
from tests.shared import IMPORTS, needs_shared

# File, format, database, platform, records, rejected: read by a person from the file itself.
FILES = [
    ("zotero-OVIDTagged/case01.txt", "ovid", "BIOSIS Previews", "Ovid", 4, 0),
    ("zotero-OVIDTagged/case06.txt", "ovid", "PsycINFO", "Ovid", 2, 0),
    ("zotero-OVIDTagged/case03.txt", "ovid", "Journals@Ovid; Your Journals@Ovid", "Ovid", 4, 0),
    ("jabref/OvidImporterTest4.txt", "ovid", None, "Ovid", 1, 0),
    ("jabref/OvidImporterTest1.txt", "ovid", None, "Ovid", 3, 2),
    ("asreview/ovid_psycinfo.ris", "ris", None, "Ovid", 6, 0),
    (
        "citesource/new_stage_data/medline_84.ris",
        *("ris", "Ovid MEDLINE(R); Ovid MEDLINE(R) PubMed-not-MEDLINE", "Ovid", 84, 0),
    ),
    (
        "metaknowledge/ProQuest_TestFile.first1200lines.txt",
        *("proquest-text", "ProQuest Dissertations & Theses Global", "ProQuest", 15, 0),
    ),
    (
        "colrev/abi_inform_proquest_ris.ris",
        "ris",
        "ProQuest Dissertations & Theses Global; Coronavirus Research Database; Publicly "
        "Available Content Database",
        *("ProQuest", 2, 0),
    ),
    ("asreview/proquest.ris", "ris", "PTSDpubs", "ProQuest", 6, 0),
    ("colrev/ebsco_bib.bib", "bibtex", None, "EBSCOhost", 1, 1),
    (
        "citesource/topic_data/20221207_gambling-harms_psycinfo_124.ris",
        *("ris", "APA PsycInfo", "EBSCOhost", 124, 0),
    ),
    (
        "colrev/psycinfo_ris.ris",
        *("ris", "PsycINFO", "American Psychological Association", 1, 0),
    ),
    (
        "zotero-WebOfScienceTagged/case01.ciw",
        *("wos", "Web of Science Core Collection", "Web of Science", 5, 0),
    ),
    ("zotero-WebOfScienceTagged/case05.ciw", "wos", "BIOSIS Previews", "Web of Science", 1, 0),
    ("jabref/IsiImporterTestInspec.isi", "wos", "Inspec", "Web of Science", 2, 0),
    ("jabref/IsiImporterTestMedline.isi", "wos", "MEDLINE", "Web of Science", 2, 0),
    (
        "metaknowledge/badFile.isi",
        *("wos", "Web of Science Core Collection", "Web of Science", 32, 0),
    ),
    (
        "asreview/web_of_science.txt",
        *("ris", "Web of Science Core Collection", "Web of Science", 10, 0),
    ),
    ("metaknowledge/scopus_testing.first40lines.csv", "csv", "Scopus", "Scopus", 39, 0),
    ("asreview/scopus.ris", "ris", "Scopus", "Scopus", 6, 0),
    ("asreview/embase.csv", "csv", "Embase", None, 6, 0),
    ("asreview/embase.ris", "ris", "Embase", "Embase.com", 6, 0),
    ("jabref/Endnote.book.example.enw", "refer", None, None, 1, 0),
    ("jabref/Endnote.entries.enw", "refer", None, None, 2, 11),
    ("jabref/refer.bibIX.ref", "refer", None, None, 4, 0),
    ("colrev/ais_enl.txt", "refer", None, None, 6, 0),
    ("colrev-loader/enl_data.enl", "refer", None, None, 3, 0),
]


@needs_shared
@pytest.mark.parametrize(
    ("name", "file_format", "database", "platform", "records", "rejected"),
    FILES,
    ids=[each[0] for each in FILES],
)
def test_a_vendors_file_tells_where_it_is_from(
    name: str,
    file_format: str,
    database: str | None,
    platform: str | None,
    records: int,
    rejected: int,
) -> None:
    found = read((IMPORTS / name).read_bytes())
    assert (found.format, found.origin.database, found.origin.platform) == (
        *(file_format, database, platform),
    )
    assert (len(found.records), len(found.rejected)) == (records, rejected)


def test_query_lines_between_ris_records_are_its_strategy() -> None:
    text = """Provider: Ovid
Database: APA PsycInfo
1. exp Foster Care/ (12,000)
2. "adult social care".tw. (300)
3. 1 or 2 (12,250)
TY  - JOUR
TI  - One
ER  -

TY  - JOUR
TI  - Two
"""
    found = read(text.encode())
    assert (found.origin.database, found.origin.platform) == ("APA PsycInfo", "Ovid")
    assert found.origin.reported == 12250
    assert len((found.origin.strategy or "").split("\n")) == 3
    assert any("has no end (ER)" in notice for notice in found.notices)


def test_scopus_own_numbers_say_where_a_file_is_from() -> None:
    found = read_file(io.BytesIO(b"Title,EID\nOne,2-s2.0-1\nTwo,2-s2.0-2\n"))
    assert (found.origin.database, found.origin.platform) == ("Scopus", "Scopus")
