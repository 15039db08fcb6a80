"""Articles in the formats that were recorded from the sources."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from xml.sax.saxutils import escape

from tests.loopback.corpus import Article

# Names of links from an article to its notices, at PubMed and at Europe PMC.
_LINKS = {
    "retracted": ("RetractionIn", "Retraction in"),
    "republished": ("RetractedandRepublishedIn", "Retracted and republished in"),
    "corrected": ("ErratumIn", "Erratum in"),
    "concern": ("ExpressionOfConcernIn", "Expression of concern in"),
    "published": ("UpdateIn", "Update in"),
}
_HEAD = (
    '<?xml version="1.0" ?>\n<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle, 1st January '
    '2025//EN" "https://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_250101.dtd">\n<PubmedArticleSet>'
)


def pubmed_set(articles: Iterable[Article]) -> bytes:
    """An efetch answer."""
    return (_HEAD + "".join(map(pubmed_xml, articles)) + "</PubmedArticleSet>").encode()


def pubmed_xml(article: Article) -> str:
    """One PubmedArticle."""
    parts = "".join(
        f'<AbstractText Label="{label}" NlmCategory="{label}">{escape(text)}</AbstractText>'
        for label, text in article.sections
    )
    abstract = f"<Abstract>{parts}</Abstract>" if article.abstract else ""
    people = "".join(
        f'<Author ValidYN="Y"><LastName>{escape(family)}</LastName><ForeName>{given}</ForeName>'
        f"<Initials>{given[0]}</Initials></Author>"
        for family, given in article.authors
    )
    headings = "".join(
        f'<MeshHeading><DescriptorName UI="D000001" MajorTopicYN="N">{name}</DescriptorName></MeshHeading>'
        for name in article.headings
    )
    types = "".join(
        f'<PublicationType UI="D016428">{escape(kind)}</PublicationType>' for kind in article.types
    )
    status_notices = "".join(
        f'<CommentsCorrections RefType="{_LINKS[kind][0]}"><RefSource>Notice {pmid}</RefSource>'
        f'<PMID Version="1">{pmid}</PMID></CommentsCorrections>'
        for kind, pmid in article.status_notices
    )
    status_notices = (
        f"<CommentsCorrectionsList>{status_notices}</CommentsCorrectionsList>"
        if status_notices
        else ""
    )
    day = article.entered
    return (
        f'<PubmedArticle><MedlineCitation Status="MEDLINE" Owner="NLM"><PMID Version="1">{article.pmid}</PMID>'
        f'<Article PubModel="Print"><Journal><ISSN IssnType="Print">0000-0000</ISSN><JournalIssue CitedMedium="Print">'
        f"<Volume>{article.number % 40 + 1}</Volume><Issue>{article.number % 4 + 1}</Issue>"
        f"<PubDate><Year>{article.year}</Year><Month>{day:%b}</Month></PubDate></JournalIssue>"
        f"<Title>{article.journal}</Title></Journal><ArticleTitle>{escape(article.title)}.</ArticleTitle>"
        f'<ELocationID EIdType="doi" ValidYN="Y">{article.doi}</ELocationID>{abstract}'
        f'<AuthorList CompleteYN="Y">{people}</AuthorList><Language>{article.language[0]}</Language>'
        f"<PublicationTypeList>{types}</PublicationTypeList></Article>{status_notices}<MeshHeadingList>{headings}</MeshHeadingList></MedlineCitation>"
        f'<PubmedData><History><PubMedPubDate PubStatus="entrez"><Year>{day.year}</Year><Month>{day.month}</Month>'
        f"<Day>{day.day}</Day></PubMedPubDate></History><PublicationStatus>ppublish</PublicationStatus>"
        f'<ArticleIdList><ArticleId IdType="pubmed">{article.pmid}</ArticleId>'
        f'<ArticleId IdType="doi">{article.doi}</ArticleId></ArticleIdList>'
        f'<ReferenceList><Reference><ArticleIdList><ArticleId IdType="doi">10.5555/another</ArticleId>'
        f"</ArticleIdList></Reference></ReferenceList></PubmedData></PubmedArticle>\n"
    )


def europepmc_core(article: Article) -> dict[str, Any]:
    """One core result; keys without a value are absent."""
    found: dict[str, Any] = {
        "id": article.pmid,
        "source": "MED",
        "pmid": article.pmid,
        "doi": article.doi,
        "title": f"{article.title}.",
        "authorString": ", ".join(f"{family} {given[0]}" for family, given in article.authors)
        + ".",
        "authorList": {
            "author": [
                {
                    "fullName": f"{family} {given[0]}",
                    "firstName": given,
                    "lastName": family,
                    "initials": given[0],
                }
                for family, given in article.authors
            ]
        },
        "journalInfo": {
            "issue": str(article.number % 4 + 1),
            "volume": str(article.number % 40 + 1),
            "yearOfPublication": article.year,
            "journal": {"title": article.journal, "issn": "0000-0000"},
        },
        "pubYear": str(article.year),
        "language": article.language[0],
        "pubTypeList": {"pubType": list(article.types)},
        "isOpenAccess": "N",
        "firstPublicationDate": article.entered.isoformat(),
    }
    if article.status_notices:
        links = [
            {"id": pmid, "source": "MED", "reference": f"Notice {pmid}", "type": _LINKS[kind][1]}
            for kind, pmid in article.status_notices
        ]
        found["commentCorrectionList"] = {"commentCorrection": links}
    if article.abstract:
        found["abstractText"] = "".join(
            f"<h4>{label.capitalize()}</h4>{text}" for label, text in article.sections
        )
    if article.headings:
        headings = [{"majorTopic_YN": "N", "descriptorName": name} for name in article.headings]
        found["meshHeadingList"] = {"meshHeading": headings}
    return found


def openalex_work(article: Article) -> dict[str, Any]:
    """One work; the abstract as an inverted index, or null."""
    index: dict[str, list[int]] | None = None
    if article.abstract:
        index = {}
        for place, word in enumerate(article.abstract.split()):
            index.setdefault(word, []).append(place)
    return {
        "id": f"https://openalex.org/W{9_000_000_000 + article.number}",
        "doi": f"https://doi.org/{article.doi}",
        "title": article.title,
        "display_name": article.title,
        "publication_year": article.year,
        "publication_date": article.entered.isoformat(),
        "ids": {
            "openalex": f"https://openalex.org/W{9_000_000_000 + article.number}",
            "doi": f"https://doi.org/{article.doi}",
            "pmid": f"https://pubmed.ncbi.nlm.nih.gov/{article.pmid}",
        },
        "language": article.language[1],
        "primary_location": {
            "landing_page_url": f"https://doi.org/{article.doi}",
            "source": {"display_name": article.journal, "issn_l": "0000-0000"},
        },
        "type": "article",
        "authorships": [
            {
                "author": {"display_name": f"{given} {family}"},
                "raw_author_name": f"{given} {family}",
            }
            for family, given in article.authors
        ],
        "biblio": {
            "volume": str(article.number % 40 + 1),
            "issue": str(article.number % 4 + 1),
            "first_page": None,
            "last_page": None,
        },
        "is_retracted": "Retracted Publication" in article.types,
        "keywords": [{"display_name": "Made by a machine", "score": 0.5}],
        "mesh": [{"descriptor_name": name} for name in article.headings],
        "abstract_inverted_index": index,
    }
