from __future__ import annotations

from tests.harvest.reading import read

ENDNOTE = """<xml><records><record><database name="x.enl">x</database>
<ref-type name="Journal Article">17</ref-type><titles><title><style face="normal">Joint </style>
<style face="italic">working</style></title><secondary-title>Journal</secondary-title></titles>
<contributors><authors><author>Smith, Tom</author></authors></contributors>
<dates><year>2012</year></dates><electronic-resource-num>10.1000/e1</electronic-resource-num>
<abstract>Text.</abstract></record><record><rec-number>2</rec-number></record></records></xml>"""


def test_endnote_text_is_read_through_its_styles() -> None:
    content = read(ENDNOTE)
    assert content.format == "endnote-xml"
    (record,) = content.records
    assert record.title == "Joint working"
    assert (record.venue, record.year, record.doi) == ("Journal", 2012, "10.1000/e1")
    assert [entry.position for entry in content.rejected] == [2]


def test_keywords_in_one_element_are_divided() -> None:
    words = "<keywords><keyword>care; boots&#13;schools</keyword></keywords>"
    (record,) = read(ENDNOTE.replace("<dates>", f"{words}<dates>")).records
    assert record.keywords == ("care", "boots", "schools")
