"""PubMed's XML: PubmedArticleSet, PubmedBookArticleSet, or one bare article of either."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from lxml import etree

from harvest.files.build import Fields, record_from
from harvest.record import Author, Entry, Notice
from harvest.xml import elements, line_of, text_of, texts

ROOTS = {"PubmedArticleSet", "PubmedBookArticleSet", "PubmedArticle", "PubmedBookArticle"}
_ARTICLES = {"PubmedArticle", "PubmedBookArticle"}


def parse(stream: BinaryIO) -> Iterator[Entry | Notice]:
    """Records of a PubMed XML file; see ``harvest.record.Parser``."""
    for position, element in enumerate(elements(stream, _ARTICLES), start=1):
        book = element.tag == "PubmedBookArticle"
        yield record_from(_book(element, position) if book else _article(element, position))


def _person(author: etree._Element) -> Author | None:
    collective = text_of(author.find("CollectiveName"))
    if collective:
        return Author(collective, collective=True)
    family = text_of(author.find("LastName"))
    given = text_of(author.find("ForeName")) or text_of(author.find("Initials"))
    name = ", ".join(part.strip() for part in (family, given) if part)
    return Author(name) if name else None


def _people(parent: etree._Element | None) -> list[Author]:
    if parent is None:
        return []
    people = map(_person, parent.iterfind("Author"))
    return [person for person in people if person]


def _abstract(parent: etree._Element | None) -> str | None:
    """Labelled parts joined as "LABEL: text", in file order."""
    if parent is None:
        return None
    parts = []
    for part in parent.iterfind("AbstractText"):
        text = text_of(part)
        if text:
            label = part.get("Label")
            parts.append(f"{label}: {text.strip()}" if label else text.strip())
    return " ".join(parts) or None


def _date(date: etree._Element | None) -> str | None:
    if date is None:
        return None
    free = text_of(date.find("MedlineDate"))
    parts = [text_of(date.find(name)) for name in ("Year", "Month", "Season", "Day")]
    return free or " ".join(part.strip() for part in parts if part) or None


def _ids(parent: etree._Element, path: str, kind: str, attribute: str) -> list[str]:
    found = parent.iterfind(path)
    return [t for t in (text_of(e) for e in found if e.get(attribute) == kind) if t]


def _article(element: etree._Element, position: int) -> Fields:
    citation = element.find("MedlineCitation")
    citation = element if citation is None else citation
    article = citation.find("Article")
    article = citation if article is None else article
    journal = article.find("Journal")
    pmid = text_of(citation.find("PMID"))
    title = text_of(article.find("ArticleTitle"))
    vernacular = text_of(article.find("VernacularTitle"))
    other = citation.find("OtherAbstract")
    abstract = _abstract(article.find("Abstract"))
    flags = []
    if abstract is None and other is not None:
        flags.append("abstract-in-another-language")
    issue = None if journal is None else journal.find("JournalIssue")
    headings = texts(citation, "MeshHeadingList/MeshHeading/DescriptorName")
    start = text_of(article.find("Pagination/StartPage"))
    return Fields(
        position=position,
        line=line_of(element),
        title=title or vernacular,
        abstract=abstract or _abstract(other),
        authors=_people(article.find("AuthorList")),
        date=_date(None if issue is None else issue.find("PubDate")),
        year=_date(None if issue is None else issue.find("PubDate"))
        or _date(article.find("ArticleDate")),
        venue=None if journal is None else text_of(journal.find("Title")),
        volume=None if issue is None else text_of(issue.find("Volume")),
        issue=None if issue is None else text_of(issue.find("Issue")),
        pages=text_of(article.find("Pagination/MedlinePgn")) or start,
        doi=[
            *_ids(element, "PubmedData/ArticleIdList/ArticleId", "doi", "IdType"),
            *_ids(article, "ELocationID", "doi", "EIdType"),
        ],
        pmid=[pmid] if pmid else [],
        pmcid=_ids(element, "PubmedData/ArticleIdList/ArticleId", "pmc", "IdType"),
        issn=None if journal is None else text_of(journal.find("ISSN")),
        language=text_of(article.find("Language")),
        types=texts(article, "PublicationTypeList/PublicationType"),
        keywords=[*headings, *texts(citation, "KeywordList/Keyword")],
        accession=pmid,
        database="PubMed",
        flags=flags,
        extra={"VernacularTitle": vernacular} if title and vernacular else {},
        excerpt=f"PMID {pmid}" if pmid else "",
    )


def _book(element: etree._Element, position: int) -> Fields:
    document = element.find("BookDocument")
    document = element if document is None else document
    book = document.find("Book")
    pmid = text_of(document.find("PMID"))
    book_title = None if book is None else text_of(book.find("BookTitle"))
    title = text_of(document.find("ArticleTitle"))
    people = _people(document.find("AuthorList"))
    if not people and book is not None:
        people = _people(book.find("AuthorList"))
    date = _date(None if book is None else book.find("PubDate"))
    date = date or _date(document.find("ContributionDate"))
    return Fields(
        position=position,
        line=line_of(element),
        title=title or book_title,
        abstract=_abstract(document.find("Abstract")),
        authors=people,
        date=date,
        year=date,
        venue=book_title if title else None,
        publisher=None if book is None else text_of(book.find("Publisher/PublisherName")),
        doi=_ids(document, "ArticleIdList/ArticleId", "doi", "IdType"),
        pmid=[pmid] if pmid else [],
        language=text_of(document.find("Language")),
        types=texts(document, "PublicationType") or ["Book"],
        keywords=texts(document, "KeywordList/Keyword"),
        accession=pmid,
        database="PubMed",
        excerpt=f"PMID {pmid}" if pmid else "",
    )
