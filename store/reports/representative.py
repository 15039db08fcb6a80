"""A report's representative: composed field by field from its records, with each field's origin."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from harvest.record import Record

# A longer text, in characters, is a whole page that was pasted into the field.
_LONGEST_ABSTRACT: Final = 10_000
_PUBLICATION: Final = ("venue", "volume", "issue", "pages")
_SINGLE_VALUES: Final = (
    *("doi", "pmid", "pmcid", "issn", "publisher", "language", "accession", "database", "label"),
)
_LISTS: Final = ("urls", "types", "keywords", "notes")


def hash_text(title: str | None, abstract: str | None) -> str:
    """SHA-256 (hex) of the title and abstract that a screener sees."""
    return hashlib.sha256(f"{title or ''}\x00{abstract or ''}".encode()).hexdigest()


def _choose(
    records: Mapping[int, Record], name: str, rate: Callable[[Any], Any]
) -> tuple[Any, int | None]:
    """The value of a field with the highest rating, and its record; the oldest record if equal."""
    chosen, origin = None, None
    for record_id, record in records.items():
        value = getattr(record, name)
        if value and (origin is None or rate(value) > rate(chosen)):
            chosen, origin = value, record_id
    return chosen, origin


def _rate_title(title: str) -> tuple[bool, bool, int]:
    """Prefer titles without all capitals or brackets, then longer ones, which have the subtitle."""
    return not title.isupper(), not title.startswith("["), len(title)


def _rate_abstract(abstract: str) -> tuple[bool, int]:
    return len(abstract) <= _LONGEST_ABSTRACT, len(abstract)


def _rate_publication(record: Record) -> tuple[int, int]:
    """Prefer records with more details of the publication, then those with a later year."""
    return sum(bool(getattr(record, name)) for name in _PUBLICATION), record.year or 0


def compose_record(records: Mapping[int, Record]) -> tuple[Record, dict[str, int]]:
    """Compose one record from a report's records.

    It has the longest plausible abstract, the longest list of authors, each kind of id that any
    record has, and all links. The date and the details of the publication come from one record, the
    one with the most details, so that the final version is preferred to one published online first.

    Args:
        records: by id, oldest first, at least one.

    Returns:
        The record, and for each field the id of the record that it comes from.
    """
    first = next(iter(records.values()))
    if len(records) == 1:
        return first, {}
    fields: dict[str, Any] = {}
    origins: dict[str, int] = {}

    def keep(name: str, value: Any, origin: int | None) -> None:
        fields[name] = value
        if origin is not None:
            origins[name] = origin

    keep("title", *_choose(records, "title", _rate_title))
    keep("abstract", *_choose(records, "abstract", _rate_abstract))
    authors, origin = _choose(records, "authors", len)
    keep("authors", authors or (), origin)
    fullest = max(records, key=lambda number: (*_rate_publication(records[number]), -number))
    for name in ("year", "date", *_PUBLICATION):
        value = getattr(records[fullest], name)
        keep(name, *((value, fullest) if value else _choose(records, name, _rate_equally)))
    for name in _SINGLE_VALUES:
        keep(name, *_choose(records, name, _rate_equally))
    for name in _LISTS:
        values = (value for record in records.values() for value in getattr(record, name))
        fields[name] = tuple(dict.fromkeys(values))
    fields["flags"] = _combine_flags(records.values(), fields)
    extra: dict[str, str] = {}
    for record in reversed(list(records.values())):
        extra.update(record.extra)
    return replace(first, **fields, extra=extra), origins


def _rate_equally(_value: Any) -> int:
    return 0


def _combine_flags(records: Iterable[Record], fields: Mapping[str, Any]) -> tuple[str, ...]:
    """All flags of the records, without those for a missing field that another record has."""
    missing = {"no-title": not fields["title"], "no-abstract": not fields["abstract"]}
    flags = (flag for record in records for flag in record.flags)
    return tuple(dict.fromkeys(flag for flag in flags if missing.get(flag, True)))
