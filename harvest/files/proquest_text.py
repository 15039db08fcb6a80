"""Parse ProQuest's text export ("Report Information from ProQuest"): documents between rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from harvest.files.build import Fields, create_record
from harvest.files.origin import Origin, find_stated_origin
from harvest.files.people import split_people
from harvest.files.tagged import Tagged
from harvest.record import Entry, Notice
from harvest.text import read_text

_RULE = re.compile(r"^_{20,}\s*$")
_DOCUMENT = re.compile(r"^Document (\d+) of (\d+)\s*$")
_KEY = re.compile(r"^([A-Z][A-Za-z/() -]{1,45}):(?:\s+(.*)|)$")
_USED = frozenset(
    {
        *("title", "author", "abstract", "publication title", "volume", "issue", "pages"),
        *("publication year", "publication date", "degree date", "year", "issn", "isbn", "doi"),
        *("document url", "database", "proquest document id", "accession number", "subject"),
        *("identifier / keyword", "identifiers / keywords", "language", "document type"),
        *("language of publication", "source type", "publisher"),
    }
)


def looks_like(text: str) -> bool:
    """Whether a text is such a report: it has the report's heading or a document's."""
    return "Report Information from ProQuest" in text or any(map(_DOCUMENT.match, text.split("\n")))


def parse(stream: BinaryIO) -> Iterator[Entry | Notice | Origin]:
    """Parse the report; see ``harvest.record.Parser``."""
    decoded = read_text(stream)
    if decoded.note:
        yield Notice(decoded.note)
    entry: Tagged | None = None
    outside: list[str] = []
    count = announced = 0
    for number, line in enumerate(decoded.text.split("\n"), start=1):
        head = _DOCUMENT.match(line)
        if head:
            if entry is not None:
                yield create_record(_fields(entry))
            count += 1
            announced = max(announced, int(head.group(2)))
            entry = Tagged(count, number)
        elif _RULE.match(line):
            if entry is not None:
                yield create_record(_fields(entry))
            entry = None
        elif entry is None:
            outside.append(line)
        elif line.strip():
            _add_line(entry, line)
    if entry is not None:
        yield create_record(_fields(entry))
    stated = find_stated_origin(outside)
    if stated is not None:
        yield stated
    if count < announced:
        yield Notice(
            f"the file announces {announced:,} documents but has {count:,}: it was cut off, or "
            "only part of the report was exported"
        )


def _add_line(entry: Tagged, line: str) -> None:
    key = _KEY.match(line)
    if key:
        entry.add(key.group(1).lower(), key.group(2) or "")
    elif not entry.values:
        entry.add("title", line)
    else:
        entry.add_line(line)


def _fields(entry: Tagged) -> Fields:
    title = entry.text("title")
    people = [
        author
        for value in entry.lines("author")
        if not value.startswith("http")
        for author in split_people(value)
    ]
    words = [
        word.strip()
        for value in entry.flowing("subject", "identifier / keyword", "identifiers / keywords")
        for word in re.split(r"[;,]\s", value)
    ]
    links = [
        line
        for lines in entry.all("document url", "links", "author", "title")
        for line in lines.split("\n")
        if line.startswith("http")
    ]
    return Fields(
        position=entry.position,
        line=entry.line,
        title=title.split(" http")[0] if title else None,
        abstract=entry.text("abstract"),
        authors=people,
        date=entry.head("publication date", "publication year", "degree date", "year"),
        year=entry.head("publication year", "degree date", "year", "publication date"),
        venue=entry.text("publication title"),
        volume=entry.head("volume"),
        issue=entry.head("issue"),
        pages=entry.head("pages"),
        publisher=entry.text("publisher"),
        doi=entry.lines("doi"),
        claimed_ids=entry.lines("doi"),
        issn=entry.head("issn", "isbn"),
        urls=links,
        language=entry.head("language of publication", "language"),
        types=entry.lines("document type", "source type"),
        keywords=words,
        accession=entry.head("proquest document id", "accession number"),
        database=entry.text("database"),
        extra=entry.rest(_USED),
        excerpt=entry.excerpt,
    )
