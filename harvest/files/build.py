"""Build a record from the raw values of an entry: the cleaning that all file formats share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from harvest.files.labels.judgement import parse_decision
from harvest.files.people import take_name
from harvest.identifiers import clean_doi, clean_pmcid, clean_pmid, clean_url
from harvest.places import clean_date, clean_issue, clean_pages, clean_volume
from harvest.publication_notices import find_notice_kind, find_status_in_title, merge_status_notices
from harvest.record import NOTICE, Author, Record, Rejected, StatusNotice
from harvest.text import clean, clean_markup, excerpt, find_year

# The key in a record's ``extra`` for an id that is malformed.
MALFORMED_ID = "malformed id"
NOTHING_TO_SCREEN = "no title, no abstract and no identifier"

# What exports write where they have no value. As a word in a title or a name it is text.
_MISSING = re.compile(
    r"^(?:n/?a\.?|#n/a|#(?:value|ref|name|num|div/0)[!?]|<na>|nan|null|\\n|none|undefined|[-–—.?]+"
    r"|[\[(]?not? [a-z ()/]*?(?:available|provided|specified|listed|given|captured)\.?[\])]?"
    r"|[\[(]no [a-z ]+[\])]|no abstract\.?|abstract (?:is )?(?:not |un)available\.?)$",
    re.IGNORECASE,
)
_NONE = re.compile(r"^(?:0+(?:\.0+)?|n\.?\s?d\.?)$", re.IGNORECASE)
# What a text that fits these patterns begins with: looking at that first is quicker.
_MISSING_STARTS = frozenset("nNuUaA#<\\-–—.?[(")
_NONE_STARTS = frozenset("0nN")


@dataclass(slots=True)
class Fields:
    """The raw values of one entry as strings, before cleaning. Lists keep the file's order.

    Attributes:
        claimed_ids: values of the file's id fields. If they are malformed they are dropped, but the
            entry is not rejected.
    """

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
    status_notices: Iterable[StatusNotice] = ()
    claimed_ids: Iterable[str] = ()
    excerpt: str = ""


def present(text: str | None, *, number: bool = False) -> str | None:
    """A raw value, or None if it says only that there is none ("NA", "[No abstract available]").

    Args:
        text: the raw value.
        number: whether 0 also means that there is none, as in volumes, pages and years.
    """
    value = (text or "").strip()
    if not value:
        return None
    if value[0] in _MISSING_STARTS and _MISSING.match(value):
        return None
    return None if number and value[0] in _NONE_STARTS and _NONE.match(value) else text


def parse_label(text: str | None) -> str | None:
    """Parse a relevance label as files write it ("1", "Included", "no"); None if it is unclear."""
    decision = parse_decision(text)
    return None if decision == "maybe" else decision


def _unique(values: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))


def _authors(authors: Iterable[Author]) -> tuple[Author, ...]:
    """The people as listed. A name that comes twice stays: two people can have one name."""
    found = []
    for author in authors:
        name, braced = take_name(clean_markup(present(author.name)) or "")
        if name:
            plain = name == author.name and not braced
            found.append(author if plain else Author(name, author.collective or braced))
    return tuple(found)


def _split(words: str) -> list[str]:
    """A keyword; several that a program joined ("care,boots,schools") are as many."""
    joined = "," in words and not re.search(r",\s|\d,|,\d|\(", words) and words.count(",") > 1
    return words.split(",") if joined else [words]


def _venue(text: str | None) -> str | None:
    """Where it was published; an address is not that (BibTeX's "howpublished" often has one)."""
    venue = clean_markup(present(text))
    return None if venue and re.match(r"^(?:https?://|www\.)\S+$", venue) else venue


def _date(fields: Fields, year: int | None) -> str | None:
    """The date as the file has it; a date without its year ("Feb 3") gets it in front."""
    date = clean_date(present(fields.date, number=True))
    if date and year and find_year(date) is None and re.match(r"^(?:\d{1,2} )?[A-Za-z]{3}", date):
        return f"{year} {date}"
    return date or clean(present(fields.year, number=True))


def create_record(fields: Fields) -> Record | Rejected:
    """Clean the raw values of one entry; an entry without title, abstract and id is rejected."""
    urls = list(fields.urls)
    flags = list(fields.flags)
    title = clean_markup(present(fields.title))
    abstract = clean_markup(present(fields.abstract))
    if title is None:
        flags.append("no-title")
    if abstract is None:
        flags.append("no-abstract")
    types = _unique(clean(present(name)) for name in fields.types)
    status_notices = merge_status_notices(
        types, (*fields.status_notices, *find_status_in_title(title))
    )
    if any(status.kind == "retracted" for status in status_notices):
        flags.append("retracted")
    if find_notice_kind(types):
        flags.append(NOTICE)
    claimed = [value.strip() for value in fields.claimed_ids if present(value, number=True)]
    year = find_year(fields.year) or find_year(fields.date)
    extra = {key: value for key, value in fields.extra.items() if value}
    record = Record(
        position=fields.position,
        title=title,
        abstract=abstract,
        authors=_authors(fields.authors),
        year=year,
        date=_date(fields, year),
        venue=_venue(fields.venue),
        volume=clean_volume(present(fields.volume, number=True)),
        issue=clean_issue(present(fields.issue, number=True)),
        pages=clean_pages(present(fields.pages, number=True)),
        publisher=clean_markup(present(fields.publisher)),
        doi=next(filter(None, map(clean_doi, [*fields.doi, *urls])), None),
        pmid=next(filter(None, map(clean_pmid, fields.pmid)), None),
        pmcid=next(filter(None, map(clean_pmcid, fields.pmcid)), None),
        issn=clean(present(fields.issn, number=True)),
        urls=_unique(map(clean_url, urls)),
        language=clean(present(fields.language, number=True)),
        types=types,
        keywords=_unique(
            clean_markup(present(word)) for words in fields.keywords for word in _split(words)
        ),
        accession=clean(present(fields.accession, number=True)),
        database=clean(present(fields.database, number=True)),
        label=fields.label,
        notes=_unique(map(clean_markup, fields.notes)),
        flags=tuple(dict.fromkeys(flags)),
        extra=extra,
        status_notices=status_notices,
    )
    if claimed and not (record.doi or record.pmid or record.pmcid):
        extra[MALFORMED_ID] = "; ".join(claimed)
        record = replace(record, flags=(*record.flags, "malformed-id"))
    if not record.identifiable and not claimed:
        return Rejected(
            fields.position, NOTHING_TO_SCREEN, line=fields.line, excerpt=excerpt(fields.excerpt)
        )
    return record
