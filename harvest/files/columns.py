"""Which column of a table holds which field: guessed from its header, shown, overridable."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harvest.errors import UnreadableFile

# Names as databases and tools write them, without blanks and punctuation, best first.
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "title": (
        *("title", "itemtitle", "articletitle", "primarytitle", "documenttitle", "ti", "t1"),
        *("titleprimary", "papertitle", "recordtitle", "titles", "displayname", "originaltitle"),
    ),
    "abstract": (
        *("abstract", "abstractnote", "abstracttext", "ab", "n2", "notesabstract", "abstracts"),
        *("summary", "originalabstract"),
    ),
    "authors": ("authors", "author", "authornames", "authorfullnames", "au", "firstauthors"),
    "year": (
        *("year", "publicationyear", "py", "pubyear", "yearpublished", "publishedyear"),
        *("date", "publicationdate", "publisheddate", "coverdate"),
    ),
    "venue": (
        *("journal", "sourcetitle", "publicationtitle", "journalbook", "journalname", "venue"),
        *("publicationname", "secondarytitle", "journaltitle", "booktitle", "t2", "jo", "so"),
        *("containertitle", "source", "publication"),
    ),
    "volume": ("volume", "vol", "vl", "journalvolume"),
    "issue": ("issue", "issuenumber", "journalissue", "is", "number"),
    "pages": ("pages", "pagenumbers", "pagerange", "startpage", "pagestart", "pg", "bp"),
    "publisher": ("publisher", "pb"),
    "doi": ("doi", "itemdoi", "dois", "digitalobjectidentifier", "do", "di", "articledoi"),
    "pmid": ("pmid", "pubmedid", "medlinepmid", "pm", "pubmed"),
    "pmcid": ("pmcid", "pmc", "pmcnumber"),
    "issn": ("issn", "isbn", "isbnissn", "sn"),
    "url": ("url", "urls", "link", "fulltexturl", "openurllink", "ur", "webaddress", "sourceurl"),
    "language": ("language", "languageoforiginaldocument", "la", "lang"),
    "type": (
        "documenttype",
        "itemtype",
        "publicationtype",
        "referencetype",
        "typeofreference",
        "dt",
    ),
    "keywords": (
        *("keywords", "authorkeywords", "keyword", "manualtags", "indexkeywords", "subject"),
        *("subjects", "descriptors", "mesh", "meshterms", "kw", "de"),
    ),
    "accession": (
        *("accessionnumber", "accession", "accessionno", "eid", "uniquewosid", "utuniquewosid"),
        *("utuniqueid", "ut", "pui", "embaseaccessionid", "lensid", "ericnumber"),
    ),
    "database": ("database", "databasename", "nameofdatabase", "remotedatabasename"),
    "notes": ("notes", "note"),
    "label": (
        *("labelincluded", "label", "included", "finalincluded", "includedlabel", "asreviewlabel"),
        *("finaldecision", "decision", "inclusion", "relevant", "include", "screeningdecision"),
    ),
}
FIELDS = tuple(SYNONYMS)
_ESSENTIAL = ("title", "abstract", "doi", "pmid", "accession")


@dataclass(frozen=True, slots=True)
class Columns:
    """The header of a table and the column index of each field that was found or given."""

    header: tuple[str, ...]
    index: Mapping[str, int]

    @property
    def names(self) -> dict[str, str]:
        """Field to column name, for showing."""
        return {field: self.header[place] for field, place in self.index.items()}

    @property
    def unused(self) -> tuple[str, ...]:
        """Columns that fill no field; their values are kept with the record as they came."""
        used = set(self.index.values())
        return tuple(name for place, name in enumerate(self.header) if place not in used)


def key(name: str) -> str:
    """A column name without case, blanks and punctuation."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def guess(header: Sequence[str]) -> dict[str, int]:
    """Field to column index by known names; a column serves one field only."""
    places: dict[str, int] = {}
    for place, name in enumerate(header):
        places.setdefault(key(name), place)
    found: dict[str, int] = {}
    for field, names in SYNONYMS.items():
        known = next(
            (places[n] for n in names if n in places and places[n] not in found.values()), None
        )
        if known is not None:
            found[field] = known
    return found


def resolve(header: Sequence[str], mapping: Mapping[str, str] | None) -> Columns:
    """Guess the columns of a header and lay the user's mapping (field to column name) over it.

    An empty column name in the mapping takes the field out.

    Raises:
        UnreadableFile: a named field or column does not exist, or no column is of use.
    """
    header = tuple(name.strip() for name in header)
    index = guess(header)
    for field, column in (mapping or {}).items():
        if field not in SYNONYMS:
            raise UnreadableFile(
                f"There is no field named {field!r}.",
                remedy=f"Fields are: {', '.join(FIELDS)}.",
            )
        if not column:
            index.pop(field, None)
            continue
        if column not in header:
            raise UnreadableFile(
                f"There is no column named {column!r}.",
                remedy=f"The columns are: {_listed(header)}.",
                line=1,
            )
        place = header.index(column)
        index = {other: at for other, at in index.items() if at != place}
        index[field] = place
    if not any(field in index for field in _ESSENTIAL):
        raise UnreadableFile(
            f"No column was recognised as title, abstract or an identifier; "
            f"the columns are: {_listed(header)}.",
            remedy="Say which column holds what, for example: --map title=COLUMN.",
            line=1,
        )
    return Columns(header, index)


def _listed(header: Sequence[str], limit: int = 30) -> str:
    shown = ", ".join(name or "(empty)" for name in header[:limit])
    return shown if len(header) <= limit else f"{shown} and {len(header) - limit} more"
