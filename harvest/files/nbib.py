"""Parse PubMed's text format (NBIB, MEDLINE) and ERIC's variant of it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from harvest.files.build import Fields, create_record
from harvest.record import Author, Entry, Notice, StatusNotice
from harvest.text import read_text

_TAG = re.compile(r"^([A-Z]{2,4})\s{0,2}-(?:\s?(.*)|)$")
_STARTERS = {"PMID", "OWN"}
_TYPICAL = re.compile(
    r"^(PMID|OWN ?|STAT|FAU ?|PMC ?|BTI ?|LID ?|AID ?|OID ?|FED ?)- ?", re.MULTILINE
)


@dataclass(slots=True)
class _Entry:
    position: int
    line: int
    values: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    people: list[Author] = field(default_factory=list)
    stray: bool = False
    # Lines that go on with the last value, which is joined once.
    more: list[str] = field(default_factory=list)

    def join(self, tag: str) -> None:
        """Join the lines that go on with the last value, which has this tag."""
        if self.more:
            values = self.values[tag]
            values[-1] = " ".join((values[-1], *self.more))
            self.more.clear()

    def all(self, *tags: str) -> list[str]:
        return [value for tag in tags for value in self.values.get(tag, ()) if value.strip()]

    def first(self, *tags: str) -> str | None:
        return next(iter(self.all(*tags)), None)


def looks_like(text: str) -> bool:
    """Whether a text has MEDLINE tags at the start of lines."""
    if len(_TYPICAL.findall(text)) >= 2 or re.search(r"^PMID- ?\d", text, re.MULTILINE):
        return True
    tags = [match.group(1) for match in map(_TAG.match, text.split("\n")) if match]
    return len(tags) >= 3 and "TI" in tags and any(len(tag) > 2 for tag in tags)


def parse(stream: BinaryIO) -> Iterator[Entry | Notice]:
    """Parse a PubMed text file; see ``harvest.record.Parser``."""
    decoded = read_text(stream)
    if decoded.note:
        yield Notice(decoded.note)
    entry: _Entry | None = None
    tag = ""
    count = outside = 0
    after_blank = True
    for number, line in enumerate(decoded.text.split("\n"), start=1):
        if not line.strip():
            after_blank = True
            continue
        match = _TAG.match(line.rstrip())
        if match is None:
            if entry is None:
                outside += 1
            elif line.startswith(" ") and tag and entry.values.get(tag):
                entry.more.append(line.strip())
            else:
                entry.stray = True
            after_blank = False
            continue
        if entry is not None:
            entry.join(tag)
        tag, value = match.group(1), (match.group(2) or "").strip()
        if entry is None or _starts_entry(entry, tag, after_blank=after_blank):
            if entry is not None:
                yield create_record(_fields(entry))
            count += 1
            entry = _Entry(count, number)
        entry.values[tag].append(value)
        after_blank = False
    if entry is not None:
        entry.join(tag)
        yield create_record(_fields(entry))
    if outside:
        yield Notice(f"{outside} line(s) outside records were not read")


def _starts_entry(entry: _Entry, tag: str, *, after_blank: bool) -> bool:
    """Whether a tag starts a new entry.

    It does if it is a PMID or owner and the entry already has one, or if it follows a blank line
    and is a PMID or owner, or the entry has neither.
    """
    if tag == "PMID" and "PMID" in entry.values:
        return True
    if tag == "OWN" and "OWN" in entry.values:
        return True
    return after_blank and (tag in _STARTERS or not _STARTERS & entry.values.keys())


# PubMed's tags for notices about an article (MEDLINE/PubMed data element descriptions).
_STATUS_TAGS = {
    "RIN": "retracted",
    "RRI": "republished",
    "EIN": "corrected",
    "CRI": "corrected",
    "ECI": "concern",
    "UIN": "published",
}
_NUMBER = re.compile(r"\bPMID:\s*(\d+)")


def _status_notices(entry: _Entry) -> list[StatusNotice]:
    return [
        StatusNotice(kind, value, number.group(1) if (number := _NUMBER.search(value)) else None)
        for tag, kind in _STATUS_TAGS.items()
        for value in entry.all(tag)
    ]


def _identifiers(entry: _Entry, kind: str) -> list[str]:
    return [
        value.replace(f"[{kind}]", "").strip()
        for value in entry.all("LID", "AID", "SO")
        if f"[{kind}]" in value or (kind == "doi" and "10." in value and "[" not in value)
    ]


def _fields(entry: _Entry) -> Fields:
    owner = (entry.first("OWN") or "").upper()
    pmid = entry.first("PMID")
    accession = entry.first("OID") or (pmid if pmid and pmid.split()[0].isdigit() else None)
    title = " ".join(entry.all("TI")) or entry.first("BTI", "CTI", "TT")
    people = [Author(name) for name in entry.all("FAU") or entry.all("AU")]
    people += [Author(name, collective=True) for name in entry.all("CN")]
    if not people:
        people = [Author(name) for name in entry.all("FED", "ED")]
    used = {"PMID", "TI", "AB", "FAU", "AU", "AD", "MH", "OT", "PT", "LA", "JT", "TA", "DP"}
    return Fields(
        position=entry.position,
        line=entry.line,
        title=title,
        abstract=" ".join(entry.all("AB")) or entry.first("OAB"),
        authors=people,
        date=entry.first("DP"),
        year=entry.first("DP", "DEP", "EDAT"),
        venue=entry.first("JT", "TA") or (entry.first("BTI") if entry.first("TI") else None),
        volume=entry.first("VI"),
        issue=entry.first("IP"),
        pages=entry.first("PG"),
        publisher=entry.first("PB"),
        doi=_identifiers(entry, "doi"),
        pmid=[pmid.split()[0]] if pmid else [],
        pmcid=[f"PMC{value}" if value.isdigit() else value for value in entry.all("PMC")],
        issn=entry.first("IS", "ISSN"),
        urls=[value for value in entry.all("LID", "AID", "UR") if value.startswith("http")],
        language=entry.first("LA"),
        types=entry.all("PT"),
        keywords=[value.lstrip("*") for value in entry.all("OT", "MH")],
        accession=accession,
        database="ERIC" if "ERIC" in owner else ("PubMed" if pmid else None),
        flags=("stray-text",) if entry.stray else (),
        status_notices=_status_notices(entry),
        extra={tag: "\n".join(v) for tag, v in entry.values.items() if tag not in used},
        excerpt=" ".join(f"{tag} {' '.join(v)}" for tag, v in entry.values.items()),
    )
