"""Files that somebody made to break the import: it reads or refuses them, and takes no time."""

from __future__ import annotations

import contextlib
import io
import json
import re
import zipfile
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harvest.errors import UnreadableFile
from harvest.file_content import FileContent
from harvest.files.labels.file_labels import FileLabels, read_labels
from harvest.files.labels.judgement import parse_time
from harvest.json_text import parse_json
from tests.harvest.files.labels import asreview_projects as made
from tests.harvest.reading import read

DEEP = "[" * 100_000 + "]" * 100_000
ODD = "a\x00b\ud800c"
UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


def decisions(content: FileContent) -> FileLabels:
    return read_labels(content.records, "file", content.columns)


def eppi(name: str, text: str) -> str:
    code = {"AttributeId": 1, "AttributeName": name, "AttributeType": "Exclude"}
    put = [{"AttributeId": 1, "AdditionalText": text}]
    sets = [{"SetName": "Screen", "Attributes": {"AttributesList": [code]}}]
    return json.dumps(
        {
            "CodeSets": sets,
            "References": [{"ItemId": 1, "Title": "Boots", "Odd" + text: text, "Codes": put}],
        }
    )


@pytest.mark.parametrize("depth", [101, 990, 100_000])
def test_json_that_is_nested_too_deeply_is_refused(depth: int) -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        parse_json("[" * depth + "]" * depth)


def test_json_as_deep_as_a_real_file_is_read() -> None:
    assert parse_json("[" * 50 + "]" * 50) is not None


def test_a_line_that_is_nested_too_deeply_is_rejected_and_the_others_are_read() -> None:
    lines = ['{"title": "Boots", "doi": "10.5555/b.1"}', f'{{"title": "Meals", "x": {DEEP}}}']
    content = read("\n".join(lines))
    assert [record.title for record in content.records] == ["Boots"]
    assert "nested too deeply" in content.rejected[0].reason


@pytest.mark.parametrize(
    "data",
    [
        '{"References": [{"ItemId": 1, "Title": "Boots", "Codes": ' + DEEP + "}]}",
        f'{{"a": {DEEP}',
        made.packed({**made.members(3), "project.json": DEEP}),
    ],
)
def test_a_file_that_is_nested_too_deeply_is_refused(data: str | bytes) -> None:
    with pytest.raises(UnreadableFile):
        read(data)


@pytest.mark.parametrize("value", [5, 1.5, True, "Luts, Anna", {"name": "Luts"}, [[1]], [5], None])
@pytest.mark.parametrize("own", [{}, {"record_id": 1, "report_id": 1}])
def test_authors_of_any_kind_do_not_end_the_import(value: Any, own: dict[str, int]) -> None:
    content = read(json.dumps({"title": "Boots", "authors": value} | own))
    assert len(content.records) == 1


@pytest.mark.parametrize(
    "data",
    [
        json.dumps(
            {"title": ODD, "decision": "exclude", "decided_by": ODD, "note": ODD, "reasons": [ODD]}
            | {f"odd{ODD}": ODD}
        ),
        json.dumps(
            {"title": ODD, "record_id": 1, "report_id": 1, "decision": "exclude"}
            | {"decided_by": ODD, "note": ODD, "reasons": [ODD], "other_fields": {ODD: ODD}}
        ),
        json.dumps({"title": "Boots", "decision": ODD, "decided_by": "Ann"}),
        eppi("EXCLUDE on date " + ODD, ODD),
        "TY  - JOUR\nTI  - Boots\nXX  - a\x00b\nN1  - Winnow decision: include\n"
        "N1  - Winnow note: a\x00b\nER  - \n",
        "title,abstract,a\x00b,decision,decided_by\nBoots,Text,c\x00d,include,A\x00nn\n",
    ],
)
def test_no_character_comes_in_that_a_database_rejects(data: str) -> None:
    content = read(data)
    labels = decisions(content)
    assert labels.by_position or labels.unread
    said = (content.records, content.columns, content.unused_columns, labels)
    assert not UNSTORABLE.search(_flat(said))


def test_a_workbooks_escapes_bring_no_such_character() -> None:
    book, target = openpyxl.Workbook(), io.BytesIO()
    book.active.append(["Title", "Odd_x0000_", "Abstract"])
    book.active.append(["Boots", "a_xD800_b_x0000_", "Text"])
    book.save(target)
    content = read(target.getvalue())
    assert not UNSTORABLE.search(_flat((content.records, content.unused_columns)))


def _flat(value: object) -> str:
    """All texts in a value, whatever holds them; unlike ``repr`` it escapes nothing."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return _flat([*value.keys(), *value.values()])
    if isinstance(value, list | tuple):
        return "\n".join(map(_flat, value))
    slots = getattr(value, "__dataclass_fields__", {})
    return _flat([getattr(value, name) for name in slots])


def rayyan(notes: str) -> FileLabels:
    quoted = notes.replace('"', '""')
    return decisions(read(f'title,abstract,notes\nBoots,Text,"{quoted}"\n'))


@pytest.mark.parametrize(
    "notes",
    [
        "RAYYAN-INCLUSION: {" + '\\"' * 400_000,
        'RAYYAN-INCLUSION: {"Ann"=>"Included"} | USER-NOTES: ' + '"a"=>[' * 150_000,
        'RAYYAN-INCLUSION: {"Ann"=>"Included"} | USER-NOTES: {' + '"a"=>["' * 140_000,
        'RAYYAN-INCLUSION: {"Ann"=>"Included"} | USER-NOTES: {"a"=>[' + '"\\' * 400_000,
    ],
)
def test_a_long_note_of_quotes_takes_time_in_proportion(notes: str) -> None:
    """A million characters; with a search from every quote these took hours."""
    assert len(rayyan(notes).by_position) <= 1


def test_a_thousand_people_in_one_note_are_a_thousand() -> None:
    named = ", ".join(f'"P{number}"=>"Included"' for number in range(1000))
    labels = rayyan(f"RAYYAN-INCLUSION: {{{named}}}")
    assert len(labels.people) == 1000


def test_a_name_without_a_decision_does_not_hide_the_next() -> None:
    labels = rayyan('RAYYAN-INCLUSION: {"Ann", "Ben"=>"Excluded", "Cy"=>nothing, "Di"=>"Maybe"}')
    assert {one.person: one.decision for one in labels.by_position[1]} == {
        "Ben": "exclude",
        "Di": "maybe",
    }
    assert labels.unread == {"nothing": 1}


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_a_project_packed_in_an_unusual_way_is_refused(method: int) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in made.members(3).items():
            archive.writestr(name, content)
    with pytest.raises(UnreadableFile, match="unusual way"):
        read(target.getvalue())


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_a_damaged_database_in_a_project_never_fails_otherwise(data: st.DataObject) -> None:
    parts = made.members(3)
    content = bytearray(bytes(parts["results.db"]))
    for _ in range(data.draw(st.integers(1, 20))):
        at = data.draw(st.integers(16, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    with contextlib.suppress(UnreadableFile):
        read(made.packed({**parts, "results.db": bytes(content)}))


def test_a_damaged_schema_whose_message_is_no_text_is_refused() -> None:
    parts = made.members(3)
    content = bytes(parts["results.db"]).replace(
        b"CREATE TABLE results (", b"CREATE TABLE \xd7\xd7\xd7\xd7\xd7\xd7\xd7 ("
    )
    with pytest.raises(UnreadableFile, match="damaged"):
        read(made.packed({**parts, "results.db": content}))


def test_a_damaged_workbook_is_refused_and_never_fails_otherwise() -> None:
    book, target = openpyxl.Workbook(), io.BytesIO()
    book.active.append(["Title", "Abstract"])
    for number in range(50):
        book.active.append([f"Boots {number}", "Text"])
    book.save(target)
    content = target.getvalue()
    for at in range(40, len(content), 37):
        with contextlib.suppress(UnreadableFile):
            read(content[:at] + bytes([content[at] ^ 0x55]) + content[at + 1 :])


@pytest.mark.parametrize(
    "value",
    ["0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59", "1989-12-31", "2200-01-01", "0000-01-01"],
)
def test_a_time_that_is_not_credible_is_none(value: str) -> None:
    assert parse_time(value) is None
