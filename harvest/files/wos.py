"""Web of Science's tagged export (.ciw, .isi, savedrecs.txt), of other databases there too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from harvest.files.build import Fields, record_from
from harvest.files.tagged import Tagged
from harvest.record import Author, Entry, Notice
from harvest.text import read_text

_TAG = re.compile(r"^\ufeff?([A-Z][A-Z0-9])(?: (.*)|)$")
# Of the file, not of a record.
_FILE = frozenset({"FN", "VR", "EF"})
_USED = frozenset(
    "PT TI AU AF CA SO VL IS BP EP AR PS DI PY PD AB LA DT DE ID UT PM SN EI PU BN".split()
)
# Databases of the platform by how their accession numbers begin.
_DATABASES = {
    "WOS": "Web of Science Core Collection",
    "MEDLINE": "MEDLINE",
    "INSPEC": "Inspec",
    "BIOSIS": "BIOSIS Previews",
    "BCI": "BIOSIS Citation Index",
    "CABI": "CAB Abstracts",
    "KJD": "KCI-Korean Journal Database",
    "SCIELO": "SciELO Citation Index",
    "PPRN": "Preprint Citation Index",
    "DRCI": "Data Citation Index",
    "PQDT": "ProQuest Dissertations & Theses Citation Index",
    "ZOOREC": "Zoological Record",
    "FSTA": "FSTA",
    "DIIDW": "Derwent Innovations Index",
}


def looks_like(text: str) -> bool:
    """Whether a text holds Web of Science's tags: a head or a type line, and an end of record."""
    begins = re.search(r"^\ufeff?(FN |PT [A-Z]\b)", text, re.MULTILINE)
    return bool(begins and re.search(r"^(ER|EF)\s*$", text, re.MULTILINE))


def parse(stream: BinaryIO) -> Iterator[Entry | Notice]:
    """Records of the export; see ``harvest.record.Parser``."""
    decoded = read_text(stream)
    if decoded.note:
        yield Notice(decoded.note)
    entry: Tagged | None = None
    count, ended = 0, False
    for number, line in enumerate(decoded.text.split("\n"), start=1):
        found = _TAG.match(line.rstrip())
        if found is None:
            if entry is not None and line.strip():
                entry.go_on(line)
            continue
        tag, value = found.group(1), found.group(2) or ""
        ended = ended or tag == "EF"
        if tag in _FILE:
            continue
        if tag == "ER":
            if entry is not None:
                yield record_from(_fields(entry))
            entry = None
            continue
        if entry is None or (tag == "PT" and any(name == "PT" for name, _ in entry.values)):
            if entry is not None:
                yield record_from(_fields(entry))
            count += 1
            entry = Tagged(count, number, typed=tag == "PT")
        entry.add(tag, value)
    if entry is not None:
        yield record_from(_fields(entry))
        yield Notice("the last record does not end: the file may have been cut; it is kept so far")


def _pages(entry: Tagged) -> str | None:
    start, end = entry.head("BP"), entry.head("EP")
    if start and end and start != end:
        return f"{start}-{end}"
    return start or end or entry.head("AR", "PS")


def _fields(entry: Tagged) -> Fields:
    number = entry.head("UT")
    prefix = number.partition(":")[0].upper() if number and ":" in number else ""
    keywords = [word.strip() for value in entry.flowing("DE", "ID") for word in value.split(";")]
    # Some databases there put the address behind a name.
    names = [re.sub(r"\s*\([^)]*@[^)]*\)", "", name) for name in entry.lines("AF", "AU")]
    people = [Author(name) for name in names[: len(entry.lines("AF") or names)]]
    people += [Author(name, collective=True) for name in entry.lines("CA")]
    month, year = entry.head("PD"), entry.head("PY")
    known = [month, None if month and year and year in month else year]
    return Fields(
        position=entry.position,
        line=entry.line,
        title=entry.text("TI"),
        abstract=entry.text("AB"),
        authors=people,
        date=" ".join(part for part in known if part) or None,
        year=year,
        venue=entry.text("SO"),
        volume=entry.head("VL"),
        issue=entry.head("IS"),
        pages=_pages(entry),
        publisher=entry.text("PU"),
        doi=entry.lines("DI"),
        pmid=entry.lines("PM"),
        claimed_ids=entry.lines("DI", "PM"),
        issn=entry.head("SN", "EI", "BN"),
        language=entry.text("LA"),
        types=[kind.strip() for value in entry.flowing("DT") for kind in value.split(";")],
        keywords=keywords,
        accession=number or entry.head("AN"),
        database=_DATABASES.get(prefix, "Web of Science"),
        extra=entry.rest(_USED),
        excerpt=entry.excerpt,
    )
