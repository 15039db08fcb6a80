"""`winnow import`: a file of records into a search of a review, or read only."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from api.commands.output import (
    AsOption,
    Json,
    Output,
    Refused,
    ReviewOption,
    command,
    count_reached,
    find_person,
    find_review,
    opened,
    settings,
)
from api.commands.record_files import dump_rejected, parse_mapping, show_rejected
from api.protocol import ProtocolBody
from api.services.reviews.managing import create_review
from api.services.reviews.names import make_slug
from api.services.searching.import_steps import search_fields_from_origin
from api.services.searching.imported_labels import (
    count_labelled,
    describe,
    describe_labels,
    summarise,
)
from api.services.searching.importing import (
    LABEL_USES,
    ImportOutcome,
    ImportRequest,
    import_file,
)
from api.wording import count_noun, describe_left_out
from api.worker.wake import wake
from harvest.file_content import FileContent
from harvest.files.labels.file_labels import FileLabels
from harvest.parsing.child import Wanted, open_file
from store.core.session import Store
from store.reviews import reviews
from store.reviews.people import PersonInfo
from store.reviews.reviews import NewReview, ReviewInfo
from store.searching.searches import STATED_FIELDS, SearchInfo, get_search

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

# What becomes of an import that somebody interrupts, and of its records once they are stored.
_GOES_ON = (
    "The import is not complete. A Winnow server that is running goes on with it by itself; so "
    "does the same command. To cancel it, open Imports in the browser and choose “Cancel this "
    "import”."
)
_IS_COMPARED = (
    "The file is imported. A Winnow server that is running, or the next import, compares the rest "
    "of its records with the others to find copies."
)


def _parse_stated(pairs: list[str]) -> dict[str, str]:
    """Fields of a search, from the FIELD=TEXT pairs of ``--state``."""
    stated = {}
    for pair in pairs:
        field, separator, text = pair.partition("=")
        if not separator or field.strip() not in STATED_FIELDS:
            raise typer.BadParameter(
                f"{pair!r} is not FIELD=TEXT with a field of {', '.join(STATED_FIELDS)}",
                param_hint="--state",
            )
        stated[field.strip()] = text.strip()
    return stated


def import_records(
    file: Annotated[Path, typer.Argument(help="RIS, Ovid, ProQuest, Web of Science, Refer, …")],
    review: ReviewOption = None,
    actor: AsOption = None,
    search: Annotated[
        int | None,
        typer.Option(help="Number of a search to add the file to, instead of a new one."),
    ] = None,
    source: Annotated[str | None, typer.Option(help="Database searched, e.g. PsycINFO.")] = None,
    platform: Annotated[str | None, typer.Option(help="Platform, e.g. Ovid.")] = None,
    run_on: Annotated[str | None, typer.Option("--date", help="Day of the search.")] = None,
    strategy: Annotated[
        Path | None, typer.Option(help="Text file with the strategy exactly as run.")
    ] = None,
    limits: Annotated[str | None, typer.Option(help="Limits applied in the database.")] = None,
    reported: Annotated[int | None, typer.Option(help="Hits that the source reported.")] = None,
    exported: Annotated[int | None, typer.Option(help="Records exported.")] = None,
    searcher: Annotated[str | None, typer.Option(help="Who searched.")] = None,
    state: Annotated[
        list[str] | None,
        typer.Option(
            help="FIELD=TEXT for the search log, repeatable: route, limits_reason, filters, "
            "prior_work, update_method, peer_review, gap_reason."
        ),
    ] = None,
    labels: Annotated[
        str, typer.Option(help=f"Relevance labels in the file: {', '.join(LABEL_USES)}.")
    ] = "ignore",
    column_map: Annotated[
        list[str] | None, typer.Option("--map", help="FIELD=COLUMN, for tables; repeatable.")
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Only read the file; needs no database.")] = False,
    as_json: Json = False,
) -> None:
    """Import a file of records into a search of a review."""
    mapping = parse_mapping(column_map or [])
    with command(as_json, file=file) as output:
        if dry_run:
            _dry_run(output, file, mapping)
            return
        if labels not in LABEL_USES:
            raise Refused(f"--labels must be one of {', '.join(LABEL_USES)}, not {labels!r}.")
        stated = {
            "source": source,
            "platform": platform,
            "run_on": run_on,
            "strategy": strategy.read_text(encoding="utf-8") if strategy else None,
            "limits": limits,
            "reported": reported,
            "exported": exported,
            "searcher": searcher,
            **_parse_stated(state or []),
        }
        fields = {name: value for name, value in stated.items() if value is not None}
        if search is not None and fields:
            raise Refused(
                "With --search, details of the search cannot be given: it has them already."
            )
        request = ImportRequest(
            search_id=search, search_fields=fields, mapping=mapping, labels=labels
        )
        if not output.as_json and search is None:
            request = _ask_for_fields(request, output)
        _import(output, file, request, review, actor)


def _ask_for_fields(request: ImportRequest, output: Output) -> ImportRequest:
    """Ask for what the search log needs, if somebody is at the terminal to answer."""
    if not sys.stdin.isatty():
        return request
    output.say("About the search that these records come from (Enter leaves a field not stated):")
    fields = dict(request.search_fields or {})
    for name, question in (
        ("source", "Database"),
        ("platform", "Platform"),
        ("run_on", "Date of the search"),
        ("reported", "Hits reported"),
    ):
        if name in fields:
            continue
        answer = typer.prompt(question, default="", show_default=False, err=True).strip()
        if answer:
            fields[name] = int(answer) if name == "reported" and answer.isdigit() else answer
    if not isinstance(fields.get("reported", 0), int):
        raise Refused(f"Hits reported must be a number, not {fields['reported']!r}.")
    return dataclasses.replace(request, search_fields=fields)


def _import(
    output: Output, file: Path, request: ImportRequest, review: str | None, actor: str | None
) -> None:
    chosen = settings()
    with file.open("rb") as stream, opened(chosen) as store:
        with store.read() as session:
            person = find_person(session, actor)
        in_review = _find_or_create_review(output, store, review, file, person)
        with output.progress_of_steps("reading") as show:

            def progress(stage: str, done: int, total: int | None) -> None:
                output.interrupted = _IS_COMPARED if stage == "comparing" else _GOES_ON
                if stage != "begun":
                    show(stage, done, total)
                elif done:
                    output.say(
                        f"An earlier import of {file.name} was interrupted; it goes on after "
                        f"{count_reached(done, total)} entries."
                    )

            outcome = import_file(
                store,
                in_review.id,
                stream,
                file.name,
                request,
                person_id=person.id,
                progress=progress,
            )
        with store.read() as session:
            search = get_search(session, in_review.id, outcome.batch.search_id)
        _show_import(output, in_review.slug, search, outcome, request.labels)
        wake(store, chosen.data_dir)


def _find_or_create_review(
    output: Output, store: Store, slug: str | None, file: Path, person: PersonInfo
) -> ReviewInfo:
    """The named review or the only one; if there is none yet, one named after the file."""
    with store.read() as session:
        if slug is not None or reviews.list_reviews(session):
            return find_review(session, slug)
    name = file.name.split(".")[0]
    new = NewReview(make_slug(name) or "review", name, ProtocolBody().stored())
    created = create_review(store, new, person_id=person.id)
    output.say(f"There was no review, so {created.slug!r} was created, without a protocol yet.")
    return created


def _dry_run(output: Output, file: Path, mapping: Mapping[str, str]) -> None:
    wanted = Wanted(mapping=mapping, name=file.name)
    with (
        output.progress("reading") as progress,
        open_file(file, wanted, progress=lambda number: progress(number, None)) as opened,
    ):
        content, labels = opened.content(), opened.labels
    stated = search_fields_from_origin(content.origin)
    output.result(
        {
            "file": str(file),
            "format": content.format,
            "entries": content.entries_read,
            "records": len(content.records),
            "rejected": dump_rejected(content.rejected),
            "columns": dict(content.columns),
            "unused_columns": list(content.unused_columns),
            "notices": list(content.notices),
            "origin": stated,
            "labelled": count_labelled(content.records, labels),
            "labels": asdict(summarise(labels)),
            "sha256": content.sha256,
        },
        lambda screen: _show_content(screen, file.name, content, stated, labels),
    )


def _show_content(
    screen: Console,
    name: str,
    content: FileContent,
    stated: Mapping[str, Any],
    labels: FileLabels,
) -> None:
    screen.print(f"{name}: {content.format}")
    for field, value in stated.items():
        screen.print(f"{field}, as the file says: {value}", markup=False)
    _show_columns(screen, content.columns, content.unused_columns)
    for notice in content.notices:
        screen.print(f"Note: {notice}", markup=False)
    screen.print(
        f"{count_noun(content.entries_read, 'entry', 'entries')} = "
        f"{count_noun(len(content.records), 'record')} + "
        f"{len(content.rejected):,} unreadable. Nothing was stored."
    )
    for line in describe_labels(labels):
        screen.print(line, markup=False)
    show_rejected(screen, content.rejected)


def _show_columns(screen: Console, columns: Mapping[str, Any], unused: Sequence[str] = ()) -> None:
    for field, column in columns.items():
        screen.print(f"  {field} ← column {column!r}", markup=False)
    if unused:
        screen.print(f"  kept as they are: {', '.join(unused)}", markup=False)


def _show_import(
    output: Output, review: str, search: SearchInfo, outcome: ImportOutcome, labels: str
) -> None:
    batch = outcome.batch
    unstated = [name for name in _NEEDED if getattr(search, name) is None]

    def show(screen: Console) -> None:
        _show_counts(screen, review, outcome)
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
            "review": review,
            "search": search.id,
            "file": batch.id,
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


def _show_counts(screen: Console, review: str, outcome: ImportOutcome) -> None:
    batch = outcome.batch
    if outcome.repeated:
        screen.print(
            f"{batch.name} is in this review already (file {batch.id}); no record was added."
        )
        return
    screen.print(f"{batch.name}: {batch.format}, into search {batch.search_id} of {review}")
    _show_columns(screen, batch.columns)
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


def _labels_line(outcome: ImportOutcome, labels: str) -> str:
    added = {
        "gold": f" ({count_noun(outcome.gold_added, 'known study', 'known studies')} added)",
        "decisions": f" ({count_noun(outcome.decisions_added, 'decision')} added)",
    }
    return (
        f"{outcome.labelled:,} {'record has' if outcome.labelled == 1 else 'records have'} a "
        f"decision or relevance label; labels: {labels}"
        f"{added.get(labels, '')}"
    )
