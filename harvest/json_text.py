"""Parse JSON that came from elsewhere."""

from __future__ import annotations

import json
from typing import Any, Final

# How deep lists and objects may lie in each other. Real files have up to twenty levels; what is
# nested deeper than Python's stack ends whatever walks through it.
_DEPTH: Final = 100


def parse_json(text: str | bytes, *, strict: bool = True) -> Any:
    """Parse a text as JSON.

    Args:
        text: the text.
        strict: whether raw control characters in strings are refused.

    Raises:
        ValueError: it is not JSON, or it is nested too deeply.
    """
    try:
        value = json.loads(text, strict=strict)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    level = [value]
    for _ in range(_DEPTH):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return value
    raise ValueError("it is nested too deeply")
