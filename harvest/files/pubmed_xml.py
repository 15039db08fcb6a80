"""Parse PubMed's XML: PubmedArticleSet, PubmedBookArticleSet, or a single article of either."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from lxml import etree

from harvest.files.build import Fields, create_record
from harvest.publication_notices import find_status_kind
from harvest.record import Author, Entry, Notice, StatusNotice
from harvest.xml import elements, line_of, text_of, texts

ROOTS = {"PubmedArticleSet", "PubmedBookArticleSet", "PubmedArticle", "PubmedBookArticle"}
_ARTICLES = {"PubmedArticle", "PubmedBookArticle"}


def parse(stream: BinaryIO) -> Iterator[Entry | Notice]:
    """Parse a PubMed XML file; see ``harvest.record.Parser``."""
    for position, element in enumerate(elements(stream, _ARTICLES), start=1):
        book = element.tag == "PubmedBookArticle"
        yield create_record(_book(element, position) if book else _article(element, position))


def _children(parent: etree._Element | None) -> dict[str, etree._Element]:
    """The first child of each name: one pass instead of a search for each field."""
    children: dict[str, etree._Element] = {}
    if parent is not None:
        for child in parent:
            children.setdefault(child.tag, child)
    return children


def _person(author: etree._Element) -> Author | None:
    if author.get("ValidYN") == "N":
        # A misspelt name; the corrected one is in the list too.
        return None
    family = given = initials = None
    # An article has about ten authors, so use one pass, and stop after the last possible name.
    for part in author:
        name = part.tag
        if name == "LastName":
            family = text_of(part)
        elif name == "ForeName":
            given = text_of(part)
            break
        elif name == "Initials":
            initials = text_of(part)
        elif name == "CollectiveName":
            collective = text_of(part)
            return Author(collective, collective=True) if collective else None
    given = given or initials
    if family and given:
        return Author(f"{family.strip()}, {given.strip()}")
    name = (family or given or "").strip()
    return Author(name) if name else None


def _people(parent: etree._Element | None) -> list[Author]:
    if parent is None:
        return []
    people = map(_person, parent.iterchildren("Author"))
    return [person for person in people if person]


def _abstract(parent: etree._Element | None) -> str | None:
    """Labelled parts joined as "LABEL: text", in file order."""
    if parent is None:
        return None
    parts = []
    for part in parent.iterchildren("AbstractText"):
        text = text_of(part)
        if text:
            label = part.get("Label")
            parts.append(f"{label}: {text.strip()}" if label else text.strip())
    return " ".join(parts) or None


def _date(date: etree._Element | None) -> str | None:
    parts = _children(date)
    free = text_of(parts.get("MedlineDate"))
    if free:
        return free
    texts_of_parts = (text_of(parts.get(name)) for name in ("Year", "Month", "Season", "Day"))
    return " ".join(text.strip() for text in texts_of_parts if text) or None


def _ids(parent: etree._Element | None) -> dict[str, list[str]]:
    """Identifiers by type. Only the list's own children count: references have ids too."""
    ids: dict[str, list[str]] = {}
    if parent is not None:
        for child in parent.iterchildren("ArticleId"):
            kind = child.get("IdType")
            if kind in ("doi", "pmc") and (text := text_of(child)):
                ids.setdefault(kind, []).append(text)
    return ids


def _locations(article: etree._Element) -> list[str]:
    """The article's DOIs, without those marked as invalid."""
    return [
        text
        for place in article.iterchildren("ELocationID")
        if place.get("EIdType") == "doi"
        and place.get("ValidYN") != "N"
        and (text := text_of(place))
    ]


def _child_texts(parent: etree._Element | None, name: str) -> list[str]:
    if parent is None:
        return []
    return [text for text in map(text_of, parent.iterchildren(name)) if text]


def _headings(parent: etree._Element | None) -> list[str]:
    if parent is None:
        return []
    names = (
        name
        for heading in parent.iterchildren("MeshHeading")
        for name in heading.iterchildren("DescriptorName")
    )
    return [text for text in map(text_of, names) if text]


def _status_notices(parent: etree._Element | None) -> list[StatusNotice]:
    """Status notices from the record's links to notices about the article."""
    if parent is None:
        return []
    return [
        StatusNotice(kind, text_of(link.find("RefSource")), text_of(link.find("PMID")))
        for link in parent.iterchildren("CommentsCorrections")
        if (kind := find_status_kind(link.get("RefType") or ""))
    ]


def _pages(parent: etree._Element | None) -> str | None:
    parts = _children(parent)
    return text_of(parts.get("MedlinePgn")) or text_of(parts.get("StartPage"))


def _article(element: etree._Element, position: int) -> Fields:
    top = _children(element)
    citation_element = top.get("MedlineCitation")
    citation_element = element if citation_element is None else citation_element
    citation = _children(citation_element)
    article_element = citation.get("Article")
    article_element = citation_element if article_element is None else article_element
    article = _children(article_element)
    journal = _children(article.get("Journal"))
    issue = _children(journal.get("JournalIssue"))
    ids = _ids(_children(top.get("PubmedData")).get("ArticleIdList"))
    pmid = text_of(citation.get("PMID"))
    title = text_of(article.get("ArticleTitle"))
    vernacular = text_of(article.get("VernacularTitle"))
    other = citation.get("OtherAbstract")
    abstract = _abstract(article.get("Abstract"))
    types = _child_texts(article.get("PublicationTypeList"), "PublicationType")
    flags = []
    if abstract is None and other is not None:
        flags.append("abstract-in-another-language")
    words: list[str] = []
    for keywords in citation_element.iterchildren("KeywordList"):
        words += _child_texts(keywords, "Keyword")
    date = _date(issue.get("PubDate"))
    return Fields(
        position=position,
        line=line_of(element),
        title=title or vernacular,
        abstract=abstract or _abstract(other),
        authors=_people(article.get("AuthorList")),
        date=date,
        year=date or _date(article.get("ArticleDate")),
        venue=text_of(journal.get("Title")),
        volume=text_of(issue.get("Volume")),
        issue=text_of(issue.get("Issue")),
        pages=_pages(article.get("Pagination")),
        doi=[*ids.get("doi", ()), *_locations(article_element)],
        pmid=[pmid] if pmid else [],
        pmcid=ids.get("pmc", ()),
        issn=text_of(journal.get("ISSN")),
        language=text_of(article.get("Language")),
        types=types,
        keywords=[*_headings(citation.get("MeshHeadingList")), *words],
        accession=pmid,
        database="PubMed",
        flags=flags,
        status_notices=_status_notices(citation.get("CommentsCorrectionsList")),
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
        doi=_ids(document.find("ArticleIdList")).get("doi", ()),
        pmid=[pmid] if pmid else [],
        language=text_of(document.find("Language")),
        types=texts(document, "PublicationType") or ["Book"],
        keywords=texts(document, "KeywordList/Keyword"),
        accession=pmid,
        database="PubMed",
        excerpt=f"PMID {pmid}" if pmid else "",
    )
