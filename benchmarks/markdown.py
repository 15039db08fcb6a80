"""Parts of the generated documents: tables, ranges, and what a figure was measured on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def circumstances(data: dict[str, Any]) -> str:
    """When, at which commit and on which machine a file of results was measured."""
    found = data["circumstances"]
    machine = found["machine"]
    return (
        f"Measured {found['measured_at'][:10]} at commit {found['commit']}, Python "
        f"{found['python']}, {machine['cores']} cores of {machine['cpu']}."
    )


def table(header: list[str], rows: list[list[str]]) -> str:
    """A table. All columns except the first are aligned to the right."""
    rule = ["---", *["--:" for _ in header[1:]]]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, rule, *rows))


def spread(found: Mapping[str, float], show: Callable[[float], str]) -> str:
    """Median, lowest and highest of repeats."""
    return f"{show(found['median'])} ({show(found['lowest'])} to {show(found['highest'])})"
