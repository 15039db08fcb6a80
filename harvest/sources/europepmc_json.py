"""Europe PMC's core results to records."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from harvest.files.build import Fields, record_from
from harvest.record import Author, Entry
from harvest.text import excerpt

_HEAD = re.compile(r"<h([1-6])>\s*(.*?)\s*:?\s*</h\1>", re.IGNORECASE | re.DOTALL)
_RETRACTED = "retracted publication"


def records(results: Iterable[Mapping[str, Any]]) -> Iterator[Entry]:
    """One entry per result, in their order; keys that are absent were not said."""
    for position, result in enumerate(results, start=1):
        yield record_from(_fields(result, position))


def _text(value: Any) -> str | None:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None


def _at(value: Any, *path: str) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _list(value: Any, *path: str) -> list[Any]:
    found = _at(value, *path)
    return found if isinstance(found, list) else []


def _abstract(text: str | None) -> str | None:
    """Heads of sections become labels, as PubMed's are; other tags go later, a bare "<" stays."""
    return _HEAD.sub(r" \2: ", text) if text else None


def _people(result: Mapping[str, Any]) -> list[Author]:
    people = []
    for author in _list(result, "authorList", "author"):
        collective = _text(_at(author, "collectiveName"))
        family, given = _text(_at(author, "lastName")), _text(_at(author, "firstName"))
        given = given or _text(_at(author, "initials"))
        if collective:
            people.append(Author(collective, collective=True))
        elif family:
            people.append(Author(f"{family}, {given}" if given else family))
        elif full := _text(_at(author, "fullName")):
            people.append(Author(full))
    if not people:
        names = (_text(result.get("authorString")) or "").rstrip(".").split(",")
        people = [Author(name.strip()) for name in names if name.strip()]
    return people


def _keywords(result: Mapping[str, Any]) -> list[str]:
    headings = (
        _text(_at(h, "descriptorName")) for h in _list(result, "meshHeadingList", "meshHeading")
    )
    words = map(_text, _list(result, "keywordList", "keyword"))
    return [word for word in (*headings, *words) if word]


def _fields(result: Mapping[str, Any], position: int) -> Fields:
    source, number = _text(result.get("source")), _text(result.get("id"))
    journal = _at(result, "journalInfo", "journal")
    types = [t for t in map(_text, _list(result, "pubTypeList", "pubType")) if t]
    pmid, pmcid, doi = (_text(result.get(key)) for key in ("pmid", "pmcid", "doi"))
    year = _text(result.get("pubYear")) or _text(_at(result, "journalInfo", "yearOfPublication"))
    publisher = _text(_at(result, "bookOrReportDetails", "publisher"))
    urls = [
        url
        for link in _list(result, "fullTextUrlList", "fullTextUrl")
        if (url := _text(_at(link, "url")))
    ]
    return Fields(
        position=position,
        title=_text(result.get("title")),
        abstract=_abstract(_text(result.get("abstractText"))),
        authors=_people(result),
        date=_text(result.get("firstPublicationDate")) or year,
        year=year,
        venue=_text(_at(journal, "title")) or publisher,
        volume=_text(_at(result, "journalInfo", "volume")),
        issue=_text(_at(result, "journalInfo", "issue")),
        pages=_text(result.get("pageInfo")),
        publisher=publisher,
        doi=[doi] if doi else [],
        pmid=[pmid] if pmid else [],
        pmcid=[pmcid] if pmcid else [],
        issn=_text(_at(journal, "issn")) or _text(_at(journal, "essn")),
        urls=urls,
        language=_text(result.get("language")),
        types=types,
        keywords=_keywords(result),
        accession=f"{source}/{number}" if source and number else None,
        database="Europe PMC",
        flags=["retracted"] if _RETRACTED in map(str.lower, types) else [],
        excerpt=excerpt(f"{source}/{number}"),
    )
