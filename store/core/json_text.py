"""JSON as SQLite stores it: text, which a fault of the disk or of a hand can make unreadable."""

from __future__ import annotations

import json
from typing import Any


class UnreadableJson(dict[str, Any]):
    """In place of stored text that is not JSON; it is empty.

    One row that cannot be read must not stop a query that reads many. PostgreSQL checks JSON when
    it is stored.
    """


def read_json(text: str | bytes) -> Any:
    """The value of stored JSON; ``UnreadableJson`` if the text is not JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return UnreadableJson()
