"""Lists in one cell: values joined by "; ", so that they come apart again as they were."""

from __future__ import annotations

import re
from collections.abc import Iterable

_ITEM = re.compile(r"((?:[^;\\]|\\.|\\$)*)(?:;|$)", re.DOTALL)
# A backslash is doubled only where it would be read as the mark of a semicolon or of itself.
_MARKED = re.compile(r"\\(?=[\\;]|$)|;")


def join_list(values: Iterable[str]) -> str:
    """Join values by "; ". A semicolon inside a value gets a backslash before it."""
    return "; ".join(_MARKED.sub(lambda match: f"\\{match.group(0)}", value) for value in values)


def split_list(text: str | None) -> tuple[str, ...]:
    """The values of ``join_list``."""
    if not text or not text.strip():
        return ()
    items = [match.group(1) for match in _ITEM.finditer(text)]
    plain = (re.sub(r"\\([\\;])", r"\1", item.strip()) for item in items)
    return tuple(item for item in plain if item)
