"""What a report shows: composed field by field from its records, each value with its origin."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from harvest.record import Record

# An abstract longer than this is a page that was pasted into the field.
_TOO_LONG: Final = 10_000
_PLACE: Final = ("venue", "volume", "issue", "pages")
_ALONE: Final = (
    *("doi", "pmid", "pmcid", "issn", "publisher", "language", "accession", "database", "label"),
)
_UNITED: Final = ("urls", "types", "keywords", "notes")


def text_hash(title: str | None, abstract: str | None) -> str:
    """SHA-256 (hex) of what a screener is shown of a report."""
    return hashlib.sha256(f"{title or ''}\x00{abstract or ''}".encode()).hexdigest()


def _best(
    records: Mapping[int, Record], name: str, worth: Callable[[Any], Any]
) -> tuple[Any, int | None]:
    """The value of most worth and its record; of equals the oldest record's."""
    chosen, origin = None, None
    for record_id, record in records.items():
        value = getattr(record, name)
        if value and (origin is None or worth(value) > worth(chosen)):
            chosen, origin = value, record_id
    return chosen, origin


def _title_worth(title: str) -> tuple[bool, bool, int]:
    """Neither in capitals nor in brackets, then the longer: with its subtitle."""
    return not title.isupper(), not title.startswith("["), len(title)


def _abstract_worth(abstract: str) -> tuple[bool, int]:
    return len(abstract) <= _TOO_LONG, len(abstract)


def _published(record: Record) -> tuple[int, int]:
    """How fully a record says where the report stands; of equals the later year."""
    return sum(bool(getattr(record, name)) for name in _PLACE), record.year or 0


def compose(records: Mapping[int, Record]) -> tuple[Record, dict[str, int]]:
    """One record out of a report's records, and for each field the id of the record it is from.

    The longest good abstract, the fullest list of authors, date and place together from the record
    that says most about them (published rather than online first), every id and link.

    Args:
        records: by id, oldest first, at least one.
    """
    first = next(iter(records.values()))
    if len(records) == 1:
        return first, {}
    found: dict[str, Any] = {}
    origins: dict[str, int] = {}

    def keep(name: str, value: Any, origin: int | None) -> None:
        found[name] = value
        if origin is not None:
            origins[name] = origin

    keep("title", *_best(records, "title", _title_worth))
    keep("abstract", *_best(records, "abstract", _abstract_worth))
    authors, origin = _best(records, "authors", len)
    keep("authors", authors or (), origin)
    place_id = max(records, key=lambda record_id: (*_published(records[record_id]), -record_id))
    for name in ("year", "date", *_PLACE):
        value = getattr(records[place_id], name)
        keep(name, *((value, place_id) if value else _best(records, name, lambda _value: 0)))
    for name in _ALONE:
        keep(name, *_best(records, name, lambda _value: 0))
    for name in _UNITED:
        united = tuple(
            dict.fromkeys(v for record in records.values() for v in getattr(record, name))
        )
        found[name] = united
    holds = {"no-title": not found["title"], "no-abstract": not found["abstract"]}
    flags = (flag for record in records.values() for flag in record.flags)
    found["flags"] = tuple(dict.fromkeys(flag for flag in flags if holds.get(flag, True)))
    extra: dict[str, str] = {}
    for record in reversed(list(records.values())):
        extra.update(record.extra)
    return replace(first, **found, extra=extra), origins


def other_ids(records: Sequence[Record], shown: Record) -> dict[str, tuple[str, ...]]:
    """DOIs and PubMed ids of a report's records that the composed record does not show."""
    result = {}
    for name in ("doi", "pmid", "pmcid"):
        values = dict.fromkeys(getattr(record, name) for record in records)
        rest = tuple(value for value in values if value and value != getattr(shown, name))
        if rest:
            result[name] = rest
    return result
