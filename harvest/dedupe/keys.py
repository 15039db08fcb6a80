"""Keys that records of one report are likely to share, so that not all pairs must be compared.

Two records are compared if they share a key. A key has 64 bits, so it fits into a database column.
A record's keys depend on that record alone, so a new record only needs to look up its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Final

from harvest.dedupe.prepare import Prepared

# A key that more records share than this says nothing: "Editorial" in one year, without authors.
BUCKET_LIMIT: Final = 200


def _hash(parts: Iterable[str]) -> int:
    digest = blake2b("\x1f".join(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def list_keys(record: Prepared) -> tuple[int, ...]:
    """The record's keys, 0 to about 14, sorted; signed 64-bit numbers."""
    return tuple(sorted({_hash(parts) for parts in _parts(record)}))


def _parts(record: Prepared) -> Iterator[tuple[str, ...]]:
    year = str(record.year or "")
    surname = record.authors[0] if record.authors else ""
    if record.doi:
        yield "doi", record.doi
    if record.pmid:
        yield "pmid", record.pmid
    for words, squeezed in record.titles:
        # Longest first, in alphabetical order where they are equally long.
        distinct = sorted(sorted(set(words)), key=len, reverse=True)
        if len(words) >= 4:
            yield "title", squeezed
            yield "begin", *words[:4]
            yield "longest", *sorted(distinct[:3])
            yield "end", *words[-4:]
        else:
            # Titles such as "Editorial" and "Introduction" are not enough without other fields.
            yield "short", squeezed, surname, year
            yield "short", squeezed, record.volume, record.first_page
            yield "short", squeezed, "".join(record.venue), record.volume, record.issue
        if surname:
            yield "author", surname, distinct[0]
            yield "author", surname, words[0]
    if record.first_page:
        digits = record.page_number
        if record.volume:
            yield "place", record.volume, digits, year
            yield "place", record.volume, digits, record.last_page, surname
        if year and surname:
            yield "page", digits, year, surname
    if record.abstract_length >= 200:
        yield "abstract", record.abstract[:80]
        yield "abstract", record.abstract[100:180]


class Index:
    """Records by key, in memory.

    Attributes:
        crowded: keys that more than ``BUCKET_LIMIT`` records share; later records are compared only
            with the first of these.
    """

    def __init__(self) -> None:
        self._buckets: dict[int, list[int]] = defaultdict(list)
        self._records: list[Prepared] = []
        self.crowded: set[int] = set()

    def __len__(self) -> int:
        return len(self._records)

    def add(self, record: Prepared) -> Iterator[Prepared]:
        """Add a record and yield each earlier one that shares a key with it."""
        place = len(self._records)
        candidates: set[int] = set()
        for key in list_keys(record):
            bucket = self._buckets[key]
            candidates.update(bucket)
            if len(bucket) < BUCKET_LIMIT:
                bucket.append(place)
            else:
                self.crowded.add(key)
        self._records.append(record)
        for other in sorted(candidates):
            yield self._records[other]
