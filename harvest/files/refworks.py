"""Parse RefWorks' tagged format: two letters and a space; RT starts a record."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from harvest.files.build import Fields, create_record
from harvest.files.people import split_name_line
from harvest.files.tagged import Tagged
from harvest.record import Entry, Notice
from harvest.text import read_text

# Tags of the format. Other words of two capitals begin a line of text that was wrapped.
_KNOWN = frozenset(
    "RT SR ID A1 A2 A3 A4 A5 A6 T1 T2 T3 JF JO YR FD VO IS SP OP K1 AB NO PB PP ED CL SN AV AD AN "
    "LA LK UL DO CN DB DS IP RD ST SL LL CR PN PMID PM OL WT WV WP CT".split()
)
# Tags whose values run over several lines of text, and those whose values may begin with a small
# letter: after the first, any other line with a small letter goes on with the text.
_FLOWING = frozenset({"AB", "NO", "T1", "T2", "AD"})
_SMALL = frozenset("A1 A2 A3 A4 K1 SP OP IS VO DB ID UL LK DO PB".split())
_TAG = re.compile(r"^\ufeff?([A-Z][A-Z0-9])(?:\s(.*)|)$")
_USED = frozenset(
    "RT T1 AB A1 A2 A3 JF JO T2 YR FD VO IS SP OP PB DO SN UL LK LA K1 AN DB ID NO".split()
)


def _tag(line: str, entry: Tagged | None) -> tuple[str, str] | None:
    match = _TAG.match(line)
    if match is None:
        return None
    tag, value = match.group(1), (match.group(2) or "").strip()
    if tag not in _KNOWN and not re.match(r"[A-Z]\d", tag):
        return None
    if entry is not None and entry.values and entry.values[-1][0] in _FLOWING:
        small = value[:1].islower()
        if small and (tag not in _SMALL or (tag in ("DO", "IS") and " " in value)):
            return None
    return tag, value


def looks_like(text: str) -> bool:
    """Whether a text has a type line and a title or author in this format."""
    return bool(
        re.search(r"^\ufeff?RT [A-Z]", text, re.MULTILINE)
        and re.search(r"^(T1|A1) \S", text, re.MULTILINE)
    )


def parse(stream: BinaryIO) -> Iterator[Entry | Notice]:
    """Parse a RefWorks export; see ``harvest.record.Parser``."""
    decoded = read_text(stream)
    if decoded.note:
        yield Notice(decoded.note)
    entry: Tagged | None = None
    count = outside = 0
    for number, line in enumerate(decoded.text.split("\n"), start=1):
        tag = _tag(line.rstrip(), entry)
        if tag is not None and tag[0] == "RT":
            if entry is not None:
                yield create_record(_fields(entry))
            count += 1
            entry = Tagged(count, number)
        if entry is None:
            outside += bool(line.strip())
        elif tag is not None:
            entry.add(*tag)
        elif line.strip():
            entry.add_line(line)
    if entry is not None:
        yield create_record(_fields(entry))
    if outside:
        yield Notice(f"{outside} line(s) before the first record were not read")


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
        authors=[author for name in names if name for author in split_name_line(name)],
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
