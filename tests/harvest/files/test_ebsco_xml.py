from __future__ import annotations

from tests.harvest.reading import read


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
