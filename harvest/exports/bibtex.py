"""Write BibTeX: values in braces that balance, one line each, and no key twice."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Final

from harvest.exports import names
from harvest.exports.columns import flatten
from harvest.exports.entry import ExportEntry, clean_line
from harvest.exports.latex import escape, escape_item, escape_name
from harvest.files.labels import ours
from harvest.record import Record
from harvest.reference_types import find_bibtex_type, find_ris_code
from harvest.text import fold

_VENUES: Final = {"incollection": "booktitle", "inproceedings": "booktitle"}
_PUBLISHERS: Final = {"phdthesis": "school", "techreport": "institution"}
# Fields of the record under BibTeX's names, in the order in which people expect them.
_TEXTS: Final = {
    "volume": "volume",
    "issue": "number",
    "doi": "doi",
    "pmid": "pmid",
    "pmcid": "pmcid",
    "issn": "issn",
    "language": "language",
    "accession": "accession",
    "database": "database",
    "abstract": "abstract",
}
# BibTeX has no field for these.
_OWN: Final = (
    *(ours.DECISION, ours.STAGE, ours.DECIDED_BY, ours.DECIDED_AT, ours.NOTE),
    *(ours.REASONS, names.QUESTIONS, *names.ABOUT, names.FLAGS, names.TYPES),
)
_RANGE = re.compile(r"^(\w+)-(\w+)$")
# What would end the value of a link, which is not written as LaTeX.
_LINK = {"{": "%7B", "}": "%7D", "\\": "%5C"}


def as_bibtex(entries: Iterable[ExportEntry]) -> Iterator[str]:
    """BibTeX, one entry at a time."""
    for entry in entries:
        kind = find_bibtex_type(find_ris_code(entry.record))
        lines = [f"  {name} = {{{value}}}" for name, value in _fields(entry, kind) if value]
        yield f"@{kind}{{{_key(entry)},\n" + ",\n".join(lines) + "\n}\n\n"


def _key(entry: ExportEntry) -> str:
    """A key by author and year, which the record's number makes the only one."""
    authors = entry.record.authors
    family = authors[0].name.split(",")[0] if authors else ""
    word = re.sub(r"[^a-z0-9]", "", fold(family))[:30] or "record"
    return f"{word}{entry.record.year or ''}-{entry.record_id}"


def _fields(entry: ExportEntry, kind: str) -> Iterator[tuple[str, str]]:
    record = entry.record
    yield "author", " and ".join(_author(record))
    yield "title", _text(record.title)
    yield "year", str(record.year or "")
    if record.date != str(record.year):
        yield "date", _text(record.date)
    yield _VENUES.get(kind, "journal"), _text(record.venue)
    yield from ((name, _text(getattr(record, field))) for field, name in _TEXTS.items())
    yield "pages", _pages(record.pages)
    yield _PUBLISHERS.get(kind, "publisher"), _text(record.publisher)
    links = ("".join(_LINK.get(letter, letter) for letter in url) for url in record.urls)
    yield "url", " ".join(links)
    yield "keywords", _list(record.keywords)
    yield "note", _list(record.notes)
    yield from _own(entry)


def _author(record: Record) -> Iterator[str]:
    for author in record.authors:
        name = escape_name(clean_line(author.name) or "")
        yield f"{{{name}}}" if author.collective else name


def _text(value: object) -> str:
    return escape(clean_line(str(value)) or "") if value is not None else ""


def _list(values: Iterable[str]) -> str:
    return "; ".join(escape_item(line) for value in values if (line := clean_line(value)))


def _pages(pages: str | None) -> str:
    """Pages with the two dashes that LaTeX wants between them."""
    found = _RANGE.match(pages or "")
    return f"{_text(found[1])}--{_text(found[2])}" if found else _text(pages)


def _own(entry: ExportEntry) -> Iterator[tuple[str, str]]:
    values = flatten(entry)
    full_text = [name for name in values if name.startswith(ours.FULL_TEXT_PREFIX)]
    for name in (*_OWN, *full_text):
        value = values[name]
        yield (
            f"{ours.BIBTEX_PREFIX}{name}",
            _list(value) if isinstance(value, list) else _text(value),
        )
    extra = values[names.OTHER_FIELDS]
    if extra:
        # One line with single blanks, as all values: others are written by their numbers.
        text = re.sub(r"(?<= ) ", r"\\u0020", json.dumps(extra))
        yield f"{ours.BIBTEX_PREFIX}{names.OTHER_FIELDS}", _text(text)
