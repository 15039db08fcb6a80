"""Europe PMC's core results to records."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from harvest.files.build import Fields, record_from
from harvest.record import Author, Entry, Remark
from harvest.remarks import linked
from harvest.sources.json_values import at, listed, text
from harvest.text import excerpt

_HEAD = re.compile(r"<h([1-6])>\s*(.*?)\s*:?\s*</h\1>", re.IGNORECASE | re.DOTALL)


def records(results: Iterable[Mapping[str, Any]]) -> Iterator[Entry]:
    """One entry per result, in their order; keys that are absent were not said."""
    for position, result in enumerate(results, start=1):
        yield record_from(_fields(result, position))


def _abstract(found: str | None) -> str | None:
    """Heads of sections become labels, as PubMed's are; other tags go later, a bare "<" stays."""
    return _HEAD.sub(r" \2: ", found) if found else None


def _people(result: Mapping[str, Any]) -> list[Author]:
    people = []
    for author in listed(result, "authorList", "author"):
        collective = text(at(author, "collectiveName"))
        family, given = text(at(author, "lastName")), text(at(author, "firstName"))
        given = given or text(at(author, "initials"))
        if collective:
            people.append(Author(collective, collective=True))
        elif family:
            people.append(Author(f"{family}, {given}" if given else family))
        elif full := text(at(author, "fullName")):
            people.append(Author(full))
    if not people:
        names = (text(result.get("authorString")) or "").rstrip(".").split(",")
        people = [Author(name.strip()) for name in names if name.strip()]
    return people


def _keywords(result: Mapping[str, Any]) -> list[str]:
    headings = (
        text(at(h, "descriptorName")) for h in listed(result, "meshHeadingList", "meshHeading")
    )
    words = map(text, listed(result, "keywordList", "keyword"))
    return [word for word in (*headings, *words) if word]


def _remarks(result: Mapping[str, Any]) -> list[Remark]:
    return [
        Remark(kind, text(at(link, "reference")), text(at(link, "id")))
        for link in listed(result, "commentCorrectionList", "commentCorrection")
        if (kind := linked(text(at(link, "type")) or ""))
    ]


def _fields(result: Mapping[str, Any], position: int) -> Fields:
    source, number = text(result.get("source")), text(result.get("id"))
    journal = at(result, "journalInfo", "journal")
    types = [t for t in map(text, listed(result, "pubTypeList", "pubType")) if t]
    pmid, pmcid, doi = (text(result.get(key)) for key in ("pmid", "pmcid", "doi"))
    year = text(result.get("pubYear")) or text(at(result, "journalInfo", "yearOfPublication"))
    publisher = text(at(result, "bookOrReportDetails", "publisher"))
    urls = [
        url
        for link in listed(result, "fullTextUrlList", "fullTextUrl")
        if (url := text(at(link, "url")))
    ]
    return Fields(
        position=position,
        title=text(result.get("title")),
        abstract=_abstract(text(result.get("abstractText"))),
        authors=_people(result),
        date=text(result.get("firstPublicationDate")) or year,
        year=year,
        venue=text(at(journal, "title")) or publisher,
        volume=text(at(result, "journalInfo", "volume")),
        issue=text(at(result, "journalInfo", "issue")),
        pages=text(result.get("pageInfo")),
        publisher=publisher,
        doi=[doi] if doi else [],
        pmid=[pmid] if pmid else [],
        pmcid=[pmcid] if pmcid else [],
        issn=text(at(journal, "issn")) or text(at(journal, "essn")),
        urls=urls,
        language=text(result.get("language")),
        types=types,
        keywords=_keywords(result),
        accession=f"{source}/{number}" if source and number else None,
        database="Europe PMC",
        remarks=_remarks(result),
        excerpt=excerpt(f"{source}/{number}"),
    )
