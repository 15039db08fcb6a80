"""Splitting long lists: a database can bind only so many values in one statement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
# SQLite binds at most 32,766 values per statement; PostgreSQL plans long lists badly.
CHUNK = 500


def batched(items: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    """Yield tuples of up to ``size`` items, in order (as in itertools from Python 3.12 on)."""
    iterator = iter(items)
    while batch := tuple(islice(iterator, size)):
        yield batch
