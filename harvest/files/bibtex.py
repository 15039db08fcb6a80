"""BibTeX and BibLaTeX through bibtexparser 2, whose failures are read, not hidden."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from bibtexparser import model as bib
from bibtexparser.entrypoint import parse_string
from pylatexenc.latex2text import LatexNodes2Text

from harvest.files.build import Fields, label_in, record_from
from harvest.record import Author, Entry, Notice, Rejected
from harvest.text import excerpt, read_text

_ENTRY = re.compile(
    r"^[ \t]*@(?!comment\b|string\b|preamble\b)[A-Za-z][\w-]*[ \t]*[{(]", re.MULTILINE | re.I
)
_LATEX = LatexNodes2Text(keep_comments=True, strict_latex_spaces=False)
_VENUES = ("journal", "journaltitle", "booktitle", "series", "howpublished", "eventtitle")


def looks_like(text: str) -> bool:
    """Whether a text holds the beginning of a BibTeX entry."""
    return bool(_ENTRY.search(text))


def parse(stream: BinaryIO) -> Iterator[Entry | Notice]:
    """Records of a BibTeX file; see ``harvest.record.Parser``."""
    decoded = read_text(stream)
    if decoded.note:
        yield Notice(decoded.note)
    # bibtexparser logs what it could not parse; we read it from the blocks and say it ourselves.
    logging.getLogger("bibtexparser").setLevel(logging.CRITICAL)
    library = parse_string(decoded.text)
    position = 0
    for block in library.blocks:
        for entry in _entries(block, decoded.text, position + 1):
            position += 1
            yield entry


def _entries(block: Any, text: str, position: int) -> Iterator[Entry]:
    """The record of one block; a block that swallowed other entries gives each of them a reason."""
    line = (block.start_line or 0) + 1
    if isinstance(block, bib.Entry):
        yield record_from(_fields(block, position, line, ()))
    elif isinstance(block, bib.DuplicateBlockKeyBlock):
        twin = block.ignore_error_block
        if isinstance(twin, bib.Entry):
            yield record_from(_fields(twin, position, line, ("key-used-twice",)))
    elif isinstance(block, bib.DuplicateFieldKeyBlock) and isinstance(
        block.ignore_error_block, bib.Entry
    ):
        yield record_from(_fields(block.ignore_error_block, position, line, ("field-twice",)))
    elif isinstance(block, bib.ParsingFailedBlock):
        raw = block.raw or ""
        starts = [match.start() for match in _ENTRY.finditer(raw)]
        for offset, start in enumerate(starts):
            yield Rejected(
                position + offset,
                f"BibTeX entry could not be parsed: {_reason(block.error)}"
                if offset == 0
                else "BibTeX entry stands inside an entry that could not be parsed",
                line=line + raw[:start].count("\n"),
                excerpt=excerpt(raw[start:]),
            )


def _reason(error: Exception) -> str:
    """The reason of an aborted block stands in an attribute, not in the error's text."""
    return str(getattr(error, "abort_reason", error)) or type(error).__name__


def _plain(value: str | None) -> str | None:
    """LaTeX to Unicode; text that pylatexenc cannot read keeps its form without braces."""
    if value is None or not re.search(r"[\\{}$~]|--", value):
        return value
    # A bare % is a comment to LaTeX and would swallow the rest of an abstract.
    guarded = re.sub(r"(?<!\\)%", r"\\%", value)
    try:
        return str(_LATEX.latex_to_text(guarded))
    except Exception:  # noqa: BLE001 - a parser of anything raises anything; the text is kept
        return re.sub(r"[{}]", "", value)


def _people(text: str | None) -> list[Author]:
    if not text:
        return []
    names = re.split(r"\s+and\s+", text.strip(), flags=re.IGNORECASE)
    return [
        Author(_plain(name) or "", collective=name.startswith("{") and name.endswith("}"))
        for name in names
        if name.strip() and name.strip().lower() != "others"
    ]


def _fields(entry: Any, position: int, line: int, flags: tuple[str, ...]) -> Fields:
    raw = {field.key.lower(): str(field.value) for field in reversed(entry.fields)}

    def first(*keys: str) -> str | None:
        return next((_plain(raw[key]) for key in keys if raw.get(key, "").strip()), None)

    links = [raw[key] for key in ("url", "link", "ee", "howpublished") if key in raw]
    used = {"title", "abstract", "author", "year", "journal", "doi", "url", "keywords"}
    return Fields(
        position=position,
        line=line,
        title=first("title", "booktitle"),
        abstract=first("abstract"),
        authors=_people(raw.get("author")) or _people(raw.get("editor")),
        date=first("date", "year"),
        year=first("year", "date"),
        venue=first(*_VENUES) if "title" in raw else first(*_VENUES[:2]),
        volume=first("volume"),
        issue=first("number", "issue"),
        pages=first("pages", "article-number"),
        publisher=first("publisher", "institution", "school"),
        doi=[raw[key] for key in ("doi", "digital_object_identifier", "note") if key in raw],
        pmid=[raw[key] for key in ("pmid", "pubmedid") if key in raw],
        pmcid=[raw[key] for key in ("pmc", "pmcid") if key in raw],
        claimed_ids=[raw[key] for key in ("doi", "pmid", "pmcid") if key in raw],
        issn=first("issn", "isbn"),
        urls=[part for link in links for part in re.split(r"[\s;]+", link.replace("\\", ""))],
        language=first("language", "langid"),
        types=[value for value in (entry.entry_type, first("document_type", "type")) if value],
        keywords=[
            part
            for key in ("keywords", "author_keywords", "keyword", "keywords-plus")
            if key in raw
            for part in re.split(r"[;,\n]", _plain(raw[key]) or "")
        ],
        accession=first("unique-id", "accession", "accession-number", "an"),
        database=first("source", "database"),
        label=label_in(first("label_included", "label")),
        notes=[note for note in (first("note"), first("annote")) if note],
        flags=flags,
        extra={key: value for key, value in raw.items() if key not in used},
        excerpt=f"@{entry.entry_type}{{{entry.key}",
    )
