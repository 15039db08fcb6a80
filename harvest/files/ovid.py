"""Parse Ovid's text exports: numbered records ("<1. >") with fields by tag or by full name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import BinaryIO, Final

from harvest.files.build import Fields, create_record
from harvest.files.origin import Origin, find_stated_origin
from harvest.files.ovid_source import parse_source_line
from harvest.files.tagged import Tagged
from harvest.record import Author, Entry, Notice
from harvest.text import read_text

_START = re.compile(r"^\s{0,3}<\s*\d+\s*+(?:\.\s*+)?>\s*$")
_TAG = re.compile(r"^\s?([A-Z][A-Z0-9]|SCORE)\s{1,2}-(?:\s(.*)|)$")
# A full field name starts at the margin; its text is indented by two spaces.
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
_TAGS = frozenset(_TAG_OF.values())
_USED = frozenset(
    "VN SCORE DB AN AU TI CT SO AB KW SH MH ID DE LG LA PT DT IS DI DO PM YR YP PB PU BT ED "
    "XL".split()
)
# Ovid adds the kind of article, or "References", after a title.
_KIND = re.compile(
    r"(?<!\s)\s*\[(?:Article|Review|References|(?:Case )?Report|Miscellaneous|Letter|Editorial)"
    r"[^\]]{0,200}\]\.?\s*$"
)
_DEGREE = re.compile(r"(?:,|(?<![\s,]))\s+(?:MD|PhD|Ph\.D|MPH|RN|FACSM|FAAN|MSc|BSc)\b(?s:.*)$")
# Ovid writes these before other fields, so a file that ends in one of them was cut off.
_NEVER_LAST = frozenset("VN DB AN AU IN TI AB".split())


def looks_like(text: str) -> bool:
    """Whether a text has record numbers in angle brackets, as Ovid writes them."""
    return any(map(_START.match, text.split("\n")))


def parse(stream: BinaryIO) -> Iterator[Entry | Notice | Origin]:
    """Parse an Ovid text export; see ``harvest.record.Parser``."""
    decoded = read_text(stream)
    if decoded.note:
        yield Notice(decoded.note)
    entry: Tagged | None = None
    count = 0
    before: list[str] = []
    for number, line in enumerate(decoded.text.split("\n"), start=1):
        if _START.match(line):
            if entry is not None:
                yield create_record(_fields(entry))
            count += 1
            entry = Tagged(count, number)
        elif entry is None:
            before.append(line)
        else:
            _add_line(entry, line)
    if entry is not None:
        yield create_record(_fields(entry))
    stated = find_stated_origin(before)
    if stated is not None:
        yield stated
    last = entry.values[-1][0] if entry is not None and entry.values else None
    if last in _NEVER_LAST and not decoded.text.endswith("\n"):
        yield Notice(
            "the file ends in the middle of a record, so it was cut off; the last record is kept"
        )


def _add_line(entry: Tagged, line: str) -> None:
    """Add a line to an entry: a tag, a full field name, or more of the field before."""
    tag = _TAG.match(line.rstrip())
    if tag is not None:
        entry.add(tag.group(1), tag.group(2) or "")
        return
    match = _NAME.match(line)
    has_tags = any(len(name) <= 2 for name in entry.names - _TAGS)
    if match is not None and not has_tags and not line.startswith(" "):
        name = match.group(1).strip()
        entry.add(_TAG_OF.get(name.lower(), name), "")
    elif line.strip():
        entry.add_line(line)


def _people(entry: Tagged) -> list[Author]:
    people = []
    for value in entry.lines("AU") or entry.lines("ED"):
        # Two spaces separate people; one space can also separate degrees.
        for name in re.split(r";\s{2,}", re.sub(r"\[[^\[\]]*\]", "", value)):
            # Ovid adds numbers of institutions and degrees after a name.
            plain = re.sub(r"\s[\d,*+()]+$", "", name.strip()).strip(" .")
            plain = re.sub(r"(?<!\s)\s+[\d,*+]+$", "", plain)
            plain = _DEGREE.sub("", plain)
            if plain:
                people.append(Author(plain))
    return people


def _kind(text: str) -> str:
    """A type without what Ovid adds: "Original Article: PDF Only."."""
    return re.sub(r":\s*PDF Only$", "", text.rstrip(". "))


def _fields(entry: Tagged) -> Fields:
    title = _KIND.sub("", entry.text("TI") or "") or entry.text("CT")
    # A chapter has its book's line instead.
    source = parse_source_line(entry.text("SO", "BT"))
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
        venue=source.venue,
        volume=source.volume,
        issue=source.issue,
        pages=source.pages,
        publisher=entry.text("PB", "PU"),
        doi=entry.lines("DI", "DO"),
        pmid=entry.lines("PM"),
        claimed_ids=entry.lines("DI", "DO", "PM"),
        issn=entry.head("IS"),
        language=(entry.head("LG", "LA") or "").rstrip("."),
        types=[_kind(kind) for kind in entry.lines("PT", "DT")],
        keywords=words,
        accession=accession.rstrip(".").rpartition(": ")[2] if accession else None,
        database=entry.head("DB"),
        extra=entry.rest(_USED),
        excerpt=entry.excerpt,
    )
