"""Records from Winnow's own exports, with every value exactly as it was written.

Other files are cleaned: "NA" is no value, ``<b>`` is markup, ";" parts authors. In an export this
would change values that are right already. What it says about decisions, ranking and sources goes
into ``extra`` under the names of its columns.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from harvest.exports import names
from harvest.exports.columns import RENAMED, STATEMENTS, is_statement
from harvest.exports.latex import unescape
from harvest.exports.lists import split_list
from harvest.files.build import parse_label
from harvest.files.labels import ours
from harvest.files.tagged import Tagged
from harvest.identifiers import clean_doi, clean_pmcid, clean_pmid, clean_url
from harvest.json_text import parse_json
from harvest.publication_notices import find_status_in_title, merge_status_notices
from harvest.record import Author, Record
from harvest.text import clean, find_year

Values = Mapping[str, Any]

_LISTS: Final = (
    *("authors", names.GROUP_AUTHORS, "keywords", "notes", names.TYPES, names.FLAGS),
    *(names.SOURCES, names.TAGS, names.TEAM_NOTES, ours.REASONS, names.QUESTIONS),
    *(f"{ours.FULL_TEXT_PREFIX}{name}" for name in (ours.REASONS, names.QUESTIONS)),
)
_WHOLE_DOI = re.compile(r"10\.\d{4,9}/\S+")


def is_own(keys: Collection[str]) -> bool:
    """Whether the columns of a table, or the keys of an object, are those of an export."""
    return set(keys) >= names.MARKS


def create_record(position: int, values: Values) -> Record:
    """A record from an export's values, by the names of its columns; see ``columns.flatten``.

    Ids and links are checked anyway, since pages make links of them.
    """

    def text(name: str) -> str | None:
        value = values.get(name)
        return clean(str(value)) if value is not None else None

    def texts(name: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(item for item in map(clean, values.get(name) or ()) if item))

    types, title, year = texts(names.TYPES), text("title"), text("year")
    stated = find_status_in_title(title)
    label = parse_label(text(ours.DECISION))
    return Record(
        position=position,
        title=title,
        abstract=text("abstract"),
        authors=_authors(values),
        year=find_year(year),
        date=text("date") or year,
        venue=text("venue"),
        volume=text("volume"),
        issue=text("issue"),
        pages=text("pages"),
        publisher=text("publisher"),
        doi=_doi(text("doi")),
        pmid=clean_pmid(text("pmid")),
        pmcid=clean_pmcid(text("pmcid")),
        issn=text("issn"),
        urls=tuple(filter(None, map(clean_url, texts("urls")))),
        language=text("language"),
        types=types,
        keywords=texts("keywords"),
        accession=text("accession"),
        database=text("database"),
        label=label,
        notes=texts("notes"),
        flags=texts(names.FLAGS),
        extra=_extra(values),
        status_notices=merge_status_notices(types, stated),
    )


def _authors(values: Values) -> tuple[Author, ...]:
    """People and groups in their order; two people may have one name."""
    groups = set(map(clean, values.get(names.GROUP_AUTHORS) or ()))
    listed = map(clean, values.get("authors") or ())
    return tuple(Author(name, name in groups) for name in listed if name)


def _doi(text: str | None) -> str | None:
    return text if text and _WHOLE_DOI.fullmatch(text) and clean_doi(text) else None


def _extra(values: Values) -> dict[str, str]:
    """The source's other fields, and what the export says besides the record."""
    others = values.get(names.OTHER_FIELDS)
    extra = {_renamed(str(key)): str(value) for key, value in (others or {}).items()}
    for name in STATEMENTS:
        value = values.get(name)
        if value in (None, "", (), [], ours.UNDECIDED):
            continue
        extra[name] = _statement(value) if isinstance(value, (list, tuple)) else str(value)
    return extra


def _renamed(name: str) -> str:
    """A source's name for a field, unless it would be taken for what the team decided."""
    return f"{RENAMED}{name}" if is_statement(name) else name


def _statement(items: Iterable[str]) -> str:
    """A list as text: as JSON if a mark inside an item could be taken for that between items."""
    listed = [str(item) for item in items]
    if any(";" in item for item in listed):
        return json.dumps(listed, ensure_ascii=False)
    return "; ".join(listed)


def from_cells(position: int, cells: Mapping[str, str]) -> Record:
    """A record from a row of an exported table: values by the names of their columns."""
    values: dict[str, Any] = {name: cell for name, cell in cells.items() if cell.strip()}
    for name in _LISTS:
        if name in values:
            values[name] = split_list(values[name])
    values["urls"] = cells.get("urls", "").split()
    values[names.OTHER_FIELDS] = _object(cells.get(names.OTHER_FIELDS))
    return create_record(position, values)


def _object(text: str | None) -> dict[str, Any]:
    try:
        found = parse_json(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def from_object(position: int, data: Mapping[str, Any]) -> Record:
    """A record from a line of exported JSON Lines."""
    values: dict[str, Any] = dict(data)
    listed = data.get("authors")
    people = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    values["authors"] = [str(person.get("name") or "") for person in people]
    values[names.GROUP_AUTHORS] = [
        str(person.get("name") or "") for person in people if person.get("collective")
    ]
    for name in (*_LISTS, "urls"):
        value = values.get(name)
        if value is not None:
            values[name] = [str(item) for item in value] if isinstance(value, list) else []
    others = values.get(names.OTHER_FIELDS)
    values[names.OTHER_FIELDS] = others if isinstance(others, dict) else {}
    return create_record(position, values)


_RIS_TEXTS: Final[Mapping[str, str]] = {
    "title": "TI",
    "abstract": "AB",
    "year": "PY",
    "date": "DA",
    "venue": "T2",
    "volume": "VL",
    "issue": "IS",
    "publisher": "PB",
    "issn": "SN",
    "doi": "DO",
    "accession": "AN",
    "database": "DB",
    "language": "LA",
    "pmcid": "C2",
}
_PMID = "PMID: "


def is_own_ris(entry: Tagged) -> bool:
    """Whether an entry is as Winnow writes it: other programs change tags."""
    tags = {tag for tag, _ in entry.values}
    marked = any(line.startswith(names.RIS_NOTES[names.RECORD_ID]) for line in entry.lines("N1"))
    return marked and tags <= names.RIS_TAGS | names.RIS_OTHER_TAGS


def from_ris(entry: Tagged) -> Record:
    """A record from an entry of exported RIS."""
    values: dict[str, Any] = {name: entry.first(tag) for name, tag in _RIS_TEXTS.items()}
    first, last = entry.first("SP"), entry.first("EP")
    values["pages"] = f"{first}-{last}" if first and last else first
    pmid = entry.first("C1") or ""
    values["pmid"] = pmid.removeprefix(_PMID) if pmid.startswith(_PMID) else None
    values["authors"] = entry.lines("AU")
    values["urls"] = entry.lines("UR")
    values["keywords"] = entry.lines("KW")
    values.update(_from_notes(entry.lines("N1")))
    stated = values.get(names.TYPES) != names.NOT_STATED
    values[names.TYPES] = (split_list(entry.first("M3")) or entry.lines("TY")) if stated else ()
    values[names.FLAGS] = split_list(values.get(names.FLAGS))
    values[names.SOURCES] = split_list(values.get(names.SOURCES))
    values[names.OTHER_FIELDS] = entry.rest(names.RIS_TAGS)
    return create_record(entry.position, values)


def _from_notes(notes: Iterable[str]) -> dict[str, Any]:
    """Values of an export's notes, and the source's own notes."""
    values: dict[str, Any] = {"notes": [], names.GROUP_AUTHORS: []}
    prefix = ""
    for note in notes:
        found = _name_of(note)
        if found is None:
            if note not in (*names.ASREVIEW_NOTES.values(), names.ASREVIEW_UNSEEN):
                values["notes"].append(names.unmark_note(note))
            continue
        name, value = found
        if name == ours.DECISION:
            # The decision at full text is the second; its stage follows it.
            prefix = ours.FULL_TEXT_PREFIX if ours.DECISION in values else ""
        if name in (*ours.FIELDS, names.QUESTIONS):
            name = f"{prefix}{name}"
        if name in _LISTS and name not in (names.FLAGS, names.SOURCES, names.TYPES):
            values.setdefault(name, []).append(value)
        else:
            values.setdefault(name, value)
    return values


def _name_of(note: str) -> tuple[str, str] | None:
    """The name and the value of an export's own note."""
    for name, begin in names.BY_NOTE.items():
        if note.startswith(begin):
            return name, note.removeprefix(begin).strip()
    return None


_BIBTEX_TEXTS: Final[Mapping[str, tuple[str, ...]]] = {
    "title": ("title",),
    "abstract": ("abstract",),
    "year": ("year",),
    "date": ("date",),
    "venue": ("journal", "booktitle"),
    "volume": ("volume",),
    "issue": ("number",),
    "publisher": ("publisher", "school", "institution"),
    "doi": ("doi",),
    "pmid": ("pmid",),
    "pmcid": ("pmcid",),
    "issn": ("issn",),
    "language": ("language",),
    "accession": ("accession",),
    "database": ("database",),
}


def is_own_bibtex(fields: Collection[str]) -> bool:
    """Whether these are the fields of an entry of an export."""
    return is_own([name.removeprefix(ours.BIBTEX_PREFIX) for name in fields])


def from_bibtex(position: int, fields: Mapping[str, str]) -> Record:
    """A record from an entry of exported BibTeX: its fields as they are written, without braces."""
    own = {
        key.removeprefix(ours.BIBTEX_PREFIX): unescape(value)
        for key, value in fields.items()
        if key.startswith(ours.BIBTEX_PREFIX)
    }
    values: dict[str, Any] = {
        name: _list(fields.get(f"{ours.BIBTEX_PREFIX}{name}")) if name in _LISTS else value
        for name, value in own.items()
    }
    for name, keys in _BIBTEX_TEXTS.items():
        found = next((fields[key] for key in keys if key in fields), None)
        values[name] = unescape(found) if found is not None else None
    people = [name for name in re.split(r"(?<!\s)\s+and\s+", fields.get("author", "")) if name]
    values["authors"] = [unescape(_bare(name)) for name in people]
    values[names.GROUP_AUTHORS] = [unescape(_bare(name)) for name in people if _bare(name) != name]
    values["pages"] = unescape(fields.get("pages", "").replace("--", "-")) or None
    values["urls"] = fields.get("url", "").split()
    values["keywords"] = _list(fields.get("keywords"))
    values["notes"] = _list(fields.get("note"))
    values[names.OTHER_FIELDS] = _object(own.get(names.OTHER_FIELDS))
    return create_record(position, values)


def _list(latex: str | None) -> list[str]:
    """Values that semicolons outside braces part."""
    return [unescape(item) for item in (latex or "").split("; ") if item.strip()]


def _bare(name: str) -> str:
    """A name without the braces round a group's."""
    if not (name.startswith("{") and name.endswith("}")) or name == "{@}":
        return name
    depth = 0
    for at, character in enumerate(name):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth == 0:
            return name[1:-1] if at == len(name) - 1 else name
    return name
