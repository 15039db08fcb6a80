"""Decide which column of a table holds which field: by a guess that the user can override."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harvest.errors import UnknownColumns, UnreadableFile
from harvest.text import excerpt

# Names that databases and tools use, without spaces and punctuation, best first.
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "title": (
        *("title", "itemtitle", "articletitle", "primarytitle", "documenttitle", "ti", "t1"),
        *("titleprimary", "papertitle", "recordtitle", "titles", "displayname", "originaltitle"),
        *("studytitle", "brieftitle", "officialtitle"),
    ),
    "abstract": (
        *("abstract", "abstractnote", "abstracttext", "ab", "n2", "notesabstract", "abstracts"),
        *("summary", "originalabstract", "briefsummary"),
    ),
    "authors": (
        *("authors", "author", "authornames", "authorfullnames", "au", "firstauthors"),
        *("authorshipsauthordisplayname", "authorshipsrawauthorname"),
    ),
    "collective_authors": ("groupauthors", "corporateauthors", "corporateauthor", "ca"),
    "year": (
        *("year", "publicationyear", "py", "pubyear", "yearpublished", "publishedyear"),
        *("date", "publicationdate", "publisheddate", "coverdate", "firstposted", "startdate"),
    ),
    "venue": (
        *("journal", "sourcetitle", "publicationtitle", "journalbook", "journalname", "venue"),
        *("publicationname", "secondarytitle", "journaltitle", "booktitle", "t2", "jo", "so"),
        *("containertitle", "primarylocationsourcedisplayname", "anthologytitle"),
        *("hostvenuedisplayname", "source", "publication"),
    ),
    "volume": ("volume", "vol", "vl", "journalvolume", "bibliovolume"),
    "issue": ("issue", "issuenumber", "journalissue", "is", "number", "biblioissue"),
    "pages": ("pages", "pagenumbers", "pagerange", "pagination"),
    "first_page": ("startpage", "pagestart", "beginningpage", "firstpage", "bibliofirstpage", "bp"),
    "last_page": ("endpage", "pageend", "endingpage", "lastpage", "bibliolastpage", "ep"),
    "article_number": ("artno", "articlenumber", "articleno", "elocationid", "ar"),
    "publisher": ("publisher", "pb"),
    "doi": ("doi", "itemdoi", "dois", "digitalobjectidentifier", "do", "di", "articledoi"),
    "pmid": ("pmid", "pubmedid", "medlinepmid", "pm", "pubmed", "idspmid"),
    "pmcid": ("pmcid", "pmc", "pmcnumber", "idspmcid"),
    "issn": ("issn", "isbn", "isbnissn", "sn"),
    "url": (
        *("url", "urls", "link", "fulltexturl", "openurllink", "ur", "webaddress", "sourceurl"),
        *("articleurl", "studyurl", "dimensionsurl"),
    ),
    "language": ("language", "languageoforiginaldocument", "la", "lang"),
    "type": (
        "documenttype",
        "itemtype",
        "publicationtype",
        "referencetype",
        "typeofreference",
        "dt",
        "studytype",
        "type",
    ),
    "keywords": (
        *("keywords", "authorkeywords", "keyword", "manualtags", "indexkeywords", "subject"),
        *("subjects", "descriptors", "mesh", "meshterms", "kw", "de", "keywordsdisplayname"),
        *("conditions", "fieldsofstudy"),
    ),
    "accession": (
        *("accessionnumber", "accession", "accessionno", "eid", "uniquewosid", "utuniquewosid"),
        *("utuniqueid", "ut", "pui", "embaseaccessionid", "lensid", "ericnumber", "nctnumber"),
    ),
    "database": ("database", "databasename", "nameofdatabase", "remotedatabasename"),
    "notes": ("notes", "note"),
    "label": (
        # ASReview adds its column to the labels that the data set had before.
        *("asreviewlabel", "labelincluded", "label", "included", "finalincluded", "includedlabel"),
        *("finaldecision", "decision", "inclusion", "relevant", "include", "screeningdecision"),
    ),
}
FIELDS = tuple(SYNONYMS)
_ESSENTIAL = ("title", "abstract", "doi", "pmid", "accession")


@dataclass(frozen=True, slots=True)
class Columns:
    """The header of a table, and the column index of each field that was guessed or given."""

    header: tuple[str, ...]
    index: Mapping[str, int]

    @property
    def names(self) -> dict[str, str]:
        """Field to column name, for showing."""
        return {field: self.header[place] for field, place in self.index.items()}

    @property
    def unused(self) -> tuple[str, ...]:
        """Columns that fill no field; their values are kept with the record unchanged."""
        used = set(self.index.values())
        return tuple(name for place, name in enumerate(self.header) if place not in used)


def column_key(name: str) -> str:
    """A column name in lower case, without spaces and punctuation."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


# Only this many columns of a row are looked at; sniffing looks at some rows repeatedly.
_LOOKED_AT = 10_000


def guess_columns(header: Sequence[str]) -> dict[str, int]:
    """Guess the column index of each field by known names; each column serves one field only."""
    places: dict[str, int] = {}
    for place, name in enumerate(header[:_LOOKED_AT]):
        places.setdefault(column_key(name), place)
    index: dict[str, int] = {}
    for field, names in SYNONYMS.items():
        column = next(
            (places[n] for n in names if n in places and places[n] not in index.values()), None
        )
        if column is not None:
            index[field] = column
    return index


def find_header(rows: Sequence[Sequence[str]], mapping: Mapping[str, str] | None = None) -> int:
    """Index of the row that names the columns: exports may put prose in front of it.

    That is the first row, unless a later one has the columns of the user's mapping, or at least
    two known names, a title or an identifier among them, where the first row has fewer.
    """
    wanted = {column for column in (mapping or {}).values() if column}
    if wanted:
        named = (at for at, row in enumerate(rows) if wanted <= {name.strip() for name in row})
        return next(named, 0)
    known = [guess_columns(row) for row in rows]
    for at, fields in enumerate(known):
        useful = any(field in fields for field in _ESSENTIAL)
        if useful and (at == 0 or (len(fields) >= 2 and len(fields) > len(known[0]))):
            return at
    return 0


def resolve_columns(header: Sequence[str], mapping: Mapping[str, str] | None) -> Columns:
    """Guess the columns of a header, and override the guess with the user's mapping.

    Args:
        header: names of the columns.
        mapping: field to column name; an empty name removes the field.

    Raises:
        UnknownColumns: no column is useful.
        UnreadableFile: a field or column in the mapping does not exist.
    """
    header = tuple(name.strip() for name in header)
    try:
        index = _choose(header, mapping or {})
    except UnreadableFile as error:
        error.header = header
        raise
    return Columns(header, index)


def _choose(header: tuple[str, ...], mapping: Mapping[str, str]) -> dict[str, int]:
    index = guess_columns(header)
    for field, column in mapping.items():
        if field not in SYNONYMS:
            raise UnreadableFile(
                f"There is no field named {field!r}.",
                remedy=f"The fields are: {', '.join(FIELDS)}.",
            )
        if not column:
            index.pop(field, None)
            continue
        if column not in header:
            raise UnreadableFile(
                f"There is no column named {column!r}.",
                remedy=f"The columns are: {_join(header)}.",
                line=1,
            )
        place = header.index(column)
        index = {other: at for other, at in index.items() if at != place}
        index[field] = place
    if not any(field in index for field in _ESSENTIAL):
        raise UnknownColumns(
            f"No column was recognised as title, abstract or an identifier; "
            f"the columns are: {_join(header)}.",
            remedy="Say which column holds what, or rename the columns in the file.",
            line=1,
        )
    return index


def _join(header: Sequence[str], limit: int = 30) -> str:
    shown = ", ".join(excerpt(name, 60) or "(empty)" for name in header[:limit])
    return shown if len(header) <= limit else f"{shown} and {len(header) - limit} more"
