"""Parse RIS as databases really write it: one space before the dash, no ER, text between records.

rispy silently drops records from such files, so this parser is our own; tests compare it with rispy
on clean files. Every TY line starts an entry, and every entry is a record or is rejected.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from harvest.exports import read_back
from harvest.files.build import Fields, create_record, parse_label
from harvest.files.labels.asreview import find_label
from harvest.files.labels.ours import DECISION, RIS_NOTES
from harvest.files.origin import Origin, find_stated_origin
from harvest.files.people import split_name_line
from harvest.files.tagged import Tagged
from harvest.identifiers import find_accession_pmids, is_doi, is_pmid
from harvest.record import Entry, Notice
from harvest.text import read_text

# A tag is two characters, then two spaces and a dash. Many tools write one space or none. That is
# accepted for known tags, unless it is text that was wrapped: see ``_is_text``.
_STRICT = re.compile(r"^\s{0,3}([A-Z][A-Z0-9])  -(?:\s(.*)|)$")
_LOOSE = re.compile(r"^\s{0,3}([A-Z][A-Z0-9]|PMID|PMCID|PMC|DOI)\s{0,3}-(?:\s?(.*)|)$")
_KNOWN = frozenset(
    "TY ER A1 A2 A3 A4 AB AD AN AU AV BT C1 C2 C3 C4 C5 C6 C7 C8 CA CN CP CT CY DA DB DI DO DP ED "
    "EP ET ID IS J1 J2 JA JF JO KW L1 L2 L3 L4 LA LB LK M1 M2 M3 N1 N2 NV OP PB PMCID PMID PP PY "
    "RI RN RP SE SN SP ST T1 T2 T3 TA TI TT U1 U2 U3 U4 U5 UR VL VO Y1 Y2 YR PMC DOI".split()
)
# Without a TY line only these tags start an entry; Ovid writes link lines (NL) after each ER.
_OPENERS = frozenset("A1 AB AN AU DO ID JF JO N2 PMID T1 T2 TI VL".split())
# EBSCOhost's note begins with the record's numbers.
_EBSCO = re.compile(r"^Accession Number: \S+ (PMID: \d{1,8})\b")

_RAYYAN_ID = re.compile(r"rayyan-\d+$", re.IGNORECASE)
# Tags whose values run over several lines of text.
_FLOWING = frozenset({"AB", "N1", "N2", "T1", "TI"})


def _tag(line: str, entry: Tagged | None = None) -> tuple[str, str] | None:
    match = _STRICT.match(line)
    if match:
        return match.group(1), match.group(2) or ""
    match = _LOOSE.match(line)
    if match and match.group(1) in _KNOWN and not _is_text(match, entry):
        return match.group(1), match.group(2) or ""
    return None


def _is_text(match: re.Match[str], entry: Tagged | None) -> bool:
    """Whether a line that looks like a tag goes on with text, as "T2-weighted images" does."""
    if entry is None or not entry.values:
        return False
    value = (match.group(2) or "").strip()
    if match.group(1) == "ER":
        return len(value) > 2
    if match.group(1) == "TY":
        return not re.match(r"[A-Z]{3,}$", value)
    if "-" in match.group(0)[: match.end(1) + 1] and not entry.compact:
        return True
    # A record whose tags so far were all written as RIS wants has no others.
    strict = entry.spaced and len(entry.values) > 2 and len(match.group(1)) == 2
    return entry.values[-1][0] in _FLOWING and bool(value) and (strict or value[0].islower())


def looks_like(text: str) -> bool:
    """Whether a text is RIS: it has a TY line, or at least three known tags and an ER."""
    tags = [tag[0] for tag in map(_tag, text.split("\n")) if tag]
    if "TY" in tags:
        return True
    return "ER" in tags and sum(tag in _KNOWN for tag in tags) >= 3


def parse(stream: BinaryIO) -> Iterator[Entry | Notice | Origin]:
    """Parse a RIS file; see ``harvest.record.Parser``."""
    decoded = read_text(stream)
    if decoded.note:
        yield Notice(decoded.note)
    entry: Tagged | None = None
    count = ends = 0
    outside: list[str] = []
    for number, line in enumerate(decoded.text.split("\n"), start=1):
        tag = _tag(line.rstrip(), entry)
        if tag is None:
            if entry and entry.values:
                _add_line(entry, line)
            elif line.strip():
                outside.append(line)
            continue
        name, value = tag
        if entry is not None:
            entry.spaced &= bool(_STRICT.match(line)) or name == "ER"
        if entry is None and name != "TY" and name not in _OPENERS:
            outside.append(line)
            continue
        if name == "TY" or entry is None:
            if entry is not None:
                yield _record(entry)
            count += 1
            entry = Tagged(count, number, typed=name == "TY")
            entry.spaced = bool(_STRICT.match(line))
            # Tools that write "TY-JOUR" write all their tags so.
            entry.compact = not entry.typed or line.lstrip().startswith("TY-")
        if name == "ER":
            ends += 1
            yield _record(entry)
            entry = None
            continue
        entry.add(name, value)
    if entry is not None:
        yield _record(entry)
        if ends:
            yield Notice(
                "the last record has no end (ER): the file may be cut off; the record is kept"
            )
    stated = find_stated_origin(outside)
    if stated is not None:
        yield stated
    if outside:
        yield Notice(f"{len(outside)} line(s) outside records were not read")


def _record(entry: Tagged) -> Entry:
    return (
        read_back.from_ris(entry) if read_back.is_own_ris(entry) else create_record(_fields(entry))
    )


def _add_line(entry: Tagged, line: str) -> None:
    """Add a line without a tag to the last value; an indented one goes on with the line before."""
    if line[:1].isspace() and entry.values[-1][0] != "N1":
        entry.go_on(line)
    elif line.strip():
        entry.add_line(line)


def _pages(entry: Tagged) -> str | None:
    start, end = entry.head("SP"), entry.head("EP")
    if start and end and start != end and "-" not in start:
        return f"{start}-{end}"
    return start or end or entry.head("PG")


def _people(entry: Tagged) -> list[str]:
    """Authors under both tags; some tools write all of them under each."""
    ours, theirs = entry.in_order("AU"), entry.in_order("A1")
    return ours if ours == theirs else entry.in_order("AU", "A1")


def _venue(entry: Tagged) -> str | None:
    kind = (entry.head("TY") or "").upper()
    if kind in {"CHAP", "CPAPER", "CONF"}:
        return entry.head("T2", "BT", "JF", "JO", "C3", "T3")
    if kind == "BOOK":
        return entry.head("JF", "T2")
    return entry.head("JF", "T2", "JO", "J2", "JA", "J1", "BT", "TA", "SO")


def _is_type(text: str) -> bool:
    """Whether a type of work is one: no DOI, and no subject class ("Health Psychology [3360]")."""
    return "10." not in text and not re.search(r"\[\d{3,4}\]$", text.strip())


def _label(notes: list[str], keywords: list[str]) -> str | None:
    """The relevance label in notes of ASReview or of Winnow itself."""
    begin = RIS_NOTES[DECISION]
    own = next((note.removeprefix(begin) for note in notes if note.startswith(begin)), None)
    return parse_label(own) or find_label([*notes, *keywords])


def _fields(entry: Tagged) -> Fields:
    notes = entry.lines("N1")
    dois = [*entry.lines("DO", "DI", "DOI"), *filter(is_doi, notes)]
    pubmed = [value for value in entry.lines("U1", "C1", "C2", "M1") if "pmid" in value.lower()]
    database = entry.head("DB", "DP")
    accession = entry.head("AN")
    if accession and _RAYYAN_ID.match(accession):
        # Rayyan's number for a record in one review; no database knows it.
        accession = None
    pubmed += find_accession_pmids(accession, database)
    pubmed += filter(is_pmid, notes)
    pubmed += (match.group(1) for note in notes if (match := _EBSCO.match(note)))
    # The Cochrane Library names the numbers that other databases gave the report.
    pubmed += [v.split()[-1] for v in entry.lines("XR") if v.upper().startswith("PUBMED ")]
    people = _people(entry) or entry.in_order("A2", "ED", "A3")
    title = entry.first("TI", "T1", "CT") or entry.first("BT", "TT")
    used = {"TY", "TI", "T1", "AB", "N2", "AU", "A1", "KW", "UR", "DO", "N1", "PY", "Y1"}
    if accession:
        used.add("AN")
    return Fields(
        position=entry.position,
        line=entry.line,
        title=title,
        abstract=entry.first("AB") or entry.first("N2"),
        authors=[author for line in people for author in split_name_line(line)],
        date=entry.head("DA", "PY", "Y1"),
        year=next((y for y in entry.lines("PY", "Y1", "YR", "DA") if re.search(r"\d{4}", y)), None),
        venue=_venue(entry),
        volume=entry.head("VL", "VO"),
        issue=entry.head("IS", "NO"),
        pages=_pages(entry),
        publisher=entry.head("PB"),
        doi=[*dois, *filter(is_doi, entry.lines("M3", "L3", "L2", "ID"))],
        pmid=[*entry.lines("PMID"), *(value.split("[")[0].split(":")[-1] for value in pubmed)],
        pmcid=entry.lines("PMCID", "PMC", "C2", "C1", "AN"),
        claimed_ids=[*entry.lines("DO", "DI", "DOI", "PMID")],
        issn=entry.head("SN"),
        urls=entry.lines("UR", "LK", "L1", "L2", "L3", "US"),
        language=entry.head("LA"),
        types=[*entry.lines("TY", "PT"), *filter(_is_type, entry.lines("M3"))],
        keywords=[*entry.lines("KW"), *(w for v in entry.lines("KY") for w in v.split(";"))],
        accession=accession,
        database=database,
        label=_label(notes, entry.lines("KW")) or parse_label(entry.head("LB")),
        notes=notes,
        flags=() if entry.typed else ("no-type-line",),
        extra=entry.rest(frozenset(used)),
        excerpt=entry.excerpt,
    )
