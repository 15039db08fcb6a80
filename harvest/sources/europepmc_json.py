"""Parse Europe PMC's core results into records."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from harvest.files.build import Fields, create_record
from harvest.publication_notices import find_status_kind
from harvest.record import Author, Entry, StatusNotice
from harvest.sources.json_values import as_text, get_at, list_at
from harvest.text import excerpt

_HEAD = re.compile(r"<h([1-6])>(.{0,500}?)</h\1>", re.IGNORECASE | re.DOTALL)


def parse_records(results: Iterable[Mapping[str, Any]]) -> Iterator[Entry]:
    """Parse results, one entry each, in order; a missing key means not stated."""
    for position, result in enumerate(results, start=1):
        yield create_record(_fields(result, position))


def _abstract(text: str | None) -> str | None:
    """Turn section headings into labels, like PubMed's. Other tags are removed later."""
    return _HEAD.sub(lambda match: f" {_label(match.group(2))}: ", text) if text else None


def _label(heading: str) -> str:
    return heading.strip().removesuffix(":").rstrip()


def _people(result: Mapping[str, Any]) -> list[Author]:
    people = []
    for author in list_at(result, "authorList", "author"):
        collective = as_text(get_at(author, "collectiveName"))
        family, given = as_text(get_at(author, "lastName")), as_text(get_at(author, "firstName"))
        given = given or as_text(get_at(author, "initials"))
        if collective:
            people.append(Author(collective, collective=True))
        elif family:
            people.append(Author(f"{family}, {given}" if given else family))
        elif full := as_text(get_at(author, "fullName")):
            people.append(Author(full))
    if not people:
        names = (as_text(result.get("authorString")) or "").rstrip(".").split(",")
        people = [Author(name.strip()) for name in names if name.strip()]
    return people


def _keywords(result: Mapping[str, Any]) -> list[str]:
    headings = (
        as_text(get_at(h, "descriptorName"))
        for h in list_at(result, "meshHeadingList", "meshHeading")
    )
    words = map(as_text, list_at(result, "keywordList", "keyword"))
    return [word for word in (*headings, *words) if word]


def _status_notices(result: Mapping[str, Any]) -> list[StatusNotice]:
    return [
        StatusNotice(kind, as_text(get_at(link, "reference")), as_text(get_at(link, "id")))
        for link in list_at(result, "commentCorrectionList", "commentCorrection")
        if (kind := find_status_kind(as_text(get_at(link, "type")) or ""))
    ]


def _fields(result: Mapping[str, Any], position: int) -> Fields:
    source, number = as_text(result.get("source")), as_text(result.get("id"))
    journal = get_at(result, "journalInfo", "journal")
    types = [t for t in map(as_text, list_at(result, "pubTypeList", "pubType")) if t]
    pmid, pmcid, doi = (as_text(result.get(key)) for key in ("pmid", "pmcid", "doi"))
    year = as_text(result.get("pubYear")) or as_text(
        get_at(result, "journalInfo", "yearOfPublication")
    )
    publisher = as_text(get_at(result, "bookOrReportDetails", "publisher"))
    urls = [
        url
        for link in list_at(result, "fullTextUrlList", "fullTextUrl")
        if (url := as_text(get_at(link, "url")))
    ]
    return Fields(
        position=position,
        title=as_text(result.get("title")),
        abstract=_abstract(as_text(result.get("abstractText"))),
        authors=_people(result),
        date=as_text(result.get("firstPublicationDate")) or year,
        year=year,
        venue=as_text(get_at(journal, "title")) or publisher,
        volume=as_text(get_at(result, "journalInfo", "volume")),
        issue=as_text(get_at(result, "journalInfo", "issue")),
        pages=as_text(result.get("pageInfo")),
        publisher=publisher,
        doi=[doi] if doi else [],
        pmid=[pmid] if pmid else [],
        pmcid=[pmcid] if pmcid else [],
        issn=as_text(get_at(journal, "issn")) or as_text(get_at(journal, "essn")),
        urls=urls,
        language=as_text(result.get("language")),
        types=types,
        keywords=_keywords(result),
        accession=f"{source}/{number}" if source and number else None,
        database="Europe PMC",
        status_notices=_status_notices(result),
        excerpt=excerpt(f"{source}/{number}"),
    )
