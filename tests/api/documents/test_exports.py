"""Exports of records with their decisions."""

from __future__ import annotations

import csv
import io
import json

import pytest
import rispy

from api.documents import exports
from api.documents.exports import ExportChoice
from api.protocol import ProtocolBody
from api.services.screening import deciding
from api.services.searching import importing
from api.services.searching.importing import ImportRequest
from harvest.files.read import read_file
from store.core.session import Store
from store.reports import marks, record_texts
from store.reports.marks import NewMark
from store.reviews import reviews
from store.reviews.people import PersonInfo
from store.reviews.reviews import NewReview, ReviewInfo
from store.rules.plans import FULL_TEXT
from store.screening.decisions import NewDecision
from tests.api.corpus import decide
from tests.shared import CASES, needs_shared, on_sqlite
from tests.store.builders import add_records


def test_exports_hold_every_record_with_its_decision(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    data = 'title,abstract,authors,doi,url\n"=cmd()|x",@SUM,"Smith, Tom; Li, Wei",10.1000/a,http://a.b\nTwo,y,,,\n'
    importing.import_file(
        store,
        review.id,
        io.BytesIO(data.encode()),
        "f.csv",
        ImportRequest(),
        person_id=person.id,
    )
    with store.read() as session:
        reports = [text.report_id for text in record_texts.list_report_texts(session, review.id)]
    decide(store, review, person, reports[0], relevant=True)
    with store.read() as session:
        table = b"".join(exports.export(session, review.id, "csv")).decode()
        rows = list(csv.DictReader(io.StringIO(table.removeprefix("\ufeff"))))
        lines = [
            json.loads(line)
            for line in b"".join(exports.export(session, review.id, "jsonl")).splitlines()
        ]
        ris = b"".join(exports.export(session, review.id, "ris")).decode()
        only = b"".join(exports.export(session, review.id, "csv", ExportChoice("include"))).decode()
        with pytest.raises(ValueError, match="csv, xlsx, ris, bib, jsonl"):
            exports.export(session, review.id, "xls")
        with pytest.raises(ValueError, match="which must be"):
            exports.export(session, review.id, "csv", ExportChoice("some"))
    assert [row["decision"] for row in rows] == ["include", ""]
    # CSV holds what is stored; a workbook types it as text, so that no spreadsheet runs it.
    assert (rows[0]["title"], rows[0]["abstract"]) == ("=cmd()|x", "@SUM")
    assert lines[0]["authors"] == [
        {"name": "Smith, Tom", "collective": False},
        {"name": "Li, Wei", "collective": False},
    ]
    entries = rispy.loads(ris)
    assert [entry["title"] for entry in entries] == ["=cmd()|x", "Two"]
    assert "Winnow decision: include" in entries[0]["notes"]
    assert only.count("\r\n") == 2


@pytest.mark.parametrize("file_format", ["csv", "xlsx", "ris", "bib", "jsonl"])
def test_an_export_can_be_imported_again(
    store: Store, review: ReviewInfo, person: PersonInfo, file_format: str
) -> None:
    add_records(store, review.id, 5)
    with store.read() as session:
        data = b"".join(exports.export(session, review.id, file_format))
        before = [(t.title, t.abstract) for t in record_texts.list_report_texts(session, review.id)]
    content = read_file(io.BytesIO(data))
    assert [(r.title, r.abstract) for r in content.records] == before
    assert content.rejected == ()


@needs_shared
@on_sqlite
@pytest.mark.parametrize("file_format", list(exports.FORMATS))
def test_odd_values_and_decisions_are_the_same_in_a_review_that_imports_the_export(
    store: Store, review: ReviewInfo, person: PersonInfo, file_format: str
) -> None:
    with store.write() as session:
        new = NewReview("other", "Another review", ProtocolBody().stored())
        other = reviews.create_review(session, new, person_id=person.id)
    request = ImportRequest(labels="decisions")
    data = (CASES / "files" / "roundtrip-odd-values.jsonl").read_bytes()
    held = []
    for number, into in enumerate((review, other)):
        stream = io.BytesIO(data)
        outcome = importing.import_file(
            store, into.id, stream, f"{number}", request, person_id=person.id
        )
        assert (outcome.rejected, outcome.decisions_added) == ((), 1)
        with store.read() as session:
            held.append(list(exports.list_entries(session, into.id)))
            data = b"".join(exports.export(session, into.id, file_format))
    first, second = held
    assert [entry.record.title for entry in second][:2] == [
        "=SUM(A1:A2) of boots",
        "@handle in boots",
    ]
    for before, after in zip(first, second, strict=True):
        for name in ("title", "abstract", "authors", "types", "pmid", "pmcid", "pages", "keywords"):
            assert getattr(before.record, name) == getattr(after.record, name)
        decided = [entry.decision and entry.decision.decision for entry in (before, after)]
        assert decided[0] == decided[1]
    assert [bool(entry.decision) for entry in second] == [False, True, False, False]


def test_a_full_text_decision_is_exported_as_that_and_not_before_it_is_settled(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, two = add_records(store, review.id, 2)
    for report, decision in ((one, "exclude"), (two, "maybe")):
        decide(store, review, person, report, relevant=True)
        made = NewDecision(f"f{report}", report, decision, stage=FULL_TEXT)
        deciding.record_decision(store, review.id, person.id, made)
    with store.read() as session:
        found = list(exports.list_entries(session, review.id))
    assert [entry.decision and entry.decision.decision for entry in found] == ["include"] * 2
    assert [entry.full_text and entry.full_text.decision for entry in found] == ["exclude", None]


def test_tags_and_notes_of_the_team_are_exported_once_others_may_see_them(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, two = add_records(store, review.id, 2)
    with store.write() as session:
        for report in (one, two):
            for mark in (NewMark("tag", "RCT"), NewMark("note", "check arms"), NewMark("star")):
                marks.add_mark(session, review.id, person.id, report, mark)
    decide(store, review, person, one, relevant=True)
    with store.read() as session:
        found = list(exports.list_entries(session, review.id))
    assert [(entry.tags, entry.team_notes) for entry in found] == [
        (("RCT",), ("ada: check arms",)),
        ((), ()),
    ]
