from __future__ import annotations

from tests.harvest.reading import read


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
    assert "announces 2 documents but has 1" in found.notices[0]
