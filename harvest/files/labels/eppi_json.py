"""Parse EPPI-Reviewer's JSON export: references with the codes that were put on them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from harvest.errors import UnreadableFile
from harvest.files.build import Fields, create_record
from harvest.files.labels.eppi import CODES
from harvest.json_text import parse_json
from harvest.record import Author, Entry, Notice, Rejected
from harvest.text import excerpt, read_text

_USED: Final = frozenset(
    {
        *("Title", "Abstract", "Authors", "Year", "Month", "ParentTitle", "Volume", "Issue"),
        *("Pages", "Publisher", "DOI", "StandardNumber", "URL", "TypeName", "Keywords", "Codes"),
    }
)
# How deep codes lie below each other; real code sets have up to six levels.
_DEPTH: Final = 50


@dataclass(frozen=True, slots=True)
class _Code:
    """A code of a code set, with the names of the set and of the codes above it."""

    name: str
    kind: str
    above: tuple[str, ...]


def looks_like(text: str) -> bool:
    """Whether a text is a JSON object with code sets or references, as EPPI-Reviewer writes it."""
    if not text.lstrip().startswith("{"):
        return False
    return bool(
        re.match(r'\s*\{\s*"CodeSets"\s*:\s*\[', text)
        or re.match(r'\s*\{\s*"References"\s*:\s*\[', text)
        or re.search(r'"References"\s*:\s*\[\s*\{[^{}]*"ItemId"\s*:', text)
    )


def parse(stream: BinaryIO) -> Iterator[Entry | Notice]:
    """Parse an export; see ``harvest.record.Parser``."""
    decoded = read_text(stream)
    if decoded.note:
        yield Notice(decoded.note)
    try:
        data = parse_json(decoded.text)
    except ValueError as error:
        raise UnreadableFile(
            f"The file is not complete JSON: {error}.", remedy="Export it again."
        ) from error
    references = data.get("References") if isinstance(data, dict) else None
    if not isinstance(references, list):
        raise UnreadableFile(
            "The file has no list of references, only code sets.",
            remedy="Export the references with their codes.",
        )
    codes = _list_codes(data.get("CodeSets"))
    for position, reference in enumerate(references, start=1):
        if not isinstance(reference, dict):
            yield Rejected(
                position, "reference is not a JSON object", None, excerpt(str(reference))
            )
            continue
        yield create_record(_fields(reference, codes, position))


def _list_codes(sets: Any) -> dict[str, _Code]:
    """All codes of the code sets, by id."""
    codes: dict[str, _Code] = {}
    waiting: list[tuple[Any, tuple[str, ...]]] = [
        (one.get("Attributes"), (_text(one, "SetName") or "",))
        for one in (sets if isinstance(sets, list) else ())
        if isinstance(one, dict)
    ]
    while waiting:
        level, above = waiting.pop()
        if isinstance(level, dict):
            level = level.get("AttributesList")
        for item in level if isinstance(level, list) and len(above) < _DEPTH else ():
            if not isinstance(item, dict):
                continue
            name = _text(item, "AttributeName") or ""
            code = _Code(name, _text(item, "AttributeType") or "", above)
            codes.setdefault(str(item.get("AttributeId")), code)
            waiting.append((item.get("Attributes"), (*above, name)))
    return codes


def _text(item: Mapping[str, Any], key: str) -> str | None:
    value = item.get(key)
    return None if value is None or isinstance(value, dict | list) else str(value)


def _put(reference: Mapping[str, Any], codes: Mapping[str, _Code]) -> str:
    """The codes of a reference as a JSON list, with their names."""
    put = []
    items = reference.get("Codes")
    for item in items if isinstance(items, list) else ():
        if not isinstance(item, dict):
            continue
        code = codes.get(str(item.get("AttributeId")))
        passages = item.get("ItemAttributeFullTextDetails")
        marked = isinstance(passages, list) and any(
            isinstance(passage, dict) and passage.get("IsFromPDF") is True for passage in passages
        )
        put.append(
            {
                "id": item.get("AttributeId"),
                "name": code.name if code else "",
                "type": code.kind if code else "",
                "above": list(code.above) if code else [],
                "text": _text(item, "AdditionalText") or "",
                "from_pdf": marked,
            }
        )
    return json.dumps(put, ensure_ascii=False)


def _fields(reference: Mapping[str, Any], codes: Mapping[str, _Code], position: int) -> Fields:
    def text(key: str) -> str | None:
        return _text(reference, key)

    year, month = text("Year"), (text("Month") or "").strip()
    people = text("Authors") or text("ParentAuthors") or ""
    others = {
        key: value for key in reference if key not in _USED and (value := (text(key) or "").strip())
    }
    return Fields(
        position=position,
        title=text("Title"),
        abstract=text("Abstract"),
        authors=[Author(name) for part in people.split(";") if (name := _name(part))],
        date=f"{year} {month}" if year and month and not month.startswith(year) else year,
        year=year,
        venue=text("ParentTitle"),
        volume=text("Volume"),
        issue=text("Issue"),
        pages=text("Pages"),
        publisher=text("Publisher"),
        doi=[text("DOI") or ""],
        claimed_ids=[text("DOI") or ""],
        issn=text("StandardNumber"),
        urls=re.split(r"[\s;]+", text("URL") or ""),
        types=[text("TypeName") or ""],
        keywords=re.split(r"[\r\n;]+", text("Keywords") or ""),
        extra={**others, CODES: _put(reference, codes)},
        excerpt=json.dumps(dict(reference), ensure_ascii=False)[:500],
    )


def _name(part: str) -> str:
    """A name without spare spaces; the export writes family name and initials without a comma."""
    return " ".join(part.split())
