"""Read values from a source's JSON, where any value may be missing or of the wrong type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def as_text(value: Any) -> str | None:
    """A string, or an integer as a string; None for anything else."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None


def get_at(value: Any, *path: str) -> Any:
    """The value at a path of keys; None if a step is missing or not an object."""
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def list_at(value: Any, *path: str) -> list[Any]:
    """The list at a path of keys, or an empty list."""
    items = get_at(value, *path)
    return items if isinstance(items, list) else []
