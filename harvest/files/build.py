"""From the raw values of one entry to a record: the cleaning that every file format shares."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from harvest.identifiers import clean_doi, clean_pmcid, clean_pmid, clean_url
from harvest.record import NOTICE, Author, Record, Rejected, Remark
from harvest.remarks import notice_in, of_title, settled
from harvest.text import clean, clean_markup, excerpt, year_in

# Where a record keeps an id that is none.
MALFORMED_ID = "malformed id"
NOTHING_TO_SCREEN = "no title, no abstract and no identifier"

_INCLUDE = {"1", "1.0", "yes", "y", "true", "include", "included", "relevant", "asreview_relevant"}
_EXCLUDE = {
    "0",
    "0.0",
    "no",
    "n",
    "false",
    "exclude",
    "excluded",
    "irrelevant",
    "not relevant",
    "asreview_irrelevant",
}


@dataclass(slots=True)
class Fields:
    """The raw values of one entry, as strings, before they are cleaned. Lists keep file order."""

    position: int
    line: int | None = None
    title: str | None = None
    abstract: str | None = None
    authors: list[Author] = field(default_factory=list)
    date: str | None = None
    year: str | None = None
    venue: str | None = None
    volume: str | None = None
    issue: str | None = None
    pages: str | None = None
    publisher: str | None = None
    doi: Iterable[str] = ()
    pmid: Iterable[str] = ()
    pmcid: Iterable[str] = ()
    issn: str | None = None
    urls: Iterable[str] = ()
    language: str | None = None
    types: Iterable[str] = ()
    keywords: Iterable[str] = ()
    accession: str | None = None
    database: str | None = None
    label: str | None = None
    notes: Iterable[str] = ()
    flags: Iterable[str] = ()
    extra: Mapping[str, str] = field(default_factory=dict)
    remarks: Iterable[Remark] = ()
    # What the file calls an id outright: a malformed one is dropped, but it keeps the record.
    claimed_ids: Iterable[str] = ()
    excerpt: str = ""


def label_in(text: str | None) -> str | None:
    """A relevance label as files write it ("1", "Included", "no"); None where it says neither."""
    word = (text or "").strip().lower()
    if word in _INCLUDE:
        return "include"
    return "exclude" if word in _EXCLUDE else None


def _unique(values: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))


def _authors(authors: Iterable[Author]) -> tuple[Author, ...]:
    found: dict[tuple[str, bool], Author] = {}
    for author in authors:
        name = clean_markup(author.name)
        if name:
            same = author if name == author.name else Author(name, author.collective)
            found.setdefault((name, author.collective), same)
    return tuple(found.values())


def record_from(fields: Fields) -> Record | Rejected:
    """Clean the raw values of one entry; an entry without title, abstract and id is rejected."""
    urls = list(fields.urls)
    flags = list(fields.flags)
    title, abstract = clean_markup(fields.title), clean_markup(fields.abstract)
    if title is None:
        flags.append("no-title")
    if abstract is None:
        flags.append("no-abstract")
    types = _unique(map(clean, fields.types))
    remarks = settled(types, (*fields.remarks, *of_title(title)))
    if any(remark.kind == "retracted" for remark in remarks):
        flags.append("retracted")
    if notice_in(types):
        flags.append(NOTICE)
    claimed = [value.strip() for value in fields.claimed_ids if value.strip()]
    extra = {key: value for key, value in fields.extra.items() if value}
    record = Record(
        position=fields.position,
        title=title,
        abstract=abstract,
        authors=_authors(fields.authors),
        year=year_in(fields.year) or year_in(fields.date),
        date=clean(fields.date) or clean(fields.year),
        venue=clean_markup(fields.venue),
        volume=clean(fields.volume),
        issue=clean(fields.issue),
        pages=clean(fields.pages),
        publisher=clean_markup(fields.publisher),
        doi=next(filter(None, map(clean_doi, [*fields.doi, *urls])), None),
        pmid=next(filter(None, map(clean_pmid, fields.pmid)), None),
        pmcid=next(filter(None, map(clean_pmcid, fields.pmcid)), None),
        issn=clean(fields.issn),
        urls=_unique(map(clean_url, urls)),
        language=clean(fields.language),
        types=types,
        keywords=_unique(map(clean_markup, fields.keywords)),
        accession=clean(fields.accession),
        database=clean(fields.database),
        label=fields.label,
        notes=_unique(map(clean_markup, fields.notes)),
        flags=tuple(dict.fromkeys(flags)),
        extra=extra,
        remarks=remarks,
    )
    if claimed and not (record.doi or record.pmid or record.pmcid):
        extra[MALFORMED_ID] = "; ".join(claimed)
        record = replace(record, flags=(*record.flags, "malformed-id"))
    if not record.identifiable and not claimed:
        return Rejected(
            fields.position, NOTHING_TO_SCREEN, line=fields.line, excerpt=excerpt(fields.excerpt)
        )
    return record


def split_people(text: str | None) -> list[Author]:
    """People in one cell, separated by ";" or, where that is absent, by " and " or ", ".

    "Liu R., Adler D.G." and "Smith, Tom; Hunter, Shawn" are told apart by the ";". A comma splits
    only where each part holds a blank ("Liu R."), since "Smith, Tom" is one person.
    """
    if not text or not text.strip():
        return []
    if ";" in text:
        parts = text.split(";")
    elif re.search(r"\sand\s", text):
        parts = re.split(r"\s+and\s+", text)
    else:
        parts = text.split(",")
        if not all(" " in part.strip() for part in parts):
            parts = [text]
    return [Author(part.strip()) for part in parts if part.strip()]
