"""What commands say of files of records: columns, what was imported, what could not be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import typer
from pydantic import TypeAdapter
from rich.console import Console
from rich.table import Table

from api.commands.output import Output
from api.services.searching.imported_labels import describe
from api.services.searching.importing import ImportOutcome
from api.wording import count_noun, describe_left_out
from harvest.record import Rejected
from store.searching.searches import SearchInfo

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


# Fields that the search log needs, with their options; those that are not stated are listed.
_NEEDED = {
    "source": "--source",
    "platform": "--platform",
    "run_on": "--date",
    "strategy": "--strategy",
    "limits": "--limits",
    "reported": "--reported",
    "searcher": "--searcher",
}


def show_columns(screen: Console, columns: Mapping[str, Any], unused: Sequence[str] = ()) -> None:
    """The columns that were read as fields, and those that were not."""
    for field, column in columns.items():
        screen.print(f"  {field} ← column {column!r}", markup=False)
    if unused:
        screen.print(f"  kept as they are: {', '.join(unused)}", markup=False)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file is now: the review, and the numbers of the search and of the file in it."""

    review: str
    search: int
    file: int


def show_import(
    output: Output, place: Place, search: SearchInfo, outcome: ImportOutcome, labels: str
) -> None:
    """What became of a file."""
    batch = outcome.batch
    unstated = [name for name in _NEEDED if getattr(search, name) is None]

    def show(screen: Console) -> None:
        _show_counts(screen, place, outcome)
        if outcome.labelled:
            screen.print(_labels_line(outcome, labels))
        for line in describe(outcome.taken, outcome.unread):
            screen.print(f"  {line}", markup=False)
        if unstated:
            options = ", ".join(_NEEDED[name] for name in unstated)
            screen.print(f"Not stated for this search: {options}")
        show_rejected(screen, outcome.rejected)

    output.result(
        {
            "review": place.review,
            "search": place.search,
            "search_id": search.id,
            "file": place.file,
            "file_id": batch.id,
            "name": batch.name,
            "sha256": batch.sha256,
            "format": batch.format,
            "entries": batch.read,
            "records": batch.records,
            "new": batch.new,
            "changed": batch.changed,
            "same": batch.same,
            "rejected": dump_rejected(outcome.rejected),
            "repeated": outcome.repeated,
            "labels": labels,
            "labelled": outcome.labelled,
            "copies": outcome.copies,
            "out_of_range": outcome.out_of_range,
            "gold_added": outcome.gold_added,
            "decisions_added": outcome.decisions_added,
            "taken_over": asdict(outcome.taken) if outcome.taken else None,
            "not_understood": dict(outcome.unread),
            "not_stated": unstated,
            "columns": dict(batch.columns),
            "notices": list(batch.notices),
        },
        show,
    )


def _show_counts(screen: Console, place: Place, outcome: ImportOutcome) -> None:
    batch = outcome.batch
    if outcome.repeated:
        screen.print(
            f"{batch.name} is in this review already (file {place.file}); no record was added."
        )
        return
    screen.print(f"{batch.name}: {batch.format}, into search {place.search} of {place.review}")
    show_columns(screen, batch.columns)
    for notice in batch.notices:
        screen.print(f"Note: {notice}", markup=False)
    screen.print(
        f"{count_noun(batch.read, 'entry', 'entries')} = {batch.new} new + {batch.changed} changed "
        f"+ {batch.same} known already + {batch.rejected} unreadable"
    )
    if batch.pooled:
        screen.print("They wait as incoming records (`winnow pool show`): the searches are frozen.")
    if outcome.copies:
        screen.print(f"{count_noun(outcome.copies, 'copy', 'copies')} merged with other records")
    if outcome.out_of_range:
        screen.print(describe_left_out(outcome.out_of_range))


def describe_use(labelled: int, labels: str, added: str = "") -> str:
    """What is done with the decisions and relevance labels in a file.

    Args:
        labelled: how many records have one.
        labels: how they are used.
        added: what was taken over.
    """
    have = f"{count_noun(labelled, 'record')} {'has' if labelled == 1 else 'have'} a decision or "
    if labels == "ignore":
        return (
            f"{have}relevance label, which Winnow ignores. To take them over, import the file with "
            "--labels decisions, or as known studies with --labels gold."
        )
    use = {"gold": "known studies", "decisions": "decisions"}[labels]
    return f"{have}relevance label; used as {use} ({added} added)"


def _labels_line(outcome: ImportOutcome, labels: str) -> str:
    added = {
        "gold": count_noun(outcome.gold_added, "known study", "known studies"),
        "decisions": count_noun(outcome.decisions_added, "decision"),
    }
    return describe_use(outcome.labelled, labels, added.get(labels, ""))
