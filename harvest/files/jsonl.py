"""Winnow's own JSON Lines: one object a line, as its export and its sample review have them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from harvest.files.build import Fields, label_in, record_from
from harvest.record import Author, Entry, Notice, Rejected
from harvest.text import excerpt, read_text

_USED = {
    *("title", "abstract", "authors", "year", "date", "venue", "volume", "issue", "pages", "doi"),
    *("publisher", "pmid", "pmcid", "issn", "url", "urls", "language", "types", "keywords"),
    *("accession", "database", "label", "id"),
}


def looks_like(text: str) -> bool:
    """Whether the first line is a JSON object that names a field of a record."""
    first = text.lstrip().split("\n", 1)[0].strip()
    if not first.startswith("{"):
        return False
    try:
        data = json.loads(first)
    except ValueError:
        return False
    return isinstance(data, dict) and bool({"title", "abstract", "doi", "pmid"} & data.keys())


def parse(stream: BinaryIO) -> Iterator[Entry | Notice]:
    """Records of a JSON Lines file; see ``harvest.record.Parser``."""
    decoded = read_text(stream)
    if decoded.note:
        yield Notice(decoded.note)
    position = 0
    for number, line in enumerate(decoded.text.split("\n"), start=1):
        if not line.strip():
            continue
        position += 1
        try:
            data = json.loads(line)
        except ValueError as error:
            yield Rejected(position, f"line is not JSON: {error}", number, excerpt(line))
            continue
        if not isinstance(data, dict):
            yield Rejected(position, "line is no JSON object", number, excerpt(line))
            continue
        yield record_from(_fields(data, position, number, line))


def _words(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def _fields(data: dict[str, Any], position: int, number: int, line: str) -> Fields:
    def text(key: str) -> str | None:
        value = data.get(key)
        return None if value is None else str(value)

    authors = [
        Author(str(item.get("name", "")), collective=bool(item.get("collective")))
        if isinstance(item, dict)
        else Author(str(item))
        for item in data.get("authors") or []
    ]
    return Fields(
        position=position,
        line=number,
        title=text("title"),
        abstract=text("abstract"),
        authors=authors,
        date=text("date") or text("year"),
        year=text("year"),
        venue=text("venue"),
        volume=text("volume"),
        issue=text("issue"),
        pages=text("pages"),
        publisher=text("publisher"),
        doi=_words(data.get("doi")),
        pmid=_words(data.get("pmid")),
        pmcid=_words(data.get("pmcid")),
        claimed_ids=[*_words(data.get("doi")), *_words(data.get("pmid"))],
        issn=text("issn"),
        urls=[*_words(data.get("url")), *_words(data.get("urls"))],
        language=text("language"),
        types=_words(data.get("types")),
        keywords=_words(data.get("keywords")),
        accession=text("accession") or text("id"),
        database=text("database"),
        label=label_in(text("label")),
        extra={
            key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            for key, value in data.items()
            if key not in _USED and value not in (None, "")
        },
        excerpt=line,
    )
