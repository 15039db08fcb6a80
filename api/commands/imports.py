"""`winnow import`: a file of records into a search of a review, or read only."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
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
from api.commands.record_files import (
    Place,
    describe_use,
    dump_rejected,
    parse_mapping,
    show_columns,
    show_import,
    show_rejected,
)
from api.protocol import ProtocolBody
from api.services.reviews.managing import create_review
from api.services.reviews.names import make_slug
from api.services.searching.import_steps import search_fields_from_origin
from api.services.searching.imported_labels import (
    count_labelled,
    describe_labels,
    summarise,
)
from api.services.searching.importing import (
    LABEL_USES,
    ImportRequest,
    import_file,
)
from api.wording import count_noun
from api.worker.wake import wake
from harvest.file_content import FileContent
from harvest.files.labels.file_labels import FileLabels
from harvest.parsing.child import Wanted, open_file
from store.core.session import Store
from store.reviews import reviews
from store.reviews.people import PersonInfo
from store.reviews.reviews import NewReview, ReviewInfo
from store.searching.batches import number_files
from store.searching.searches import (
    STATED_FIELDS,
    get_search,
    get_search_by_number,
    number_searches,
)

# What is asked for at a terminal, if it is not given.
_QUESTIONS = {
    "source": "Database",
    "platform": "Platform",
    "run_on": "Date of the search (YYYY-MM-DD)",
    "reported": "Hits reported",
}
# What becomes of an import that somebody interrupts, and of its records once they are stored.
_GOES_ON = (
    "The import is not complete. A Winnow server that is running goes on with it by itself; so "
    "does the same command. To cancel it while none of it is in the review, open Imports in the "
    "browser and choose “Cancel this import”."
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
        typer.Option(
            help="Number of a search in the review to add the file to, instead of a new one."
        ),
    ] = None,
    source: Annotated[str | None, typer.Option(help="Database searched, e.g. PsycINFO.")] = None,
    platform: Annotated[str | None, typer.Option(help="Platform, e.g. Ovid.")] = None,
    run_on: Annotated[
        str | None, typer.Option("--date", help="Day of the search, as YYYY-MM-DD.")
    ] = None,
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
            _dry_run(output, file, mapping, labels)
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
        request = ImportRequest(search_fields=fields, mapping=mapping, labels=labels)
        if not output.as_json and search is None:
            request = _ask_for_fields(request, output)
        _import(output, _Given(file, search, review, actor), request)


def _ask_for_fields(request: ImportRequest, output: Output) -> ImportRequest:
    """Ask for what the search log needs, if somebody is at the terminal to answer."""
    if not sys.stdin.isatty():
        return request
    fields = dict(request.search_fields or {})
    questions = {name: text for name, text in _QUESTIONS.items() if name not in fields}
    if questions:
        output.say(
            "About the search that these records come from (Enter leaves a field not stated):"
        )
    for name, question in questions.items():
        answer = typer.prompt(question, default="", show_default=False, err=True).strip()
        if answer:
            fields[name] = int(answer) if name == "reported" and answer.isdigit() else answer
    if not isinstance(fields.get("reported", 0), int):
        raise Refused(f"Hits reported must be a number, not {fields['reported']!r}.")
    return dataclasses.replace(request, search_fields=fields)


@dataclass(frozen=True, slots=True)
class _Given:
    """A file, where to import it, and who does so.

    Attributes:
        search: number of a search; None for a new one.
        review: short name; None for the only one.
        actor: name; None for the only person.
    """

    file: Path
    search: int | None
    review: str | None
    actor: str | None


def _import(output: Output, given: _Given, request: ImportRequest) -> None:
    chosen, file = settings(), given.file
    with file.open("rb") as stream, opened(chosen) as store:
        with store.read() as session:
            person = find_person(session, given.actor)
        in_review = _find_or_create_review(output, store, given.review, file, person)
        if given.search is not None:
            with store.read() as session:
                search_id = get_search_by_number(session, in_review.id, given.search)
            request = dataclasses.replace(request, search_id=search_id)
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
            place = Place(
                in_review.slug,
                number_searches(session, in_review.id)[search.id],
                number_files(session, in_review.id)[outcome.batch.id],
            )
        show_import(output, place, search, outcome, request.labels)
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


def _dry_run(output: Output, file: Path, mapping: Mapping[str, str], use: str) -> None:
    wanted = Wanted(mapping=mapping, name=file.name)
    with (
        output.progress("reading") as progress,
        open_file(file, wanted, progress=lambda number: progress(number, None)) as opened,
    ):
        content, labels = opened.content(), opened.labels
    stated = search_fields_from_origin(content.origin)
    labelled = count_labelled(content.records, labels)

    def show(screen: Console) -> None:
        _show_content(screen, file.name, content, stated, labels)
        if labelled and use == "ignore":
            screen.print(describe_use(labelled, use))

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
            "labelled": labelled,
            "labels": asdict(summarise(labels)),
            "sha256": content.sha256,
        },
        show,
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
    show_columns(screen, content.columns, content.unused_columns)
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
