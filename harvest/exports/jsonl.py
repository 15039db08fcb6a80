"""Write JSON Lines: one object for each report, with everything that is known about it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from harvest.exports import names
from harvest.exports.columns import flatten
from harvest.exports.entry import ExportEntry, clean_block


def as_jsonl(entries: Iterable[ExportEntry]) -> Iterator[str]:
    """One JSON object for each report; lists stay lists, and what is missing is left out."""
    for entry in entries:
        values = flatten(entry)
        del values["url"], values[names.GROUP_AUTHORS]
        values["authors"] = [
            {"name": clean_block(author.name), "collective": author.collective}
            for author in entry.record.authors
        ]
        kept = {name: value for name, value in values.items() if value not in (None, [], {})}
        yield json.dumps(kept, ensure_ascii=False) + "\n"
