"""winnow dedupe FILE, which needs no store; winnow dedupe-report for a review."""

from __future__ import annotations

import csv
import os
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from api.commands.output import (
    Json,
    Refused,
    ReviewOption,
    command,
    in_review,
)
from api.commands.record_files import parse_mapping, show_rejected
from api.schemas.duplicates import FileDuplicatesOut
from api.services.duplicates.dedupe_report import DedupeReport, build_report
from api.services.duplicates.questions import count_questions
from api.wording import count_noun
from harvest.dedupe.rules import ASK, SAME
from harvest.dedupe.run import Outcome, deduplicate
from harvest.file_content import FileContent
from harvest.parsing.child import Wanted, open_file
from harvest.record import Record
from store.reports import overlap
from store.reports.overlap import SourceCounts

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
    """Find the records of a file that belong to the same report; nothing is stored."""
    with command(as_json, file=file) as output:
        if clusters is not None and not clusters.absolute().parent.is_dir():
            raise Refused(f"There is no folder {clusters.parent} for --clusters.")
        started = time.perf_counter()
        with output.progress("reading") as progress:
            content = _read(file, parse_mapping(column_map or []), lambda n: progress(n, None))
        records = _by_id(content)
        with output.progress("comparing") as progress:
            outcome = deduplicate(
                records.items(), progress=lambda done: progress(done, len(records))
            )
        if clusters is not None:
            _write(clusters, outcome)
        result = _Result(file, content, outcome, time.perf_counter() - started)
        output.result(FileDuplicatesOut.model_validate(result).model_dump(mode="json"), result.show)


def dedupe_report(review: ReviewOption = None, as_json: Json = False) -> None:
    """Duplicates of a review by rule, open questions, and how many errors to expect."""
    with in_review(as_json, review) as act:
        with act.store.read() as session:
            report = build_report(session, act.review.id)
            questions = count_questions(session, act.review.id).total()
            sources = overlap.count_overlap(session, act.review.id).sources
        data = {
            "review": act.review.slug,
            "records": report.records,
            "reports": report.reports,
            "duplicates": report.duplicates,
            "related": report.related,
            "waiting": report.waiting,
            "studies": report.studies.studies,
            "included_reports": report.studies.included_reports,
            "included_studies": report.studies.included_studies,
            "questions": questions,
            "rules": [asdict(rule) for rule in report.rules],
            "expected_false_pairs": report.false_pairs[0],
            "expected_false_pairs_95": report.false_pairs[1],
            "expected_copies_left": report.copies_left[0],
            "expected_copies_left_range": list(report.copies_left[1:]),
            "method": report.words,
            "sources": [asdict(source) for source in sources],
        }

        def show(screen: Console) -> None:
            _show_report(screen, report)
            _show_sources(screen, sources)
            screen.print(
                f"Related: {count_noun(report.related, 'pair')}. "
                f"{count_noun(report.studies.reports, 'report')} in "
                f"{count_noun(report.studies.studies, 'study', 'studies')} (included: "
                f"{report.studies.included_reports:,} in {report.studies.included_studies:,}). "
                f"Open: {count_noun(questions, 'question')}."
            )
            screen.print(report.words)

        act.output.result(data, show)


def _show_report(screen: Console, report: DedupeReport) -> None:
    screen.print(
        f"{count_noun(report.records, 'record')} counted = {count_noun(report.reports, 'report')} "
        f"+ {count_noun(report.records - report.reports, 'copy', 'copies')}; "
        f"{count_noun(report.duplicates, 'duplicate')} removed over all searches"
    )
    if report.waiting:
        screen.print(
            f"{report.waiting:,} {'record has' if report.waiting == 1 else 'records have'} not "
            "been compared yet."
        )
    if report.rules:
        table = Table("pairs", "rule", "pairs in tests", "wrong in tests")
        for rule in report.rules:
            table.add_row(str(rule.pairs), rule.name, str(rule.labelled), str(rule.false))
        screen.print(table)


def _show_sources(screen: Console, sources: Sequence[SourceCounts]) -> None:
    if not sources:
        return
    table = Table("source", "records", "reports", "only here", "included, only here")
    for source in sources:
        numbers = (source.records, source.reports, source.unique, source.unique_included)
        table.add_row(source.source, *map(str, numbers))
    screen.print(table)


def _read(file: Path, mapping: dict[str, str], progress: Any) -> FileContent:
    """Read the file. A column ``record_id`` gives ids, and ``source`` is not the journal."""
    with open_file(file, Wanted(mapping=mapping), progress=progress) as opened:
        if _ID_COLUMN not in opened.unused_columns:
            return opened.content()
        own = {"accession": _ID_COLUMN}
        if opened.columns.get("venue", "").lower() == "source" and "venue" not in mapping:
            own["venue"] = ""
    with open_file(file, Wanted(mapping={**own, **mapping}), progress=progress) as opened:
        return opened.content()


def _by_id(content: FileContent) -> dict[str, Record]:
    """Records by their id: the column ``record_id``, or else the place in the file."""
    own = content.columns.get("accession") == _ID_COLUMN
    records: dict[str, Record] = {}
    for record in content.records:
        key = record.accession if own else str(record.position)
        if key is None:
            raise Refused(
                f"Record {record.position} has no {_ID_COLUMN}.",
                remedy="Give every row an id, or leave the column out.",
            )
        if key in records:
            raise Refused(
                f"The {_ID_COLUMN} {key!r} is given to records {records[key].position} and "
                f"{record.position}.",
                remedy="Give every row an id of its own.",
            )
        records[key] = record
    return records


def _write(path: Path, outcome: Outcome) -> None:
    """Write all clusters, or nothing."""
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


@dataclass(frozen=True, slots=True)
class _Result:
    """What deduplicating a file found.

    Attributes:
        content: the file's records and rejected entries.
        seconds: reading and comparing together.
    """

    file: Path
    content: FileContent
    outcome: Outcome
    seconds: float

    @property
    def records(self) -> int:
        """How many records the file has."""
        return len(self.content.records)

    @property
    def reports(self) -> int:
        """How many reports they belong to."""
        return len(self.outcome.groups)

    @property
    def duplicates(self) -> int:
        """How many records are copies of others."""
        return self.records - self.reports

    @property
    def merged(self) -> list[tuple[str, ...]]:
        """The groups of two or more records."""
        return [keys for keys in self.outcome.groups if len(keys) > 1]

    def show(self, screen: Console) -> None:
        """The result for a person."""
        screen.print(
            f"{self.file.name}: {self.content.format}, {count_noun(self.records, 'record')}"
        )
        screen.print(
            f"{count_noun(self.records, 'record')} = {count_noun(self.reports, 'report')} + "
            f"{count_noun(self.duplicates, 'duplicate')}"
        )
        labels = Counter(pair.decision.label for pair in self.outcome.pairs)
        if labels["same"]:
            self._show_rules(screen)
        screen.print(
            f"Related: {count_noun(labels['related'], 'pair')} "
            "(an erratum, a preprint, another place)."
        )
        questions = self.outcome.questions
        screen.print(f"For a person to decide: {count_noun(len(questions), 'pair')}.")
        for pair in questions[:_SHOWN]:
            screen.print(f"  {pair.a} and {pair.b}: {pair.decision.reason}", markup=False)
        if len(questions) > _SHOWN:
            screen.print(f"  … and {len(questions) - _SHOWN} more; --json lists all pairs.")
        for warning in self.outcome.warnings:
            screen.print(f"Warning: {warning}", markup=False)
        show_rejected(screen, self.content.rejected)

    def _show_rules(self, screen: Console) -> None:
        merged = [pair.decision for pair in self.outcome.pairs if pair.decision.label == "same"]
        table = Table("pairs", "rule", "merged because of", title="Merged by rule")
        for name, count in Counter(decision.rule for decision in merged).most_common():
            table.add_row(str(count), name, _SAYS.get(name, ""))
        screen.print(table)
