"""Long lists in pieces: databases bind a limited number of values a statement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
# SQLite binds at most 32,766 values a statement; PostgreSQL plans long lists badly.
CHUNK = 500


def batched(items: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    """Tuples of up to ``size`` items, in order (itertools has it from Python 3.12 on)."""
    iterator = iter(items)
    while part := tuple(islice(iterator, size)):
        yield part
