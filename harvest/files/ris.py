"""RIS as databases really write it: one blank before the dash, no ER, text between records.

rispy drops records silently on such files, so this reader is our own; tests cross-check it with
rispy on clean files. Every TY line begins an entry, and every entry is a record or is rejected.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from harvest.files.build import Fields, label_in, record_from
from harvest.files.origin import Stated, stated_in
from harvest.files.tagged import Tagged
from harvest.record import Author, Entry, Notice
from harvest.text import read_text

# The tag is two characters, then two blanks and a dash. Tools that write one blank or none are
# common, so these are taken too, but for known tags only: "UK - based" may open a line of text.
_STRICT = re.compile(r"^\s{0,3}([A-Z][A-Z0-9])  -(?:\s(.*)|)$")
_LOOSE = re.compile(r"^\s{0,3}([A-Z][A-Z0-9]|PMID|PMCID|PMC)\s{0,3}-(?:\s?(.*)|)$")
_KNOWN = frozenset(
    "TY ER A1 A2 A3 A4 AB AD AN AU AV BT C1 C2 C3 C4 C5 C6 C7 C8 CA CN CP CT CY DA DB DI DO DP ED "
    "EP ET ID IS J1 J2 JA JF JO KW L1 L2 L3 L4 LA LB LK M1 M2 M3 N1 N2 NV OP PB PMCID PMID PP PY "
    "RI RN RP SE SN SP ST T1 T2 T3 TA TI TT U1 U2 U3 U4 U5 UR VL VO Y1 Y2 YR PMC".split()
)
# Without a TY line only these begin an entry; Ovid writes link lines (NL) behind each ER.
_OPENERS = frozenset("A1 AB AN AU DO ID JF JO N2 PMID T1 T2 TI VL".split())
_LABEL = {"ASReview_relevant": "include", "ASReview_irrelevant": "exclude"}


def _tag(line: str) -> tuple[str, str] | None:
    found = _STRICT.match(line)
    if found:
        return found.group(1), found.group(2) or ""
    found = _LOOSE.match(line)
    if found and found.group(1) in _KNOWN:
        return found.group(1), found.group(2) or ""
    return None


def looks_like(text: str) -> bool:
    """Whether a text holds RIS: a TY line, or at least three known tags and an ER."""
    tags = [tag[0] for tag in map(_tag, text.split("\n")) if tag]
    if "TY" in tags:
        return True
    return "ER" in tags and sum(tag in _KNOWN for tag in tags) >= 3


def parse(stream: BinaryIO) -> Iterator[Entry | Notice | Stated]:
    """Records of a RIS file; see ``harvest.record.Parser``."""
    decoded = read_text(stream)
    if decoded.note:
        yield Notice(decoded.note)
    entry: Tagged | None = None
    count = ends = 0
    outside: list[str] = []
    for number, line in enumerate(decoded.text.split("\n"), start=1):
        tag = _tag(line.rstrip())
        if tag is None:
            if entry and entry.values:
                if line.strip():
                    entry.values[-1][1].append(line.strip())
            elif line.strip():
                outside.append(line)
            continue
        name, value = tag
        if entry is None and name != "TY" and name not in _OPENERS:
            outside.append(line)
            continue
        if name == "TY" or entry is None:
            if entry is not None:
                yield record_from(_fields(entry))
            count += 1
            entry = Tagged(count, number, typed=name == "TY")
        if name == "ER":
            ends += 1
            yield record_from(_fields(entry))
            entry = None
            continue
        entry.add(name, value)
    if entry is not None:
        yield record_from(_fields(entry))
        if ends:
            yield Notice(
                "the last record does not end (ER): the file may have been cut; it is kept so far"
            )
    stated = stated_in(outside)
    if stated is not None:
        yield stated
    if outside:
        yield Notice(f"{len(outside)} line(s) stand outside of records and were not read")


def _pages(entry: Tagged) -> str | None:
    start, end = entry.head("SP"), entry.head("EP")
    if start and end and start != end and "-" not in start:
        return f"{start}-{end}"
    return start or end


def _venue(entry: Tagged) -> str | None:
    kind = (entry.head("TY") or "").upper()
    if kind in {"CHAP", "CPAPER", "CONF"}:
        return entry.head("T2", "BT", "JF", "JO", "C3", "T3")
    if kind == "BOOK":
        return entry.head("JF", "T2")
    return entry.head("JF", "T2", "JO", "J2", "JA", "J1", "BT", "TA")


def _label(notes: list[str]) -> str | None:
    return next((_LABEL[note.strip()] for note in notes if note.strip() in _LABEL), None)


def _fields(entry: Tagged) -> Fields:
    notes = entry.lines("N1")
    dois = [*entry.lines("DO", "DI"), *(note for note in notes if "doi" in note.lower())]
    pubmed = [value for value in entry.lines("U1", "C1", "C2", "M1") if "pmid" in value.lower()]
    database = entry.head("DB", "DP")
    accession = entry.head("AN")
    if accession and re.search(r"pubmed|medline", database or "", re.IGNORECASE):
        pubmed.append(accession)
    people = entry.lines("AU", "A1") or entry.lines("A2", "ED", "A3")
    title = entry.first("TI", "T1", "CT") or entry.first("BT", "TT")
    used = {"TY", "TI", "T1", "AB", "N2", "AU", "A1", "KW", "UR", "DO", "N1", "AN", "PY", "Y1"}
    return Fields(
        position=entry.position,
        line=entry.line,
        title=title,
        abstract=entry.first("AB") or entry.first("N2"),
        authors=[Author(name) for name in people],
        date=entry.head("DA", "PY", "Y1"),
        year=next((y for y in entry.lines("PY", "Y1", "YR", "DA") if re.search(r"\d{4}", y)), None),
        venue=_venue(entry),
        volume=entry.head("VL", "VO"),
        issue=entry.head("IS"),
        pages=_pages(entry),
        publisher=entry.head("PB"),
        doi=[*dois, *entry.lines("M3", "L3", "L2", "ID")],
        pmid=[*entry.lines("PMID"), *(value.split("[")[0].split(":")[-1] for value in pubmed)],
        pmcid=entry.lines("PMCID", "PMC", "C2", "C1", "AN"),
        claimed_ids=[*entry.lines("DO", "DI", "PMID")],
        issn=entry.head("SN"),
        urls=entry.lines("UR", "LK", "L1", "L2", "L3"),
        language=entry.head("LA"),
        types=[*entry.lines("TY"), *(v for v in entry.lines("M3") if "10." not in v)],
        keywords=entry.lines("KW"),
        accession=accession,
        database=database,
        label=_label(notes) or label_in(entry.head("LB")),
        notes=notes,
        flags=() if entry.typed else ("no-type-line",),
        extra=entry.rest(frozenset(used)),
        excerpt=entry.excerpt,
    )
