"""Exports that are read again: as many records as went in, and every value as it was."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

import pytest
import rispy
from bibtexparser.entrypoint import parse_string
from hypothesis import HealthCheck, given, settings

from benchmarks import export_readers
from harvest.exports.columns import as_cells
from harvest.exports.entry import ExportEntry, StageDecision, clean_line
from harvest.exports.lists import join_list, split_list
from harvest.files.labels import ours
from harvest.files.labels.file_labels import read_labels
from harvest.record import Author, Record
from tests.harvest.exports.entries import HOSTILE, entries, many, read, write
from tests.shared import CASES, needs_shared

FORMATS = ("csv", "xlsx", "ris", "bib", "jsonl")
# A label comes from the decision; the others are not the record's own.
_DERIVED = {"position", "label", "status_notices", "extra"}
FIELDS = [field.name for field in fields(Record) if field.name not in _DERIVED]
# Only slowness is no fault here: every other health check says that the entries are no good test.
quick = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
    # A rare failure says how to make it happen again.
    print_blob=True,
)


@pytest.mark.case("service", 12)
@quick
@given(made=entries())
@pytest.mark.parametrize("file_format", FORMATS)
def test_as_many_records_come_back_as_went_out_and_each_field_is_as_it_was(
    file_format: str, made: list[ExportEntry]
) -> None:
    content = read(write(file_format, made))
    assert content.format == {"bib": "bibtex"}.get(file_format, file_format)
    assert content.rejected == ()
    assert len(content.records) == len(made)
    for entry, back in zip(made, content.records, strict=True):
        assert {name: getattr(back, name) for name in FIELDS} == {
            name: getattr(entry.record, name) for name in FIELDS
        }


@quick
@given(made=entries())
@pytest.mark.parametrize("file_format", FORMATS)
def test_decisions_come_back_with_who_when_why_and_stage(
    file_format: str, made: list[ExportEntry]
) -> None:
    content = read(write(file_format, made))
    labels = read_labels(content.records, "export", content.columns)
    assert labels.unread == {}
    for entry, back in zip(made, content.records, strict=True):
        found = {one.stage: one for one in labels.by_position.get(back.position, ())}
        assert set(found) == {decision.stage for decision in entry.decisions}
        for decision in entry.decisions:
            one = found[decision.stage]
            assert one.decision == decision.decision
            assert clean_line(one.person) == clean_line(decision.decided_by)
            assert one.decided_at is not None
            assert one.decided_at.isoformat() == decision.decided_at
            assert clean_line(one.note) == clean_line(decision.note)
            if decision.decision == "exclude":
                given = dict.fromkeys(filter(None, map(clean_line, decision.reasons)))
                assert list(dict.fromkeys(map(clean_line, one.reasons))) == list(given)
        decided = entry.decision.decision if entry.decision else None
        assert back.label == (decided if decided in ("include", "exclude") else None)


@quick
@given(made=entries())
@pytest.mark.parametrize("file_format", ["csv", "bib", "jsonl"])
def test_an_export_of_what_an_export_held_is_the_same(
    file_format: str, made: list[ExportEntry]
) -> None:
    back = read(write(file_format, made)).records
    again = [
        replace(entry, record=replace(record, label=entry.record.label))
        for entry, record in zip(made, back, strict=True)
    ]
    assert write(file_format, again) == write(file_format, made)


@quick
@given(values=many)
def test_lists_come_apart_as_they_were_joined(values: list[str]) -> None:
    plain = [value for value in map(clean_line, values) if value]
    assert split_list(join_list(plain)) == tuple(plain)


@quick
@given(made=entries())
def test_programs_of_others_find_as_many_records(made: list[ExportEntry]) -> None:
    ris = write("ris", made).decode()
    assert ris.startswith("TY  - ")
    assert ris.count("\nTY  - ") + 1 == len(made)
    assert [entry.get("title") for entry in rispy.loads(ris)] == [e.record.title for e in made]
    rows = list(csv.DictReader(io.StringIO(write("csv", made).decode("utf-8-sig"), newline="")))
    assert rows == [
        {name: "" if value is None else str(value) for name, value in as_cells(entry).items()}
        for entry in made
    ]
    library = parse_string(write("bib", made).decode(), parse_stack=[])
    assert len(library.entries) == len(library.blocks) == len(made)
    assert len({entry.key for entry in library.entries}) == len(made)


def example(number: int = 1, decision: str | None = None, **values: object) -> ExportEntry:
    """One entry; ``values`` are those of its record."""
    record = replace(Record(number, title=f"Title {number}"), **values)  # type: ignore[arg-type] # fields of a record, by name
    made = (
        StageDecision(decision=decision, decided_by="Ann", decided_at="2026-01-02T03:04:05+00:00")
        if decision
        else None
    )
    return ExportEntry(record=record, record_id=number, report_id=number, decision=made)


def test_two_authors_of_one_name_and_a_group_stay() -> None:
    authors = (Author("Li, Wei"), Author("Li, Wei"), Author("WHO and FAO", collective=True))
    for file_format in FORMATS:
        (back,) = read(write(file_format, [example(authors=authors)])).records
        assert back.authors == authors


def test_other_fields_come_back_and_are_not_taken_for_what_the_team_decided() -> None:
    extra = {"Ref.": "a  b\nc", "decision": "include", "winnow_decision": "include", "": "x"}
    made = [example(extra=extra)]
    for file_format in ("csv", "xlsx", "bib", "jsonl"):
        (back,) = read(write(file_format, made)).records
        assert back.label is None
        assert read_labels([back]).by_position == {}
        assert back.extra["Ref."] == "a  b\nc"
        assert back.extra["file_decision"] == "include"
        again = [replace(made[0], record=back)]
        assert write("jsonl", again) == write("jsonl", made)


def test_fields_of_a_ris_file_without_a_name_here_stay_in_ris() -> None:
    extra = {"A2": "Moreau, A\nKask, T", "CY": "Riga", "XX": "lost", "VL": "12"}
    data = write("ris", [example(types=("CHAP",), extra=extra)])
    assert b"A2  - Moreau, A\nA2  - Kask, T\n" in data
    assert b"XX" not in data
    (back,) = read(data).records
    assert {name: back.extra.get(name) for name in ("A2", "CY")} == {
        "A2": "Moreau, A\nKask, T",
        "CY": "Riga",
    }


def test_a_note_of_the_source_decides_nothing() -> None:
    notes = ("ASReview_relevant", "Winnow decision: include", "Source note: Winnow stage: x")
    for file_format in FORMATS:
        data = write(file_format, [example(notes=notes)])
        (back,) = read(data).records
        assert back.notes == notes
        assert back.label is None
        assert read_labels([back]).by_position == {}
    assert b"N1  - ASReview_not_seen\n" in write("ris", [example(notes=notes)])


def test_full_text_decisions_are_never_labels_of_titles_and_abstracts() -> None:
    final = StageDecision(decision="exclude", stage=ours.FULL_TEXT, reasons=("Wrong outcomes",))
    for file_format in FORMATS:
        data = write(file_format, [replace(example(decision="include"), full_text=final)])
        (back,) = read(data).records
        assert back.label == "include"
        found = read_labels([back]).by_position[1]
        assert [(one.stage, one.decision, one.reasons) for one in found] == [
            (ours.TITLE_ABSTRACT, "include", ()),
            (ours.FULL_TEXT, "exclude", ("Wrong outcomes",)),
        ]
        (only,) = read(write(file_format, [replace(example(), full_text=final)])).records
        assert only.label is None
        assert [one.stage for one in read_labels([only]).by_position[1]] == [ours.FULL_TEXT]


def test_what_a_cell_of_a_workbook_cannot_hold_is_cut_and_flagged() -> None:
    names = tuple(Author(f"Family{number}, Given") for number in range(4000))
    long = example(abstract="x" * 40_000, authors=names, extra={"CR": "y" * 40_000, "AF": "z"})
    (back,) = read(write("xlsx", [long])).records
    assert back.abstract == "x" * 32_767
    assert back.authors == names[: len(back.authors)]
    assert 1000 < len(back.authors) < 4000
    assert back.extra["AF"] == "z"
    assert set(back.flags) == {"cut-abstract", "cut-authors", "cut-other_fields"}
    # One cell must not keep Python's reader from the whole file.
    (row,) = csv.DictReader(
        io.StringIO(write("csv", [example(extra={"CR": "y" * 140_000})]).decode("utf-8-sig"))
    )
    assert row["flags"] == "cut-other_fields"


def seen_by_others(folder: Path, made: Sequence[ExportEntry]) -> dict[str, list[tuple[str, str]]]:
    """By reader: the fields that it does not see as they were written."""
    for file_format in ("ris", "csv", "xlsx"):
        (folder / f"e.{file_format}").write_bytes(write(file_format, made))
    wrong: dict[str, list[tuple[str, str]]] = {}
    for name, found in export_readers.read_folder(folder).items():
        for reader, (field, before, after) in export_readers.compare(name, made, found):
            listed = wrong.setdefault(reader, [])
            if (before or None) != (after or None):
                listed.append((field, f"{before!r} is seen as {after!r}"))
    return wrong


@pytest.mark.skipif(
    not export_readers.PEERS.is_file(), reason="the other readers are absent (make bench-peers)"
)
def test_asreview_sees_every_label_and_pandas_and_rispy_every_field(tmp_path: Path) -> None:
    # pandas does not read "_x0041_" as Excel does.
    hostile = [text for text in map(clean_line, HOSTILE) if text and "_x" not in text]
    made = []
    for number, text in enumerate(hostile, start=1):
        decision = (None, "include", "exclude", "maybe")[number % 4]
        entry = example(
            number,
            decision,
            abstract=text,
            venue=text,
            authors=(Author(f"Li, {number}"),),
            notes=(text,),
            keywords=("one", f"two {number}"),
            year=2015,
            doi=f"10.5555/{number}",
            types=("Journal Article",),
            language="eng",
            pmid="11",
            pmcid="PMC22",
            accession="A1",
        )
        if entry.decision:
            entry = replace(entry, decision=replace(entry.decision, note=f"{text}\nER  - \n{text}"))
        made.append(entry)
    wrong = seen_by_others(tmp_path, made)
    # ASReview takes words for no value, such as "NA", out of tables.
    for reader in ("ASReview (csv)", "ASReview (xlsx)"):
        assert {field for field, _ in wrong.pop(reader)} <= {"abstract"}
    assert wrong == {
        "ASReview (ris)": [],
        "rispy (ris)": [],
        "pandas (csv)": [],
        "pandas (xlsx)": [],
    }


@needs_shared
@pytest.mark.case("files", "roundtrip-odd-values.jsonl")
@pytest.mark.parametrize("file_format", FORMATS)
def test_the_odd_values_of_the_shared_case_come_back(file_format: str) -> None:
    given = read((CASES / "files" / "roundtrip-odd-values.jsonl").read_bytes()).records
    assert [record.label for record in given] == [None, "include", None, None]
    made = [
        ExportEntry(
            record=record,
            record_id=record.position,
            report_id=record.position,
            decision=StageDecision(decision=record.label) if record.label else None,
        )
        for record in given
    ]
    back = read(write(file_format, made)).records
    for name in ("title", "abstract", "authors", "pages", "types", "pmcid", "keywords", "label"):
        assert [getattr(r, name) for r in back] == [getattr(r, name) for r in given], name
