from __future__ import annotations

import io
import re

import pytest
from lxml import etree

from harvest.errors import UnreadableFile
from harvest.files.pubmed_xml import parse
from harvest.record import Record, Rejected
from tests.harvest.reading import read
from tests.harvest.sources.answers import PAYLOADS
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


def test_a_pubmed_article_keeps_labels_and_loses_markup() -> None:
    content = read(ARTICLE)
    assert content.format == "pubmed-xml"
    (record,) = content.records
    assert record.title == "Care in families & more"
    assert record.abstract == "AIMS: To see. And p < 0.05."
    assert (record.pmid, record.doi, record.year) == ("12", "10.1000/x1", 2011)


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


@needs_shared
def test_no_article_that_is_valid_by_its_dtd_is_rejected() -> None:
    """Each recorded file is checked against the DTD that it names, if we have it."""
    valid = articles = 0
    for path in sorted((PAYLOADS / "pubmed").rglob("*.xml")):
        data = path.read_bytes()
        named = re.search(rb'<!DOCTYPE Pubmed\w+[^>]*?"[^"]*?([\w.-]+\.dtd)"', data)
        if named is None:
            continue
        dtd = PAYLOADS / "pubmed" / "dtd" / named.group(1).decode()
        if not dtd.is_file():
            continue
        tree = etree.fromstring(data, etree.XMLParser(resolve_entities=False, huge_tree=True))
        if not etree.DTD(str(dtd)).validate(tree):
            continue
        valid += 1
        entries = list(parse(io.BytesIO(data)))
        articles += sum(isinstance(entry, Record) for entry in entries)
        assert not [entry for entry in entries if isinstance(entry, Rejected)], path.name
    assert (valid, articles) == (9, 188)
