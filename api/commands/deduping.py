"""winnow dedupe FILE, without store or review; winnow dedupe-report of a review."""

from __future__ import annotations

import csv
import os
import tempfile
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from api.commands.output import (
    Json,
    Output,
    Refused,
    ReviewOption,
    command,
    find_review,
    opened,
)
from api.commands.records import column_mapping, rejected_json, show_rejected
from api.services.dedupe_report import report_of
from api.services.deduplicating import questions
from harvest.dedupe.rules import ASK, SAME
from harvest.dedupe.run import Outcome, deduplicate
from harvest.files.read import FileContent, read_file
from harvest.record import Record
from store import overlap

_ID_COLUMN = "record_id"
_SHOWN = 20
_SAYS = {rule.name: rule.says for rule in (*SAME, *ASK)}


def dedupe(
    file: Annotated[
        Path, typer.Argument(help="RIS, NBIB, PubMed XML, BibTeX, EndNote XML, table.")
    ],
    clusters: Annotated[
        Path | None,
        typer.Option(help="Write record_id,cluster_id for every record to this CSV file."),
    ] = None,
    column_map: Annotated[
        list[str] | None, typer.Option("--map", help="FIELD=COLUMN, for tables; repeatable.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Find the records of a file that are the same report; nothing is stored."""
    with command(as_json, file=file) as output:
        if clusters is not None and not clusters.absolute().parent.is_dir():
            raise Refused(f"There is no folder {clusters.parent} for --clusters.")
        started = time.perf_counter()
        with output.progress("reading") as progress:
            content = _read(file, column_mapping(column_map or []), lambda n: progress(n, None))
        records = _named(content)
        with output.progress("comparing") as progress:
            outcome = deduplicate(
                records.items(), progress=lambda done: progress(done, len(records))
            )
        if clusters is not None:
            _write(clusters, outcome)
        _show(output, file, content, outcome, time.perf_counter() - started)


def dedupe_report(review: ReviewOption = None, as_json: Json = False) -> None:
    """Duplicates of a review by rule, open questions, and how often the rules are likely wrong."""
    with command(as_json) as output, opened() as store, store.read() as session:
        chosen = find_review(session, review)
        report = report_of(session, chosen.id)
        asked = len(questions(session, chosen.id))
        found = overlap.overlap(session, chosen.id)
        data = {
            "review": chosen.slug,
            **{
                name: getattr(report, name)
                for name in ("records", "reports", "duplicates", "related", "waiting")
            },
            "studies": report.studies.studies,
            "included_reports": report.studies.included_reports,
            "included_studies": report.studies.included_studies,
            "questions": asked,
            "rules": [asdict(rule) for rule in report.rules],
            "expected_false_pairs": report.false_pairs[0],
            "expected_false_pairs_95": report.false_pairs[1],
            "expected_copies_left": report.copies_left[0],
            "expected_copies_left_range": list(report.copies_left[1:]),
            "method": report.words,
            "sources": [asdict(each) for each in found.sources],
        }

        def show(screen: Console) -> None:
            screen.print(
                f"{report.records} records that count = {report.reports} reports + "
                f"{report.records - report.reports} copies; {report.duplicates} duplicates removed "
                "over all searches"
            )
            if report.waiting:
                screen.print(f"{report.waiting} records have not been compared yet.")
            table = Table("pairs", "rule", "labelled pairs", "false among them")
            for rule in report.rules:
                table.add_row(str(rule.pairs), rule.name, str(rule.labelled), str(rule.false))
            if report.rules:
                screen.print(table)
            sources = Table("source", "records", "reports", "only here", "included, only here")
            for each in found.sources:
                numbers = (each.records, each.reports, each.unique, each.unique_included)
                sources.add_row(each.source, *map(str, numbers))
            if found.sources:
                screen.print(sources)
            screen.print(
                f"{report.related} pairs are related; {report.studies.reports} reports are of "
                f"{report.studies.studies} studies (included: {report.studies.included_reports} of "
                f"{report.studies.included_studies}); {asked} questions are open."
            )
            screen.print(report.words)

        output.result(data, show)


def _read(file: Path, mapping: dict[str, str], progress: Any) -> FileContent:
    """Read the file; a column ``record_id`` names its records, ``source`` is no journal."""
    with file.open("rb") as stream:
        content = read_file(stream, mapping=mapping, progress=progress)
        if _ID_COLUMN not in content.unused_columns:
            return content
        own = {"accession": _ID_COLUMN}
        if content.columns.get("venue", "").lower() == "source" and "venue" not in mapping:
            own["venue"] = ""
        stream.seek(0)
        return read_file(stream, mapping={**own, **mapping}, progress=progress)


def _named(content: FileContent) -> dict[str, Record]:
    """Records by their id: the column ``record_id``, else the place in the file."""
    own = content.columns.get("accession") == _ID_COLUMN
    named: dict[str, Record] = {}
    for record in content.records:
        key = record.accession if own else str(record.position)
        if key is None:
            raise Refused(
                f"Record {record.position} has no {_ID_COLUMN}.",
                remedy="Give every row an id, or leave the column out.",
            )
        if key in named:
            raise Refused(
                f"The {_ID_COLUMN} {key!r} is given to records {named[key].position} and "
                f"{record.position}.",
                remedy="Give every row an id of its own.",
            )
        named[key] = record
    return named


def _write(path: Path, outcome: Outcome) -> None:
    """Write the clusters whole or not at all."""
    handle, name = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            rows = csv.writer(stream, lineterminator="\n")
            rows.writerow((_ID_COLUMN, "cluster_id"))
            for number, keys in enumerate(outcome.groups, start=1):
                rows.writerows((key, f"c{number}") for key in keys)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _show(
    output: Output, file: Path, content: FileContent, outcome: Outcome, seconds: float
) -> None:
    records = len(content.records)
    reports = len(outcome.groups)
    rules = Counter(p.verdict.rule for p in outcome.pairs if p.verdict.label == "same")
    data = {
        "file": str(file),
        "format": content.format,
        "records": records,
        "rejected": rejected_json(content.rejected),
        "reports": reports,
        "duplicates": records - reports,
        "groups": [list(keys) for keys in outcome.groups if len(keys) > 1],
        "pairs_compared": outcome.compared,
        "pairs": [
            {
                "a": pair.a,
                "b": pair.b,
                "label": pair.verdict.label,
                "rule": pair.verdict.rule,
                "reason": pair.verdict.reason,
                "guard": pair.verdict.guard,
            }
            for pair in outcome.pairs
        ],
        "warnings": list(outcome.warnings),
        "seconds": round(seconds, 3),
    }

    def show(screen: Console) -> None:
        screen.print(f"{file.name}: {content.format}, {records} records")
        screen.print(f"{records} records = {reports} reports + {records - reports} duplicates")
        table = Table("pairs", "rule", "merged because of", title="Merged by rule")
        for name, count in rules.most_common():
            table.add_row(str(count), name, _SAYS.get(name, ""))
        if rules:
            screen.print(table)
        related = sum(pair.verdict.label == "related" for pair in outcome.pairs)
        screen.print(f"{related} pairs are related (an erratum, a preprint, another place).")
        screen.print(f"{len(outcome.asked)} pairs are for a person to decide.")
        for pair in outcome.asked[:_SHOWN]:
            screen.print(f"  {pair.a} and {pair.b}: {pair.verdict.reason}", markup=False)
        if len(outcome.asked) > _SHOWN:
            screen.print(f"  … and {len(outcome.asked) - _SHOWN} more; --json lists all pairs.")
        for warning in outcome.warnings:
            screen.print(f"Warning: {warning}", markup=False)
        show_rejected(screen, content.rejected)

    output.result(data, show)
