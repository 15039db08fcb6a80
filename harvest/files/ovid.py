"""Ovid's text exports: records under "<1. >", fields by tag or by their names in full."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Final

from harvest.files.build import Fields, record_from
from harvest.files.origin import Stated, stated_in
from harvest.files.tagged import Tagged
from harvest.record import Author, Entry, Notice
from harvest.text import read_text

_START = re.compile(r"^\s{0,3}<\s*\d+\s*\.?\s*>\s*$")
_TAG = re.compile(r"^\s?([A-Z][A-Z0-9]|SCORE)\s{1,2}-(?:\s(.*)|)$")
# Fields with their names in full stand at the margin, their text is set in by two blanks.
_NAME = re.compile(r"^([A-Z][A-Za-z/&() -]{2,50})\s*$")
_TAG_OF: Final[Mapping[str, str]] = {
    "accession number": "AN",
    "author": "AU",
    "authors": "AU",
    "title": "TI",
    "chapter title": "CT",
    "source": "SO",
    "abstract": "AB",
    "author keywords": "KW",
    "keywords": "KW",
    "keyword heading": "KW",
    "subject headings": "SH",
    "mesh subject headings": "MH",
    "key concepts": "ID",
    "language": "LG",
    "publication type": "PT",
    "document type": "DT",
    "issn": "IS",
    "isbn": "IB",
    "doi number": "DI",
    "digital object identifier": "DO",
    "doi": "DO",
    "pmid": "PM",
    "database": "DB",
    "year of publication": "YR",
    "publisher": "PU",
    "book title": "BT",
    "editor": "ED",
    "institution": "IN",
    "link to the ovid full text or citation": "XL",
}
_USED = frozenset(
    "VN SCORE DB AN AU TI CT SO AB KW SH MH ID DE LG LA PT DT IS DI DO PM YR YP PB PU BT ED "
    "XL".split()
)
# What stands behind a title: the kind of article, or that there are references.
_KIND = re.compile(
    r"\s*\[(Article|Review|References|Miscellaneous|Letter|Editorial)[^\]]*\]\.?\s*$"
)
# Ovid writes these before others: a file that ends in one of them was cut.
_NEVER_LAST = frozenset("VN DB AN AU IN TI AB".split())
_TIMES = (
    "January|February|March|April|May|June|July|August|September|October|November|December|"
    "Spring|Summer|Autumn|Fall|Winter"
)
_SOURCES = (
    # Journal. Vol.43(5), Sep 2015, pp. 623-634.
    r"^(?P<venue>.+?)\.?\s+Vol\.?\s*(?P<volume>[\w-]+)(?:\((?P<issue>[^)]*)\))?,\s*(?P<date>[^,]*"
    r"\d{4})(?:,\s*(?:pp?\.\s*)?(?P<pages>[\w.]+(?:-[\w.]+)?))?",
    # Journal June 2015;58(6):688-696
    rf"^(?P<venue>.+?)\s+(?P<date>(?:(?:{_TIMES})[/ -]*)*\d{{0,2}},?\s?\d{{4}});(?P<volume>[\w-]+)"
    r"(?:\((?P<issue>[^)]*)\))?:(?P<pages>[\w.-]+)",
    # Journal. 201(2-3):327-334, November 15, 2004.
    r"^(?P<venue>.+?)\.?\s+(?P<volume>[\w-]+)(?:\s?\((?P<issue>[^)]*)\))?:\s?(?P<pages>[\w.]+(?:-"
    r"[\w.]+)?)[,.]?\s+(?P<date>.*\d{4}.*?)\.?$",
    # Journal 12, Winter 2007: 7-14.
    r"^(?P<venue>.+?)\s+(?P<volume>\d+)(?:\s?\((?P<issue>[^)]*)\))?,\s+(?P<date>[^:]*\d{4}):\s*"
    r"(?P<pages>[\w.-]+?)\.?$",
)


def looks_like(text: str) -> bool:
    """Whether a text has records under numbers in angle brackets, as Ovid writes them."""
    return any(map(_START.match, text.split("\n")))


def parse(stream: BinaryIO) -> Iterator[Entry | Notice | Stated]:
    """Records of an Ovid text export; see ``harvest.record.Parser``."""
    decoded = read_text(stream)
    if decoded.note:
        yield Notice(decoded.note)
    entry: Tagged | None = None
    count = 0
    before: list[str] = []
    for number, line in enumerate(decoded.text.split("\n"), start=1):
        if _START.match(line):
            if entry is not None:
                yield record_from(_fields(entry))
            count += 1
            entry = Tagged(count, number)
        elif entry is None:
            before.append(line)
        else:
            _take(entry, line)
    if entry is not None:
        yield record_from(_fields(entry))
    stated = stated_in(before)
    if stated is not None:
        yield stated
    last = entry.values[-1][0] if entry is not None and entry.values else None
    if last in _NEVER_LAST and not decoded.text.endswith("\n"):
        yield Notice(
            "the file ends in the middle of a record: it was cut; its last record is kept so far"
        )


def _take(entry: Tagged, line: str) -> None:
    """A line of an entry: a tag, a name of a field in full, or more of what stands before."""
    tag = _TAG.match(line.rstrip())
    if tag is not None:
        entry.add(tag.group(1), tag.group(2) or "")
        return
    name = _NAME.match(line)
    tagged = any(len(known) <= 2 for known, _ in entry.values if known not in _TAG_OF.values())
    if name is not None and not tagged and not line.startswith(" "):
        words = name.group(1).strip()
        entry.add(_TAG_OF.get(words.lower(), words), "")
    elif line.strip():
        entry.go_on(line)


@dataclass(frozen=True, slots=True)
class Source:
    """What the source line says of where a report came out."""

    venue: str | None
    volume: str | None = None
    issue: str | None = None
    pages: str | None = None
    date: str | None = None


def source_of(line: str | None) -> Source:
    """Journal, volume, issue, pages and date of Ovid's source line, as far as they can be told."""
    text = " ".join((line or "").split())
    for pattern in _SOURCES:
        found = re.match(pattern, text)
        if found:
            parts = {key: (value or "").strip(" .") for key, value in found.groupdict().items()}
            return Source(**{key: value or None for key, value in parts.items()})
    year = re.search(r"\b(1[5-9]|20)\d{2}\b", text)
    return Source(text.rstrip(". ") or None, date=year.group(0) if year else None)


def _people(entry: Tagged) -> list[Author]:
    found = []
    for value in entry.lines("AU") or entry.lines("ED"):
        # Two blanks part people; one stands between degrees, too.
        for name in re.split(r";\s{2,}", re.sub(r"\[[^\]]*\]", "", value)):
            # Numbers of institutions and degrees stand behind a name.
            plain = re.sub(r"\s[\d,*+()]+$", "", name.strip()).strip(" .")
            plain = re.sub(r"\s+[\d,*+]+$", "", plain)
            plain = re.sub(r",?\s+(MD|PhD|Ph\.D|MPH|RN|FACSM|FAAN|MSc|BSc)\b.*$", "", plain)
            if plain:
                found.append(Author(plain))
    return found


def _fields(entry: Tagged) -> Fields:
    title = _KIND.sub("", entry.text("TI") or "") or entry.text("CT")
    source = source_of(entry.text("SO"))
    words = [
        w.strip()
        for v in entry.flowing("KW", "SH", "MH", "ID", "DE")
        for w in re.split(r"[;,]\s", v)
    ]
    accession = entry.head("AN")
    return Fields(
        position=entry.position,
        line=entry.line,
        title=title,
        abstract=entry.text("AB"),
        authors=_people(entry),
        date=source.date or entry.head("YR", "YP"),
        year=entry.head("YR", "YP") or source.date,
        venue=source.venue or entry.text("BT"),
        volume=source.volume,
        issue=source.issue,
        pages=source.pages,
        publisher=entry.text("PB", "PU"),
        doi=entry.lines("DI", "DO"),
        pmid=entry.lines("PM"),
        claimed_ids=entry.lines("DI", "DO", "PM"),
        issn=entry.head("IS"),
        language=entry.head("LG", "LA"),
        types=[*entry.lines("PT"), *entry.lines("DT")],
        keywords=words,
        accession=accession.rstrip(".").rpartition(": ")[2] if accession else None,
        database=entry.head("DB") or "Ovid",
        extra=entry.rest(_USED),
        excerpt=entry.excerpt,
    )
