"""Parse Winnow's own JSON Lines, as in its export and its sample review: one object per line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from harvest.exports import names, read_back
from harvest.files.build import Fields, create_record, parse_label
from harvest.files.labels.ours import DECISION
from harvest.json_text import parse_json
from harvest.record import Author, Entry, Notice, Rejected
from harvest.text import excerpt, read_text

_USED = {
    *("title", "abstract", "authors", "year", "date", "venue", "volume", "issue", "pages", "doi"),
    *("publisher", "pmid", "pmcid", "issn", "url", "urls", "language", "types", "keywords"),
    *("accession", "database", "label", "id"),
}
# Any of these keys makes an object a record.
_MARKS = {"title", "abstract", "doi", "pmid", *names.MARKS}
_BEGINNING = re.compile(rf"\{{\s*\"(?:{'|'.join(sorted(_MARKS))})\"\s*:")


def looks_like(text: str) -> bool:
    """Whether the first line is a JSON object with a field of a record."""
    first, end, _ = text.lstrip().partition("\n")
    if not first.startswith("{"):
        return False
    if not end and _BEGINNING.match(first):
        # A long first line is cut when only the beginning of a file is looked at.
        return True
    try:
        data = parse_json(first)
    except ValueError:
        return False
    return isinstance(data, dict) and bool(_MARKS & data.keys())


def parse(stream: BinaryIO) -> Iterator[Entry | Notice]:
    """Parse a JSON Lines file; see ``harvest.record.Parser``."""
    decoded = read_text(stream)
    if decoded.note:
        yield Notice(decoded.note)
    position = 0
    for number, line in enumerate(decoded.text.split("\n"), start=1):
        if not line.strip():
            continue
        position += 1
        try:
            data = parse_json(line)
        except ValueError as error:
            yield Rejected(position, f"line is not JSON: {error}", number, excerpt(line))
            continue
        if not isinstance(data, dict):
            yield Rejected(position, "line is not a JSON object", number, excerpt(line))
            continue
        if read_back.is_own(data):
            yield read_back.from_object(position, data)
        else:
            yield create_record(_fields(data, position, number, line))


def _strings(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def _fields(data: dict[str, Any], position: int, number: int, line: str) -> Fields:
    def text(key: str) -> str | None:
        value = data.get(key)
        return None if value is None else str(value)

    listed = data.get("authors")
    authors = [
        Author(str(item.get("name", "")), collective=bool(item.get("collective")))
        if isinstance(item, dict)
        else Author(str(item))
        for item in (listed if isinstance(listed, list) else filter(None, [listed]))
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
        doi=_strings(data.get("doi")),
        pmid=_strings(data.get("pmid")),
        pmcid=_strings(data.get("pmcid")),
        claimed_ids=[*_strings(data.get("doi")), *_strings(data.get("pmid"))],
        issn=text("issn"),
        urls=[*_strings(data.get("url")), *_strings(data.get("urls"))],
        language=text("language"),
        types=_strings(data.get("types")),
        keywords=_strings(data.get("keywords")),
        accession=text("accession") or text("id"),
        database=text("database"),
        label=parse_label(text("label") or text(DECISION)),
        extra={
            key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            for key, value in data.items()
            if (key not in _USED or (key == "label" and parse_label(str(value)) is None))
            and value not in (None, "")
        },
        excerpt=line,
    )
