"""Parse the tagged export of Web of Science and its databases (.ciw, .isi, savedrecs.txt)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from harvest.files.build import Fields, create_record
from harvest.files.people import split_name_line
from harvest.files.tagged import Tagged
from harvest.record import Author, Entry, Notice
from harvest.text import read_text

_TAG = re.compile(r"^\ufeff?([A-Z][A-Z0-9])(?: (.*)|)$")
# Tags that belong to the file, not to a record.
_FILE = frozenset({"FN", "VR", "EF"})
_USED = frozenset(
    "PT TI AU AF CA SO VL IS BP EP AR PS DI PY PD AB LA DT DE ID OR BD MC MQ UT PM SN EI PU "
    "BN".split()
)
# What a record without a document type is.
_KINDS = {"J": "Journal", "B": "Book", "S": "Book in series", "P": "Patent"}
# Databases of the platform, by the prefix of their accession numbers.
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
    """Whether a text has Web of Science's tags: a header or type line, and an end of record."""
    start = re.search(r"^\ufeff?(FN |PT [A-Z]\b)", text, re.MULTILINE)
    return bool(start and re.search(r"^(ER|EF)\s*$", text, re.MULTILINE))


def parse(stream: BinaryIO) -> Iterator[Entry | Notice]:
    """Parse the export; see ``harvest.record.Parser``."""
    decoded = read_text(stream)
    if decoded.note:
        yield Notice(decoded.note)
    entry: Tagged | None = None
    count = 0
    for number, line in enumerate(decoded.text.split("\n"), start=1):
        match = _TAG.match(line.rstrip())
        if match is None:
            if entry is not None and line.strip():
                entry.add_line(line)
            continue
        tag, value = match.group(1), match.group(2) or ""
        if tag in _FILE:
            continue
        if tag == "ER":
            if entry is not None:
                yield create_record(_fields(entry))
            entry = None
            continue
        if entry is None or (tag == "PT" and "PT" in entry.names):
            if entry is not None:
                yield create_record(_fields(entry))
            count += 1
            entry = Tagged(count, number, typed=tag == "PT")
        entry.add(tag, value)
    if entry is not None:
        yield create_record(_fields(entry))
        yield Notice("the last record has no end: the file may be cut off; the record is kept")


def _pages(entry: Tagged) -> str | None:
    start, end = entry.head("BP"), entry.head("EP")
    if start and end and start != end:
        return f"{start}-{end}"
    return start or end or entry.head("AR", "PS")


def _fields(entry: Tagged) -> Fields:
    number = entry.head("UT")
    prefix = number.partition(":")[0].upper() if number and ":" in number else ""
    # Each database has its own tags for words: organisms and concepts in BIOSIS and CABI.
    words = entry.flowing("DE", "ID", "OR", "BD", "MC", "MQ")
    kinds = entry.flowing("DT") or [_KINDS.get(entry.head("PT") or "", "")]
    # Some databases of the platform add an e-mail address after a name.
    names = [re.sub(r"(?<!\s)\s*\([^()@]*@[^()]*\)", "", name) for name in entry.lines("AF", "AU")]
    people = [
        person
        for name in names[: len(entry.lines("AF") or names)]
        for person in split_name_line(name)
    ]
    people += [Author(name, collective=True) for name in entry.lines("CA")]
    month, year = entry.head("PD"), entry.head("PY")
    date = [month, None if month and year and year in month else year]
    return Fields(
        position=entry.position,
        line=entry.line,
        title=entry.text("TI"),
        abstract=entry.text("AB"),
        authors=people,
        date=" ".join(part for part in date if part) or None,
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
        types=[kind.strip() for value in kinds for kind in value.split(";")],
        keywords=[word.strip() for value in words for word in value.split(";")],
        accession=number or entry.head("AN"),
        database=_DATABASES.get(prefix, "Web of Science"),
        extra=entry.rest(_USED),
        excerpt=entry.excerpt,
    )
