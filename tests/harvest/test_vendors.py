"""Exports of Ovid, ProQuest, Web of Science and others: database, platform, records, strategy."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from harvest.errors import UnreadableFile
from harvest.files.ovid import source_of
from harvest.files.read import FileContent
from harvest.record import Record
from tests.harvest.reading import read
from tests.shared import IMPORTS, needs_shared

# File, format, database, platform, records, rejected: read by a person from the file itself.
FILES = [
    ("zotero-OVIDTagged/case01.txt", "ovid", "BIOSIS Previews", "Ovid", 4, 0),
    ("zotero-OVIDTagged/case06.txt", "ovid", "PsycINFO", "Ovid", 2, 0),
    ("zotero-OVIDTagged/case03.txt", "ovid", "Journals@Ovid; Your Journals@Ovid", "Ovid", 4, 0),
    ("jabref/OvidImporterTest4.txt", "ovid", "Ovid", "Ovid", 1, 0),
    ("jabref/OvidImporterTest1.txt", "ovid", "Ovid", "Ovid", 3, 2),
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


def _words(text: str | None) -> str:
    plain = re.sub(r"<[^>]+>|\[(?:Article|Review|References|Miscellaneous)[^\]]*\]", "", text or "")
    return re.sub(r"[^a-z0-9]", "", plain.lower())


ORACLES = sorted(
    path
    for folder in ("zotero-OVIDTagged", "zotero-WebOfScienceTagged")
    for path in (IMPORTS / folder).glob("case*")
    if ".expected-" not in path.name
)


@needs_shared
@pytest.mark.parametrize("path", ORACLES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_is_read_is_what_zotero_reads(path: Path) -> None:
    expected = json.loads(
        path.with_name(f"{path.stem}.expected-zotero-items.json").read_text(encoding="utf-8")
    )
    found = read(path.read_bytes())
    assert len(found.records) == len(expected)
    for record, item in zip(found.records, expected, strict=True):
        # A subtitle is joined there and stands by itself here.
        assert _words(item["title"]).startswith(_words(record.title)[:40])
        if item.get("DOI"):
            assert record.doi == item["DOI"].lower()
        if item.get("abstractNote"):
            assert _words(record.abstract)[:60] == _words(item["abstractNote"])[:60]


def one(text: str) -> Record:
    found = read(text.encode())
    (record,) = found.records
    return record


@pytest.mark.parametrize(
    ("line", "venue", "volume", "issue", "pages", "date"),
    [
        (
            "Behavioural and Cognitive Psychotherapy. Vol.43(5), Sep 2015, pp. 623-634.",
            *("Behavioural and Cognitive Psychotherapy", "43", "5", "623-634", "Sep 2015"),
        ),
        (
            "Forest Ecology & Management. 201(2-3):327-334, November 15, 2004.",
            *("Forest Ecology & Management", "201", "2-3", "327-334", "November 15, 2004"),
        ),
        (
            "ACSM'S Health & Fitness Journal January/February 2010;14(1):56",
            *("ACSM'S Health & Fitness Journal", "14", "1", "56", "January/February 2010"),
        ),
        (
            "Journal of Political Studies 12, Winter 2007: 7-14.",
            *("Journal of Political Studies", "12", None, "7-14", "Winter 2007"),
        ),
        ("Journal of Orthopaedic Trauma.", "Journal of Orthopaedic Trauma", *(None,) * 4),
        (None, *(None,) * 5),
    ],
)
def test_ovids_source_line_is_read_into_its_parts(
    line: str | None,
    venue: str | None,
    volume: str | None,
    issue: str | None,
    pages: str | None,
    date: str | None,
) -> None:
    found = source_of(line)
    assert (found.venue, found.volume, found.issue, found.pages, found.date) == (
        *(venue, volume, issue, pages, date),
    )


OVID = """Database: Ovid MEDLINE(R) ALL <1946 to November 20, 2026>
Search Strategy:
--------------------------------------------------------------------------------
1     exp Child/ (2,012,345)
2     social work*.tw. (31200)
3     1 and 2 (4510)

***************************
<1. >
DB  - Ovid MEDLINE(R)
AN  - 1
AU  - Ross, Mary
TI  - Joint work of schools and social care. [Review]
SO  - Child Care. 12(3):4-9, May 2020.
AB  - What joint work asks
      of people.
YR  - 2020
<2. >
DB  - Ovid MEDLINE(R)
AN  - 2
TI  - A second
AB  - Cut in the mid"""


def test_ovids_own_search_history_is_read_into_the_search_and_a_cut_is_told() -> None:
    found = read(OVID.encode())
    assert found.format == "ovid"
    assert found.origin.database == "Ovid MEDLINE(R) ALL <1946 to November 20, 2026>"
    assert found.origin.platform == "Ovid"
    assert found.origin.strategy is not None
    assert found.origin.strategy.split("\n")[1] == "2     social work*.tw. (31200)"
    assert found.origin.reported == 4510
    first, second = found.records
    assert (first.title, first.abstract) == (
        "Joint work of schools and social care.",
        "What joint work asks of people.",
    )
    assert (first.venue, first.volume, first.issue, first.pages) == (
        *("Child Care", "12", "3", "4-9"),
    )
    assert (second.title, second.abstract) == ("A second", "Cut in the mid")
    (notice,) = found.notices
    assert "it was cut" in notice


@pytest.mark.parametrize("at", range(20, len(OVID), 37))
def test_an_ovid_file_cut_anywhere_is_read_as_far_as_it_goes_or_refused(at: int) -> None:
    whole = read(OVID.encode())
    try:
        found: FileContent = read(OVID[:at].encode())
    except UnreadableFile as error:
        assert error.remedy
        assert "<1. >" not in OVID[:at]
        return
    assert len(found.records) <= len(whole.records)
    assert found.entries_read == OVID[:at].count(". >")


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
    assert any("does not end (ER)" in notice for notice in found.notices)


def test_proquests_sets_are_its_strategy() -> None:
    rule = "_" * 60
    text = f"""{rule}

Report Information from ProQuest
{rule}

Search Strategy

Set No.\tSearched for\tDatabases\tResults
S1\tab("social work")\tASSIA\t3,456
S2\tS1 AND ab(health)\tASSIA\t1,234*

{rule}

Document 1 of 2

A title of one

Author: Ross, Mary; Hill, Ann

Abstract: All of it.

Publication title: Child Care

Publication year: 2019

Database: ASSIA

ProQuest document ID: 123

{rule}
"""
    found = read(text.encode())
    assert found.format == "proquest-text"
    assert (found.origin.database, found.origin.reported) == ("ASSIA", 1234)
    assert (found.origin.strategy or "").startswith('S1 ab("social work") ASSIA 3,456')
    (record,) = found.records
    assert (record.title, record.year, record.accession) == ("A title of one", 2019, "123")
    assert [author.name for author in record.authors] == ["Ross, Mary", "Hill, Ann"]
    assert "speaks of 2 documents and holds 1" in found.notices[0]


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


def test_embases_source_cell_is_read_into_its_parts() -> None:
    record = one(
        "Title,Source,Emtree Drug Index Terms\n"
        '"A","Child Care (2014) 3:2 (152-160). Date of Publication: 3 May 2014",x\n'
    )
    assert (record.venue, record.year, record.volume, record.issue, record.pages) == (
        *("Child Care", 2014, "3", "2", "152-160"),
    )


def test_ebscos_xml_is_read_after_its_description() -> None:
    text = """<?xml version="1.0"?><records><rec resultID="1">
<header shortDbName="sih" longDbName="SocINDEX with Full Text" uiTerm="12345678"><controlInfo>
<jinfo><jtl>Child Care</jtl><issn>00000000</issn></jinfo>
<pubinfo><dt year="2019" month="03" day="01"/><vid>3</vid><iid>2</iid></pubinfo>
<artinfo><ui type="doi">10.5555/abc</ui><ppf>10</ppf><ppct>5</ppct><tig><atl>Joint work</atl></tig>
<aug><au>Ross, Mary</au><au>Hill, Ann</au></aug><sug><subj type="major">Schools</subj></sug>
<ab>What it asks.</ab><pubtype>Academic Journal</pubtype></artinfo><language>English</language>
</controlInfo></header></rec></records>"""
    found = read(text.encode())
    assert (found.format, found.origin.database, found.origin.platform) == (
        *("ebsco-xml", "SocINDEX with Full Text", "EBSCOhost"),
    )
    (record,) = found.records
    assert (record.title, record.venue, record.year, record.pages) == (
        *("Joint work", "Child Care", 2019, "10-14"),
    )
    assert (record.doi, record.accession, record.abstract) == (
        *("10.5555/abc", "12345678", "What it asks."),
    )
    assert [author.name for author in record.authors] == ["Ross, Mary", "Hill, Ann"]
