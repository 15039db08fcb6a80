"""What commands that read files of records share: columns, and entries that are no records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import typer
from pydantic import TypeAdapter
from rich.console import Console
from rich.table import Table

from harvest.record import Rejected

_SHOWN = 20
_REJECTED = TypeAdapter(list[Rejected])


def parse_mapping(pairs: Sequence[str]) -> dict[str, str]:
    """Field to column, from the FIELD=COLUMN pairs of ``--map``."""
    mapping = {}
    for pair in pairs:
        field, separator, column = pair.partition("=")
        if not separator:
            raise typer.BadParameter(f"{pair!r} is not FIELD=COLUMN", param_hint="--map")
        mapping[field.strip()] = column.strip()
    return mapping


def dump_rejected(rejected: Sequence[Rejected]) -> list[dict[str, Any]]:
    """Rejected entries for ``--json``."""
    dumped: list[dict[str, Any]] = _REJECTED.dump_python(list(rejected), mode="json")
    return dumped


def show_rejected(screen: Console, rejected: Sequence[Rejected]) -> None:
    """The first rejected entries, with their reasons."""
    if not rejected:
        return
    table = Table("entry", "line", "reason", "begins with", title="Unreadable entries")
    for entry in rejected[:_SHOWN]:
        table.add_row(str(entry.position), str(entry.line or ""), entry.reason, entry.excerpt[:60])
    screen.print(table)
    if len(rejected) > _SHOWN:
        screen.print(f"… and {len(rejected) - _SHOWN} more; --json lists them all.")
