"""Parse Refer (EndNote's .enw, also .ref): each field starts with a percent sign and a letter."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from harvest.files.build import Fields, create_record
from harvest.files.people import split_name_line
from harvest.files.tagged import Tagged
from harvest.record import Entry, Notice
from harvest.text import read_text

_TAG = re.compile(r"^%(\S)(?:\s+(.*)|)$")
_BETWEEN = re.compile(r"(?<!\s)\s+and\s+|;")
_USED = frozenset("0TAEJBDVNPIXKRU@GM8~WZ>")


def looks_like(text: str) -> bool:
    """Whether a text has Refer's tags at the start of lines."""
    tags = [match.group(1) for match in map(_TAG.match, text.split("\n")) if match]
    return len(tags) >= 2 and bool({"T", "A"} & set(tags)) and set("0ATDJBX") & set(tags) != {"A"}


def parse(stream: BinaryIO) -> Iterator[Entry | Notice]:
    """Parse a Refer file; see ``harvest.record.Parser``.

    An entry starts with its type, or after a blank line if the tool writes no type or writes it
    later.
    """
    decoded = read_text(stream)
    if decoded.note:
        yield Notice(decoded.note)
    entry: Tagged | None = None
    count = outside = 0
    blank = True
    for number, line in enumerate(decoded.text.split("\n"), start=1):
        if not line.strip():
            blank = True
            continue
        match = _TAG.match(line.rstrip())
        if match is None:
            if entry is None:
                outside += 1
            else:
                entry.add_line(line)
            continue
        tag, value = match.group(1), match.group(2) or ""
        if entry is None or _starts_entry(entry, tag, after_blank=blank):
            if entry is not None:
                yield create_record(_fields(entry))
            count += 1
            entry = Tagged(count, number, typed=tag == "0")
        entry.add(tag, value)
        blank = False
    if entry is not None:
        yield create_record(_fields(entry))
    if outside:
        yield Notice(f"{outside} line(s) before the first record were not read")


def _starts_entry(entry: Tagged, tag: str, *, after_blank: bool) -> bool:
    if tag == "0":
        return "0" in entry.names or after_blank
    return after_blank and (tag in ("T", "A") or tag in entry.names)


def _fields(entry: Tagged) -> Fields:
    people = entry.lines("A") or entry.lines("E")
    kind = entry.head("0")
    names = [
        name.strip().rstrip(",")
        for line in people
        for name in re.split(r"(?<!\s)\s+and\s+|;", line)
    ]
    return Fields(
        position=entry.position,
        line=entry.line,
        title=entry.text("T"),
        abstract=entry.text("X"),
        authors=[author for name in names if name for author in split_name_line(name)],
        date=entry.head("8", "D"),
        year=entry.head("D") or entry.head("8"),
        venue=entry.text("J", "B"),
        volume=entry.head("V"),
        issue=entry.head("N"),
        pages=entry.head("P"),
        publisher=entry.text("I"),
        doi=entry.lines("R"),
        claimed_ids=[value for value in entry.lines("R") if "10." in value],
        issn=entry.head("@"),
        urls=entry.lines("U", ">"),
        language=entry.head("G"),
        types=[kind] if kind else [],
        keywords=entry.lines("K"),
        accession=entry.head("M"),
        database=entry.head("~"),
        notes=entry.lines("Z"),
        flags=() if entry.typed else ("no-type-line",),
        extra={f"%{tag}": value for tag, value in entry.rest(_USED).items()},
        excerpt=entry.excerpt,
    )
