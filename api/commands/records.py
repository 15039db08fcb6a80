"""winnow import, withdraw, export."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from api.commands.output import (
    AsOption,
    Json,
    Output,
    Refused,
    ReviewOption,
    command,
    find_person,
    find_review,
    opened,
    settings,
)
from api.documents import exports, search_log
from api.documents import screening_report as report_document
from api.protocol import ProtocolBody
from api.services.importing import (
    LABEL_USES,
    ImportOutcome,
    ImportRequest,
    import_file,
    slug,
    told_by,
)
from api.services.screening_report import screening_report
from api.services.search_log import search_log as log_of
from api.wake import wake
from harvest.files.read import FileContent, read_file
from harvest.record import Rejected
from store import reviews, searches
from store.session import Store

_SHOWN = 20


def column_mapping(pairs: list[str]) -> dict[str, str]:
    """FIELD=COLUMN pairs of ``--map``."""
    mapping = {}
    for pair in pairs:
        field, separator, column = pair.partition("=")
        if not separator:
            raise typer.BadParameter(f"{pair!r} is not FIELD=COLUMN", param_hint="--map")
        mapping[field.strip()] = column.strip()
    return mapping


def _stated(pairs: list[str]) -> dict[str, str]:
    stated = {}
    for pair in pairs:
        field, separator, text = pair.partition("=")
        if not separator or field.strip() not in searches.STATED_FIELDS:
            known = ", ".join(searches.STATED_FIELDS)
            raise typer.BadParameter(
                f"{pair!r} is not FIELD=TEXT with a field of {known}", param_hint="--state"
            )
        stated[field.strip()] = text.strip()
    return stated


def rejected_json(rejected: tuple[Rejected, ...]) -> list[dict[str, Any]]:
    """Rejected entries for ``--json``."""
    return [
        {"position": e.position, "reason": e.reason, "line": e.line, "excerpt": e.excerpt}
        for e in rejected
    ]


def show_rejected(screen: Console, rejected: tuple[Rejected, ...]) -> None:
    """The first rejected entries, with their reasons."""
    if not rejected:
        return
    table = Table("entry", "line", "reason", "begins with", title="Rejected entries")
    for entry in rejected[:_SHOWN]:
        table.add_row(str(entry.position), str(entry.line or ""), entry.reason, entry.excerpt[:60])
    screen.print(table)
    if len(rejected) > _SHOWN:
        screen.print(f"… and {len(rejected) - _SHOWN} more; --json lists them all.")


def import_records(
    file: Annotated[Path, typer.Argument(help="RIS, Ovid, ProQuest, Web of Science, Refer, …")],
    review: ReviewOption = None,
    actor: AsOption = None,
    search: Annotated[
        int | None, typer.Option(help="Add to this search instead of opening a new one.")
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
    dry_run: Annotated[bool, typer.Option(help="Read only; needs no store.")] = False,
    as_json: Json = False,
) -> None:
    """Import a file of records into a search of a review."""
    mapping = column_mapping(column_map or [])
    with command(as_json, file=file) as output:
        if dry_run:
            with file.open("rb") as stream, output.progress("reading") as progress:
                content = read_file(stream, mapping=mapping, progress=lambda n: progress(n, None))
            _show_dry_run(output, file, content)
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
            **_stated(state or []),
        }
        fields = {name: value for name, value in stated.items() if value is not None}
        if search is not None and fields:
            raise Refused(
                "Fields of a search are given once, when it is opened, not with --search."
            )
        request = ImportRequest(search, fields, mapping, labels)
        if not output.as_json and search is None:
            request = _asked(request, output)
        with file.open("rb") as stream:
            chosen = settings()
            with opened(chosen) as store:
                _import(output, store, stream, file, review, actor, request)
                wake(store, chosen.data_dir)


def _asked(request: ImportRequest, output: Output) -> ImportRequest:
    """Ask for what the search log needs, where someone is at the terminal to answer."""
    if not sys.stdin.isatty():
        return request
    output.say("About the search these records come from (Enter leaves a field not stated):")
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
    return ImportRequest(request.search_id, fields, request.mapping, request.labels)


def _import(
    output: Output,
    store: Store,
    stream: Any,
    file: Path,
    review: str | None,
    actor: str | None,
    request: ImportRequest,
) -> None:
    with store.write() as session:
        person = find_person(session, actor)
        if review is None and not reviews.everything(session):
            chosen = reviews.create(
                session,
                slug=slug(file.name.split(".")[0]) or "review",
                title=file.name.split(".")[0],
                protocol=ProtocolBody().stored(),
                person_id=person.id,
            )
            output.say(f"There was no review, so {chosen.slug!r} was made, without a protocol yet.")
        else:
            chosen = find_review(session, review)
    with output.progress("reading") as progress:
        outcome = import_file(
            store,
            chosen.id,
            stream,
            file.name,
            request,
            person_id=person.id,
            progress=lambda n: progress(n, None),
        )
    with store.read() as session:
        search = searches.by_id(session, chosen.id, outcome.batch.search_id)
    _show_import(output, chosen.slug, search, outcome, request.labels)


def _show_dry_run(output: Output, file: Path, content: FileContent) -> None:
    data = {
        "file": str(file),
        "format": content.format,
        "entries": content.entries_read,
        "records": len(content.records),
        "rejected": rejected_json(content.rejected),
        "columns": dict(content.columns),
        "unused_columns": list(content.unused_columns),
        "notices": list(content.notices),
        "origin": told_by(content.origin),
        "labelled": sum(record.label is not None for record in content.records),
        "sha256": content.sha256,
    }

    def show(screen: Console) -> None:
        screen.print(f"{file.name}: {content.format}")
        for name, value in told_by(content.origin).items():
            screen.print(f"{name}, as the file tells: {value}", markup=False)
        _show_columns(screen, content.columns, content.unused_columns)
        for notice in content.notices:
            screen.print(f"Note: {notice}", markup=False)
        screen.print(
            f"{content.entries_read} entries = {len(content.records)} records + "
            f"{len(content.rejected)} rejected. Nothing was stored."
        )
        show_rejected(screen, content.rejected)

    output.result(data, show)


def _show_columns(screen: Console, columns: Any, unused: Any) -> None:
    for field, column in columns.items():
        screen.print(f"  {field} ← column {column!r}", markup=False)
    if unused:
        screen.print(f"  kept as they came: {', '.join(unused)}", markup=False)


def _show_import(
    output: Output,
    review: str,
    search: searches.SearchInfo,
    outcome: ImportOutcome,
    labels: str,
) -> None:
    batch = outcome.batch
    unstated = [
        name
        for name in ("source", "platform", "run_on", "strategy", "limits", "reported", "searcher")
        if getattr(search, name) is None
    ]
    data = {
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
        "rejected": rejected_json(outcome.rejected),
        "repeated": outcome.repeated,
        "labels": labels,
        "labelled": outcome.labelled,
        "copies": outcome.copies,
        "gold_added": outcome.gold_added,
        "decisions_added": outcome.decisions_added,
        "not_stated": unstated,
        "columns": dict(batch.columns),
        "notices": list(batch.notices),
    }

    def show(screen: Console) -> None:
        if outcome.repeated:
            screen.print(
                f"{batch.name} is in this review already (file {batch.id}); nothing was changed."
            )
        else:
            screen.print(f"{batch.name}: {batch.format}, into search {search.id} of {review}")
            _show_columns(screen, batch.columns, ())
            for notice in batch.notices:
                screen.print(f"Note: {notice}", markup=False)
        screen.print(
            f"{batch.read} entries = {batch.new} new + {batch.changed} changed + "
            f"{batch.same} held already + {batch.rejected} rejected"
        )
        if batch.pooled:
            screen.print("They wait in the pool (`winnow pool show`): the searches are frozen.")
        if outcome.copies:
            screen.print(f"{outcome.copies} records were merged into reports held already")
        if outcome.labelled:
            screen.print(
                f"{outcome.labelled} records carry a relevance label; labels: {labels}"
                + (f" ({outcome.gold_added} known relevant added)" if labels == "gold" else "")
                + (f" ({outcome.decisions_added} decisions added)" if labels == "decisions" else "")
            )
        if unstated:
            screen.print(f"Not stated of this search: {', '.join(unstated)}")
        show_rejected(screen, outcome.rejected)

    output.result(data, show)


def withdraw(
    reason: Annotated[str, typer.Option(help="Why; it is printed with the counts.")],
    file_id: Annotated[int | None, typer.Argument(help="Number of the imported file.")] = None,
    search: Annotated[
        int | None, typer.Option(help="A whole search with its runs, in place of a file.")
    ] = None,
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Take back a wrong file or search: its records leave the counts, decisions stay readable."""
    with command(as_json) as output:
        if not reason.strip():
            raise Refused("A withdrawal needs a reason.", remedy="Give one with --reason.")
        if (file_id is None) == (search is None):
            raise Refused("Say which file, or which search with --search, is withdrawn.")
        chosen = settings()
        with opened(chosen) as store:
            with store.write() as session:
                person = find_person(session, actor)
                found = find_review(session, review)
                if search is not None:
                    gone = searches.withdraw_search(
                        session, found.id, search, reason=reason.strip(), person_id=person.id
                    )
                    name = f"search {search}"
                else:
                    assert file_id is not None
                    gone = searches.withdraw(
                        session, found.id, file_id, reason=reason.strip(), person_id=person.id
                    )
                    name = searches.batch(session, found.id, file_id).name
            wake(store, chosen.data_dir)
        output.result(
            {
                "review": found.slug,
                "file": file_id,
                "search": search,
                "name": name,
                "reason": reason.strip(),
                "reports_withdrawn": gone,
            },
            lambda screen: screen.print(
                f"{name} is withdrawn: {gone} records left the counts. Decisions on them "
                "stay readable; bringing them again brings them back."
            ),
        )


def export(
    file_format: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="csv (default), ris or jsonl; md or csv of the search log; md of the report.",
        ),
    ] = None,
    what: Annotated[str, typer.Option(help="records, search-log or screening-report.")] = "records",
    which: Annotated[str, typer.Option(help=f"Which records: {', '.join(exports.WHICH)}.")] = "all",
    audience: Annotated[
        str,
        typer.Option(
            "--for", help="team, or public: without abstracts whose source forbids sharing them."
        ),
    ] = "team",
    destination: Annotated[
        str | None, typer.Option("--output", help="File to write; - for standard output.")
    ] = None,
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Write the records with decisions and scores, or the log of searches or screening, to a file.

    The screening report says what whoever is named by --as may know.
    """
    with command(as_json) as output, opened() as store, store.read() as session:
        found = find_review(session, review)
        pieces: Iterable[str]
        if what == "search-log":
            file_format = file_format or "md"
            if file_format not in search_log.WRITERS:
                raise Refused(f"The search log is written as md or csv, not {file_format!r}.")
            log = log_of(session, found.id)
            pieces, which = [search_log.WRITERS[file_format](log)], "search-log"
        elif what == "screening-report":
            file_format = file_format or "md"
            if file_format != "md":
                raise Refused(f"The screening report is written as md, not {file_format!r}.")
            reader = find_person(session, actor)
            report = screening_report(
                session, found.id, seen_by=reader.id, at=dt.datetime.now(dt.UTC)
            )
            pieces, which = [report_document.as_markdown(report)], "screening"
        elif what == "records":
            file_format = file_format or "csv"
            pieces = exports.export(
                session,
                found.id,
                file_format,
                which,
                terms=settings().terms,
                audience=audience,
            )
        else:
            raise Refused(f"--what must be records, search-log or screening-report, not {what!r}.")
        if destination == "-":
            if as_json:
                raise Refused("--json and --output - both want standard output.")
            for piece in pieces:
                sys.stdout.write(piece)
            return
        path = Path(destination or f"{found.slug}-{which}.{file_format}")
        waiting = path.with_name(f"{path.name}.part")
        with waiting.open("w", encoding="utf-8", newline="") as file:
            for piece in pieces:
                file.write(piece)
        waiting.replace(path)
        output.result(
            {
                "review": found.slug,
                "file": str(path),
                "format": file_format,
                "what": what,
                "which": which,
            },
            lambda screen: screen.print(f"Written: {path}"),
        )
