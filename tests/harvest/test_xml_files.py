from __future__ import annotations

import pytest

from harvest.errors import UnknownFormat, UnreadableFile
from tests.harvest.reading import read
from tests.shared import PUBMED, needs_shared

ARTICLE = """<?xml version="1.0"?>
<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle, 1st January 2019//EN" "x.dtd">
<PubmedArticleSet><PubmedArticle><MedlineCitation><PMID>12</PMID><Article>
<Journal><Title>J</Title><JournalIssue><Volume>3</Volume><PubDate><MedlineDate>2011 Spring
</MedlineDate></PubDate></JournalIssue></Journal>
<ArticleTitle>Care in <i>families</i> &amp; more</ArticleTitle>
<Abstract><AbstractText Label="AIMS">To see.</AbstractText><AbstractText>And <b>p</b> &lt; 0.05.
</AbstractText></Abstract>
<AuthorList><Author><LastName>Smith</LastName><ForeName>Tom</ForeName></Author></AuthorList>
</Article></MedlineCitation><PubmedData><ArticleIdList><ArticleId IdType="doi">10.1000/X1
</ArticleId></ArticleIdList></PubmedData></PubmedArticle></PubmedArticleSet>"""

ENDNOTE = """<xml><records><record><database name="x.enl">x</database>
<ref-type name="Journal Article">17</ref-type><titles><title><style face="normal">Joint </style>
<style face="italic">working</style></title><secondary-title>Journal</secondary-title></titles>
<contributors><authors><author>Smith, Tom</author></authors></contributors>
<dates><year>2012</year></dates><electronic-resource-num>10.1000/e1</electronic-resource-num>
<abstract>Text.</abstract></record><record><rec-number>2</rec-number></record></records></xml>"""


def test_a_pubmed_article_keeps_labels_and_loses_markup() -> None:
    content = read(ARTICLE)
    assert content.format == "pubmed-xml"
    (record,) = content.records
    assert record.title == "Care in families & more"
    assert record.abstract == "AIMS: To see. And p < 0.05."
    assert (record.pmid, record.doi, record.year) == ("12", "10.1000/x1", 2011)


def test_endnote_text_is_read_through_its_styles() -> None:
    content = read(ENDNOTE)
    assert content.format == "endnote-xml"
    (record,) = content.records
    assert record.title == "Joint working"
    assert (record.venue, record.year, record.doi) == ("Journal", 2012, "10.1000/e1")
    assert [entry.position for entry in content.rejected] == [2]


def test_another_root_is_refused_by_its_name() -> None:
    with pytest.raises(UnknownFormat, match="<eSearchResult>"):
        read("<?xml version='1.0'?><eSearchResult><Count>1</Count></eSearchResult>")


BOMB = '<!DOCTYPE xml [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]>'
EXTERNAL = '<!DOCTYPE xml [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize("prolog", [BOMB, EXTERNAL])
def test_a_file_that_declares_entities_is_refused(prolog: str) -> None:
    text = f"<?xml version='1.0'?>\n{prolog}<xml><records><record><titles><title>&b;&a;</title>"
    with pytest.raises(UnreadableFile, match="declares entities") as caught:
        read(f"{text}</titles></record></records></xml>")
    assert caught.value.line == 2
    assert caught.value.remedy


def test_a_cut_file_is_refused_with_its_line() -> None:
    with pytest.raises(UnreadableFile, match="not well-formed") as caught:
        read(ARTICLE[:400])
    assert caught.value.line


@needs_shared
def test_all_articles_of_pubmeds_sample_are_read() -> None:
    content = read((PUBMED / "fatcat" / "pubmedsample_2019.xml").read_bytes())
    assert (len(content.records), len(content.rejected)) == (176, 0)
    # The sample's README: 61 of 176 without abstract.
    assert sum(record.abstract is None for record in content.records) <= 61
    assert all(record.title and record.pmid for record in content.records)
