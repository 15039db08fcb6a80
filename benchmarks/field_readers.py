"""Read files with Winnow, with its peers, and read the oracles, each into fields of one name."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import rispy
from bibtexparser.entrypoint import parse_string
from bibtexparser.middlewares.latex_encoding import LatexDecodingMiddleware
from bibtexparser.middlewares.names import split_multiple_persons_names

from benchmarks.measuring import ROOT
from harvest.file_content import FileContent
from harvest.record import Record

Raw = dict[str, Any]
_PEERS: Final = ROOT / ".venv-peers" / "bin" / "python"


def _first(entry: Mapping[str, Any], *names: str) -> Any:
    return next((entry[name] for name in names if entry.get(name)), None)


def _range(start: Any, end: Any) -> str:
    return f"{start}-{end}" if start and end and "-" not in str(start) else str(start or end or "")


def read_ours(content: FileContent) -> list[Raw]:
    """Winnow's records."""
    return [_ours(record) for record in content.records]


def _ours(record: Record) -> Raw:
    return {
        "title": record.title,
        "authors": [author.name for author in record.authors],
        "year": record.year,
        "venue": record.venue,
        "volume": record.volume,
        "pages": record.pages,
        "doi": record.doi,
        "pmid": record.pmid,
        "abstract": record.abstract,
        "keywords": record.keywords,
        "type": record.types,
    }


def read_rispy(path: Path) -> list[Raw]:
    """Rispy's records; for each field the first of the names that it may be under."""
    text = _decoded(path)
    return [
        {
            "title": _first(entry, "title", "primary_title"),
            "authors": _first(entry, "authors", "first_authors", "secondary_authors"),
            "year": _first(entry, "year", "publication_year", "date"),
            "venue": _first(
                *(entry, "journal_name", "secondary_title", "alternate_title3"),
                *("alternate_title2", "alternate_title1", "custom3"),
            ),
            "volume": entry.get("volume"),
            "pages": _range(entry.get("start_page"), entry.get("end_page")),
            "doi": entry.get("doi"),
            # It has no field for it; some tools write it as the accession number.
            "pmid": (entry.get("unknown_tag") or {}).get("PMID", [None])[0],
            "abstract": _first(entry, "abstract", "notes_abstract"),
            "keywords": entry.get("keywords"),
            "type": [entry.get("type_of_reference") or ""],
        }
        for entry in rispy.loads(text)
    ]


def _decoded(path: Path) -> str:
    """Text as a careful user would open it; none of the peers guesses an encoding."""
    raw = path.read_bytes()
    for encoding in ("utf-8-sig", "utf-16", "cp1252"):
        try:
            return raw.decode(encoding)
        except UnicodeError:
            continue
    return raw.decode("latin-1")


def read_bibtexparser(path: Path, *, decode: bool = True) -> list[Raw]:
    """Bibtexparser's entries, with TeX decoded unless the file is an oracle in plain text."""
    middleware = [LatexDecodingMiddleware()] if decode else []
    library = parse_string(_decoded(path), append_middleware=middleware)
    found = []
    for entry in library.entries:
        values = {field.key.lower(): str(field.value) for field in entry.fields}
        found.append(
            {
                "title": values.get("title"),
                "authors": split_multiple_persons_names(
                    str(_first(values, "author", "editor") or "")
                ),
                "year": _first(values, "year", "date"),
                "venue": _first(values, "journal", "journaltitle", "booktitle", "series"),
                "volume": values.get("volume"),
                "pages": values.get("pages"),
                "doi": values.get("doi"),
                "pmid": values.get("pmid"),
                "abstract": values.get("abstract"),
                "keywords": _split(_first(values, "keywords", "keyword", "author_keywords")),
                "type": [entry.entry_type],
            }
        )
    return found


def _split(text: str | None) -> list[str]:
    parts = (text or "").split(";") if ";" in (text or "") else (text or "").split(",")
    return [part for part in parts if part.strip()]


def read_nbib(path: Path) -> list[Raw]:
    """Nbib's records, read by the peers' own interpreter; see ``make bench-peers``."""
    process = subprocess.run(
        [_PEERS, ROOT / "benchmarks" / "peers" / "nbib_fields.py", path],
        capture_output=True,
        text=True,
        check=True,
    )
    found: list[Raw] = json.loads(process.stdout)
    return found


PEERS: Final[Mapping[str, tuple[str, Callable[[Path], list[Raw]]]]] = {
    "ris": ("rispy", read_rispy),
    "bibtex": ("bibtexparser", read_bibtexparser),
    "nbib": ("nbib", read_nbib),
}


def read_zotero(path: Path) -> list[Raw]:
    """The items that Zotero's own tests expect."""
    return [
        {
            "title": item.get("title"),
            "authors": _zotero_people(item["creators"]),
            "year": _first(item, "date", "issueDate"),
            "venue": _first(item, "publicationTitle", "bookTitle", "proceedingsTitle"),
            "volume": item.get("volume"),
            "pages": item.get("pages"),
            "doi": item.get("DOI"),
            "pmid": _extra(item, "PMID"),
            "abstract": item.get("abstractNote"),
            "keywords": [tag if isinstance(tag, str) else tag["tag"] for tag in item["tags"]],
            "type": [item["itemType"]],
        }
        for item in json.loads(path.read_text(encoding="utf-8"))
    ]


def _zotero_people(creators: list[dict[str, str]]) -> list[str]:
    people = [one for one in creators if one.get("creatorType") in ("author", "inventor")]
    return [
        ", ".join(part for part in (one.get("lastName"), one.get("firstName")) if part)
        for one in people or creators
    ]


def _extra(item: Mapping[str, Any], name: str) -> str:
    lines = str(item.get("extra") or "").splitlines()
    return next((line.partition(":")[2] for line in lines if line.startswith(f"{name}:")), "")
