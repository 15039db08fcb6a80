"""RefWorks' tagged format: two letters and a blank; RT begins a record."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from harvest.files.build import Fields, record_from
from harvest.files.tagged import Tagged
from harvest.record import Author, Entry, Notice
from harvest.text import read_text

_TAG = re.compile(r"^\ufeff?([A-Z][A-Z0-9])(?:\s(.*)|)$")
_USED = frozenset(
    "RT T1 AB A1 A2 A3 JF JO T2 YR FD VO IS SP OP PB DO SN UL LK LA K1 AN DB ID NO".split()
)


def looks_like(text: str) -> bool:
    """Whether a text holds a type line and a title or an author in this format."""
    return bool(
        re.search(r"^\ufeff?RT [A-Z]", text, re.MULTILINE)
        and re.search(r"^(T1|A1) \S", text, re.MULTILINE)
    )


def parse(stream: BinaryIO) -> Iterator[Entry | Notice]:
    """Records of a RefWorks export; see ``harvest.record.Parser``."""
    decoded = read_text(stream)
    if decoded.note:
        yield Notice(decoded.note)
    entry: Tagged | None = None
    count = outside = 0
    for number, line in enumerate(decoded.text.split("\n"), start=1):
        found = _TAG.match(line.rstrip())
        if found is not None and found.group(1) == "RT":
            if entry is not None:
                yield record_from(_fields(entry))
            count += 1
            entry = Tagged(count, number)
        if entry is None:
            outside += bool(line.strip())
        elif found is not None:
            entry.add(found.group(1), found.group(2) or "")
        elif line.strip():
            entry.go_on(line)
    if entry is not None:
        yield record_from(_fields(entry))
    if outside:
        yield Notice(f"{outside} line(s) stand before the first record and were not read")


def _fields(entry: Tagged) -> Fields:
    start, end = entry.head("SP"), entry.head("OP")
    pages = f"{start}-{end}" if start and end and "-" not in start else start
    people = entry.lines("A1") or entry.lines("A2", "A3")
    names = [name.strip() for line in people for name in line.split(";")]
    return Fields(
        position=entry.position,
        line=entry.line,
        title=entry.text("T1"),
        abstract=entry.text("AB"),
        authors=[Author(name) for name in names if name],
        date=entry.head("FD", "YR"),
        year=entry.head("YR", "FD"),
        venue=entry.text("JF", "T2", "JO"),
        volume=entry.head("VO"),
        issue=entry.head("IS"),
        pages=pages,
        publisher=entry.text("PB"),
        doi=entry.lines("DO"),
        claimed_ids=entry.lines("DO"),
        issn=entry.head("SN"),
        urls=entry.lines("UL", "LK"),
        language=entry.head("LA"),
        types=entry.lines("RT"),
        keywords=[word.strip() for line in entry.lines("K1") for word in line.split(";")],
        accession=entry.head("AN", "ID"),
        database=entry.head("DB"),
        notes=entry.lines("NO"),
        extra=entry.rest(_USED),
        excerpt=entry.excerpt,
    )
