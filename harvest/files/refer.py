"""Refer, which EndNote writes as .enw and others as .ref: a percent sign and a letter a field."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from harvest.files.build import Fields, record_from
from harvest.files.tagged import Tagged
from harvest.record import Author, Entry, Notice
from harvest.text import read_text

_TAG = re.compile(r"^%(\S)(?:\s+(.*)|)$")
_USED = frozenset("0TAEJBDVNPIXKRU@GM8~WZ>")


def looks_like(text: str) -> bool:
    """Whether a text holds Refer's tags at the beginning of lines."""
    tags = [found.group(1) for found in map(_TAG.match, text.split("\n")) if found]
    return len(tags) >= 2 and bool({"T", "A"} & set(tags)) and set("0ATDJBX") & set(tags) != {"A"}


def parse(stream: BinaryIO) -> Iterator[Entry | Notice]:
    """Records of a Refer file; see ``harvest.record.Parser``.

    An entry begins with its type, or, where a tool writes none or writes it later, behind a blank
    line.
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
        found = _TAG.match(line.rstrip())
        if found is None:
            if entry is None:
                outside += 1
            else:
                entry.go_on(line)
            continue
        tag, value = found.group(1), found.group(2) or ""
        if entry is None or _begins(entry, tag, after_blank=blank):
            if entry is not None:
                yield record_from(_fields(entry))
            count += 1
            entry = Tagged(count, number, typed=tag == "0")
        entry.add(tag, value)
        blank = False
    if entry is not None:
        yield record_from(_fields(entry))
    if outside:
        yield Notice(f"{outside} line(s) stand before the first record and were not read")


def _begins(entry: Tagged, tag: str, *, after_blank: bool) -> bool:
    has = {name for name, _ in entry.values}
    if tag == "0":
        return "0" in has or after_blank
    return after_blank and (tag in ("T", "A") or tag in has)


def _fields(entry: Tagged) -> Fields:
    people = entry.lines("A") or entry.lines("E")
    kind = entry.head("0")
    names = [name.strip().rstrip(",") for line in people for name in re.split(r"\s+and\s+|;", line)]
    return Fields(
        position=entry.position,
        line=entry.line,
        title=entry.text("T"),
        abstract=entry.text("X"),
        authors=[Author(name) for name in names if name],
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
