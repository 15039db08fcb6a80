"""Parse BibTeX and BibLaTeX with bibtexparser 2, and report every entry that it cannot parse."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any, BinaryIO

from bibtexparser import model as bib
from bibtexparser.entrypoint import parse_string
from bibtexparser.middlewares.names import split_multiple_persons_names
from pylatexenc.latex2text import (
    LatexNodes2Text,
    MacroTextSpec,
    get_default_latex_context_db,
)

from harvest.exports import read_back
from harvest.files.build import Fields, create_record, parse_label
from harvest.identifiers import is_doi, is_pmid
from harvest.record import Author, Entry, Notice, Rejected
from harvest.text import excerpt, read_text

_ENTRY = re.compile(
    r"^[ \t]*@(?!comment\b|string\b|preamble\b)[A-Za-z][\w-]*[ \t]*[{(]", re.MULTILINE | re.I
)
# An entry whose key is missing: its first field follows the bracket.
_NO_KEY = re.compile(
    r"^([ \t]*@(?!comment\b|string\b|preamble\b)[A-Za-z][\w-]*[ \t]*[{(])(?=\s*[A-Za-z][\w-]*\s*=)",
    re.MULTILINE | re.I,
)
# Braces, which open and close values, and an "@" at the start of a line that no entry follows.
_BRACE_OR_AT = re.compile(
    r"\\.|[{}]|^[ \t]*@(?!(?:comment|string|preamble)\b)"
    r"(?![A-Za-z][\w-]*[ \t]*(?:\{\s*+(?:[^\s,{}()=]++\s*+)?\}"
    r"|[{(]\s*+(?:[^,{}()=]*+,\s*+(?:[A-Za-z][\w-]*+\s*+=|[})])|[A-Za-z][\w-]*+\s*+=)))",
    re.MULTILINE | re.I,
)
# Stands in for such an "@" while the library parses. No text has this character.
_AT = "\ufffe"
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# Commands for characters with a meaning in LaTeX, which the library leaves out or changes.
_MACROS = get_default_latex_context_db()
_MACROS.add_context_category(
    "plain",
    prepend=True,
    macros=[
        MacroTextSpec(name, character)
        for name, character in (
            *(("textbraceleft", "{"), ("textbraceright", "}"), ("textasciicircum", "^")),
            *(("lbrace", "{"), ("rbrace", "}")),
        )
    ],
)
_LATEX = LatexNodes2Text(_MACROS, keep_comments=True, strict_latex_spaces=False)
# The start of a field in a value of the library's: a comma is missing before it.
_NEXT_FIELD = re.compile(r"\s+([A-Za-z][\w-]*)\s*=\s*(?=[{\"\w])")
_SUFFIX = re.compile(r"^(?:[JS]r|I{2,3}|IV|2nd|3rd|4th)\.?$", re.IGNORECASE)
# What TeX needs a backslash before, also in DOIs ("10.1000/a\_1").
_ESCAPED = re.compile(r"\\(?=[_&%#$~])")
_DOIS = ("doi", "digital_object_identifier")
# MathSciNet's "fjournal" is the full name of its abbreviated "journal".
_VENUES = (
    "fjournal",
    "journal",
    "journaltitle",
    "booktitle",
    "series",
    "howpublished",
    "eventtitle",
)


def _hide_ats(text: str) -> str:
    """Replace each "@" that begins a line inside a value, as in "@RISK (a program)"."""
    depth = 0

    def replace(match: re.Match[str]) -> str:
        nonlocal depth
        found = match.group(0)
        depth += {"{": 1, "}": -1}.get(found, 0)
        return f"{found[:-1]}{_AT}" if found.endswith("@") and depth > 0 else found

    return _BRACE_OR_AT.sub(replace, text)


def looks_like(text: str) -> bool:
    """Whether a text has the start of a BibTeX entry."""
    return bool(_ENTRY.search(text))


def parse(stream: BinaryIO) -> Iterator[Entry | Notice]:
    """Parse a BibTeX file; see ``harvest.record.Parser``."""
    decoded = read_text(stream)
    if decoded.note:
        yield Notice(decoded.note)
    # bibtexparser logs its failures; we report them from its blocks instead.
    logging.getLogger("bibtexparser").setLevel(logging.CRITICAL)
    number = count(1)
    text = _NO_KEY.sub(
        lambda match: f"{match.group(1)}entry-{next(number)},",
        _hide_ats(decoded.text.replace(_AT, "")),
    )
    # Values stay as they are written, since the library resolves no values joined by "#".
    library = parse_string(text, parse_stack=[])
    macros = {month: month.capitalize() for month in _MONTHS}
    for name, macro in library.strings_dict.items():
        macros[name.lower()] = _value(str(macro.value), macros)
    position = 0
    for block in library.blocks:
        for entry in _entries(block, macros, position + 1):
            position += 1
            yield entry


def _value(raw: str, macros: Mapping[str, str]) -> str:
    """The text of a value: pieces in braces or quotes, numbers and macros, joined by "#"."""
    pieces, start, depth, quoted = [], 0, 0, False
    for at, character in enumerate(raw):
        if character == "{":
            depth += 1
        elif character == "}":
            depth -= 1
        elif character == '"' and depth == 0:
            quoted = not quoted
        elif character == "#" and depth == 0 and not quoted:
            pieces.append(raw[start:at])
            start = at + 1
    pieces.append(raw[start:])
    return "".join(_piece(piece.strip(), macros) for piece in pieces).replace(_AT, "@")


def _values(name: str, raw: str) -> Iterator[tuple[str, str]]:
    """A field's name and value, and those of each field that a missing comma put into its value."""
    # Nearly all values need no look at each character.
    if "=" not in raw:
        yield name, raw
        return
    start = at = 0
    depth, quoted, empty = 0, False, True
    while at < len(raw):
        character = raw[at]
        if character in "{}":
            depth += 1 if character == "{" else -1
        elif character == '"' and depth == 0:
            quoted = not quoted
        elif character.isspace():
            match = None
            if depth == 0 and not quoted and not empty and not raw[at - 1].isspace():
                match = _NEXT_FIELD.match(raw, at)
            if match:
                yield name, raw[start:at]
                name, start, at = match.group(1), match.end(), match.end()
                empty = True
                continue
        empty = empty and character.isspace()
        at += 1
    yield name, raw[start:]


def _split_commas(name: str) -> list[str]:
    """Parts of a name at its commas, but for those whose next brace closes."""
    parts, rest = [""], re.split(r"([,{}])", name)
    marks = rest[1::2]
    closes, closing = [False] * len(marks), False
    for at in range(len(marks) - 1, -1, -1):
        closes[at] = closing
        closing = closing if marks[at] == "," else marks[at] == "}"
    for mark, inside, text in zip(["", *marks], [False, *closes], rest[0::2], strict=True):
        if mark == "," and not inside:
            parts.append(text)
        else:
            parts[-1] = f"{parts[-1]}{mark}{text}"
    return parts


def _in_order(name: str) -> str:
    """A name with its suffix at the end, which BibTeX puts in the middle: "Ross, Jr, Tom"."""
    parts = [part.strip() for part in _split_commas(name)]
    if len(parts) == 3 and _SUFFIX.match(parts[1]):
        return ", ".join((parts[0], parts[2], parts[1]))
    return name


def _piece(piece: str, macros: Mapping[str, str]) -> str:
    if len(piece) > 1 and piece[0] + piece[-1] in ("{}", '""'):
        return piece[1:-1]
    return macros.get(piece.lower(), piece)


def _entries(block: Any, macros: Mapping[str, str], position: int) -> Iterator[Entry]:
    """The entries of one block: a record, or for a failed block each entry that it swallowed."""
    line = (block.start_line or 0) + 1
    if isinstance(block, bib.Entry):
        yield _record(block, macros, position, line, ())
    elif isinstance(block, bib.DuplicateBlockKeyBlock):
        duplicate = block.ignore_error_block
        if isinstance(duplicate, bib.Entry):
            yield _record(duplicate, macros, position, line, ("key-used-twice",))
    elif isinstance(block, bib.DuplicateFieldKeyBlock) and isinstance(
        block.ignore_error_block, bib.Entry
    ):
        yield _record(block.ignore_error_block, macros, position, line, ("field-twice",))
    elif isinstance(block, bib.ParsingFailedBlock):
        raw = (block.raw or "").replace(_AT, "@")
        starts = [match.start() for match in _ENTRY.finditer(raw)]
        for offset, start in enumerate(starts):
            yield Rejected(
                position + offset,
                f"BibTeX entry could not be parsed: {_reason(block.error)}"
                if offset == 0
                else "BibTeX entry is inside an entry that could not be parsed",
                line=line + raw[:start].count("\n"),
                excerpt=excerpt(raw[start:]),
            )


def _reason(error: Exception) -> str:
    """Reason of a failure. For an aborted block it is in an attribute, not in the error's text."""
    return str(getattr(error, "abort_reason", error)) or type(error).__name__


def _plain(value: str | None) -> str | None:
    """Convert LaTeX to Unicode; if pylatexenc cannot, only remove the braces."""
    if value is None or not re.search(r"[\\{}$~]|--", value):
        return value
    # A bare % starts a comment in LaTeX and would swallow the rest of an abstract.
    escaped = re.sub(r"(?<!\\)%", r"\\%", value)
    try:
        return str(_LATEX.latex_to_text(escaped))
    except Exception:  # noqa: BLE001 - it can raise anything; the text must not be lost
        return re.sub(r"[{}]", "", value)


def _people(text: str | None) -> list[Author]:
    """Names divided by "and" outside braces; a name in braces is an organisation's."""
    if not text:
        return []
    names = split_multiple_persons_names(re.sub(r"\sAND\s|\sAnd\s", " and ", text.strip()))
    if len(names) == 1 and ";" in text and "{" not in text:
        names = text.split(";")
    return [
        Author(_plain(_in_order(name.strip())) or "", collective=_in_braces(name.strip()))
        for name in names
        if name.strip() and name.strip().lower() != "others"
    ]


def _in_braces(name: str) -> bool:
    return name.startswith("{") and name.endswith("}") and "}" not in name[1:-1]


def _date(raw: Mapping[str, str]) -> str | None:
    """The date, or the year with the month that has a field of its own."""
    date, year, month = (_plain(raw.get(key)) for key in ("date", "year", "month"))
    if date or not year or not month:
        return date or year
    return f"{year} {month.strip()}"


def _record(
    entry: Any, macros: Mapping[str, str], position: int, line: int, flags: tuple[str, ...]
) -> Entry:
    raw = {
        name.lower(): _value(value, macros)
        for field in reversed(entry.fields)
        for name, value in _values(field.key, str(field.value))
    }
    if read_back.is_own_bibtex(raw):
        return read_back.from_bibtex(position, raw)
    return create_record(_fields(entry, raw, position, line, flags))


def _fields(
    entry: Any, raw: Mapping[str, str], position: int, line: int, flags: tuple[str, ...]
) -> Fields:
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
        date=_date(raw),
        year=first("year", "date"),
        venue=first(*_VENUES) if "title" in raw else first(*_VENUES[:3]),
        volume=first("volume"),
        issue=first("number", "issue"),
        pages=first("pages", "article-number"),
        publisher=first("publisher", "institution", "school"),
        doi=[
            *(_ESCAPED.sub("", raw[key]) for key in _DOIS if key in raw),
            *filter(is_doi, raw.get("note", "").splitlines()),
        ],
        pmid=[
            *(raw[key] for key in ("pmid", "pubmedid") if key in raw),
            *filter(is_pmid, (first("note") or "").splitlines()),
        ],
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
        label=parse_label(first("label_included", "label")),
        notes=[note for note in (first("note"), first("annote")) if note],
        flags=flags,
        extra={key: value for key, value in raw.items() if key not in used},
        excerpt=f"@{entry.entry_type}{{{entry.key}",
    )
