"""Values of a source's JSON, of which any may be absent or of another kind than it should be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def text(value: Any) -> str | None:
    """Text or a number as text; None for anything else."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None


def at(value: Any, *path: str) -> Any:
    """What stands at a path of keys; None where a step is missing or no object."""
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def listed(value: Any, *path: str) -> list[Any]:
    """The list at a path of keys; empty where there is none."""
    found = at(value, *path)
    return found if isinstance(found, list) else []
